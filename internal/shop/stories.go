package shop

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Consent is one row of what the shop knows about people's decisions, as it would export it from older systems.
type Consent struct {
	Email string
	// Event is given, withdrawn, objected or relationship.
	Event, Purpose, Notice string
	At                     time.Time
	Touchpoint, Proof      string
	Goods, Scope           string
	// ObjectionNotice tells whether a buyer was shown the right to object.
	ObjectionNotice bool
}

// Archive is where the shop keeps what proves the row: the system that took it, and its number there, which names nobody.
func (c Consent) Archive() string {
	sum := sha256.Sum256([]byte(c.Email + " " + c.Purpose + " " + c.At.UTC().Format(time.RFC3339)))
	return c.Touchpoint + "/" + hex.EncodeToString(sum[:8])
}

var (
	newsletterConfirmed = Consent{Event: "given", Purpose: "newsletter", Notice: "newsletter-v1", Touchpoint: "web-shop", Proof: "MailboxConfirmed"}
	newsletterUnproven  = Consent{Event: "given", Purpose: "newsletter", Notice: "newsletter-v1", Touchpoint: "old-newsletter-tool"}
	newsletterOnPaper   = Consent{Event: "given", Purpose: "newsletter", Notice: "newsletter-v1", Touchpoint: "till", Proof: "Signed"}
	newsletterWithdrawn = Consent{Event: "withdrawn", Purpose: "newsletter", Touchpoint: "unsubscribe-link"}
	profileGiven        = Consent{Event: "given", Purpose: "profile-view", Notice: "profile-v1", Touchpoint: "my-account", Proof: "AuthenticatedSession"}
	profileUnproven     = Consent{Event: "given", Purpose: "profile-view", Notice: "profile-v1", Touchpoint: "old-newsletter-tool"}
	profileWithdrawn    = Consent{Event: "withdrawn", Purpose: "profile-view", Touchpoint: "my-account"}
	objectedToAll       = Consent{Event: "objected", Scope: "all", Touchpoint: "hotline"}
	boughtForGarden     = Consent{Event: "relationship", Goods: "garden", ObjectionNotice: true, Touchpoint: "web-shop"}
	boughtUntold        = Consent{Event: "relationship", Goods: "garden", Touchpoint: "till"}
)

// story is what happened between the shop and a person, in the order of time. Newsletter and profile are what follows from it,
// written down by hand: may the person be sent the newsletter, and may the dashboard show them?
type story struct {
	// weight is how many of 1000 people it happened to.
	weight              int
	is                  string
	events              []Consent
	newsletter, profile bool
}

var stories = []story{
	{weight: 300, is: "was never asked"},
	{
		weight: 205, is: "confirmed the newsletter", newsletter: true,
		events: []Consent{newsletterConfirmed},
	},
	{
		weight: 60, is: "bought something, and confirmed the newsletter", newsletter: true,
		events: []Consent{boughtForGarden, newsletterConfirmed},
	},
	{
		weight: 70, is: "confirmed the newsletter and later agreed to advice by profile", newsletter: true, profile: true,
		events: []Consent{newsletterConfirmed, profileGiven},
	},
	{
		weight: 15, is: "was taken over without evidence, and confirmed when asked again", newsletter: true,
		events: []Consent{newsletterUnproven, newsletterConfirmed},
	},
	{
		weight: 15, is: "agreed to both and took back the profile only", newsletter: true,
		events: []Consent{newsletterConfirmed, profileGiven, profileWithdrawn},
	},
	{
		weight: 15, is: "agreed to both and took back the newsletter only", profile: true,
		events: []Consent{newsletterConfirmed, profileGiven, newsletterWithdrawn},
	},
	{
		weight: 20, is: "agreed to advice by profile only", profile: true,
		events: []Consent{profileGiven},
	},
	{weight: 120, is: "was taken over without evidence", events: []Consent{newsletterUnproven}},
	{weight: 10, is: "was taken over without evidence, for the profile too", events: []Consent{newsletterUnproven, profileUnproven}},
	{weight: 10, is: "signed on paper, and no mailbox was ever confirmed", events: []Consent{newsletterOnPaper}},
	{weight: 60, is: "confirmed the newsletter and took it back", events: []Consent{newsletterConfirmed, newsletterWithdrawn}},
	{weight: 25, is: "confirmed the newsletter and objected to all advertising", events: []Consent{newsletterConfirmed, objectedToAll}},
	{weight: 10, is: "agreed to both and objected to all advertising", events: []Consent{newsletterConfirmed, profileGiven, objectedToAll}},
	{weight: 40, is: "bought something and was shown the right to object", events: []Consent{boughtForGarden}},
	{weight: 10, is: "bought something and was not shown the right to object", events: []Consent{boughtUntold}},
	{weight: 5, is: "bought something and objected", events: []Consent{boughtForGarden, objectedToAll}},
	{weight: 10, is: "objected without ever having agreed", events: []Consent{objectedToAll}},
}

func storyOf(seed uint64, person int) *story {
	at := chance(seed, person, useStory).IntN(1000)
	for i := range stories {
		if at -= stories[i].weight; at < 0 {
			return &stories[i]
		}
	}
	return &stories[0]
}

// Consents gives what the shop knows about the decisions of the first n people of a seed, oldest first. The rows of one person
// follow one another in time. Some rows spell the address with capitals, as people do.
func Consents(seed uint64, n int) []Consent {
	var rows []Consent
	for i, c := range People(seed, n) {
		r := chance(seed, i, useTimes)
		at, email := opened, c.Email
		if r.IntN(50) == 0 {
			email = strings.ToUpper(email[:1]) + email[1:]
		}
		for _, e := range storyOf(seed, i).events {
			at = at.Add(time.Hour + time.Duration(r.IntN(400*24*3600))*time.Second)
			e.Email, e.At = email, at
			rows = append(rows, e)
		}
	}
	slices.SortStableFunc(rows, func(a, b Consent) int { return a.At.Compare(b.At) })
	return rows
}
