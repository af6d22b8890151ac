package api

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/problem"
)

// event is what a caller may say about an event. Position, time and actor are the ledger's to set.
type event struct {
	Type            consent.EventType `json:"type"`
	OccurredAt      time.Time         `json:"occurredAt,omitzero"`
	Touchpoint      string            `json:"touchpoint,omitzero"`
	Purpose         consent.PurposeID `json:"purpose,omitzero"`
	Notice          consent.NoticeID  `json:"notice,omitzero"`
	Language        string            `json:"language,omitzero"`
	Pending         bool              `json:"pending,omitzero"`
	Proof           consent.Proof     `json:"proof,omitzero"`
	BasedOn         consent.Position  `json:"basedOn,omitzero"`
	Grant           consent.Position  `json:"grant,omitzero"`
	Channel         consent.Channel   `json:"channel,omitzero"`
	Scope           consent.Scope     `json:"scope,omitzero"`
	Goods           []string          `json:"goods,omitempty"`
	ObjectionNotice bool              `json:"objectionNotice,omitzero"`
	Attribute       string            `json:"attribute,omitzero"`
	Value           string            `json:"value,omitzero"`
}

const (
	maxName  = 253
	maxGoods = 64
	// maxAhead is how far the clock of whoever appends may be ahead.
	maxAhead = 5 * time.Minute
)

// Names are those of Kubernetes objects, optionally with a namespace. They leave no room for an address.
var (
	nameShape = regexp.MustCompile(`^[a-z0-9]([-a-z0-9./]*[a-z0-9])?$`)
	// A language tag (BCP 47) leaves no room for anything else, either.
	languageShape = regexp.MustCompile(`^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8}){0,3}$`)
	goodsShape    = regexp.MustCompile(`^[\pL\pN][-\pL\pN ._/&+]*$`)
)

// check gives the event to append, or what is wrong with it, by member.
func (in event) check(now time.Time) (consent.Event, []problem.Item) {
	var items []problem.Item
	need := func(ok bool, member, detail string) {
		if !ok {
			items = append(items, problem.Item{Member: member, Detail: detail})
		}
	}
	name := func(s string) bool { return s == "" || (len(s) <= maxName && nameShape.MatchString(s)) }
	// Unknown types end here, so that later errors, metrics and logs only repeat words of ours.
	need(slices.Contains(types, in.Type), "type", "say what happened with an event of the vocabulary, for example given or withdrawn")
	need(name(string(in.Purpose)), "purpose", "give the name of a DataPurpose")
	need(name(string(in.Notice)), "notice", "give the name of a ConsentNotice")
	need(in.Language == "" || (in.Notice != "" && languageShape.MatchString(in.Language)), "language", "give the language of the notice's wording that the person saw, such as de")
	need(name(in.Touchpoint), "touchpoint", "give the name of a Touchpoint, such as shop/newsletter-form")
	need(in.Proof == "" || slices.Contains(proofs, in.Proof), "proof", "give MailboxConfirmed, NumberConfirmed, Signed or AuthenticatedSession, or leave it out")
	need(in.Channel == "" || slices.Contains(channels, in.Channel), "channel", "give email, sms, phone, post or web, or leave it out")
	need(!in.Pending || in.Proof == "", "pending", "a grant that waits for confirmation has no proof yet; leave out one of the two")
	need(!in.Pending || in.Type == consent.EventGiven, "pending", "only a given event can wait for confirmation; widen once it is proven")
	need(!in.OccurredAt.After(now.Add(maxAhead)), "occurredAt", "give a time that is not in the future")
	need(in.OccurredAt.IsZero() || in.OccurredAt.Year() >= 1970, "occurredAt", "give a time since 1970")
	need(len(in.Goods) <= maxGoods, "goods", "give at most 64 kinds of goods")
	for _, g := range in.Goods {
		need(len(g) <= maxName && goodsShape.MatchString(g), "goods", "give kinds of goods as words of letters and digits")
	}
	switch in.Attribute {
	case "":
		need(in.Value == "", "value", "a value needs an attribute")
	case "age":
		age, err := strconv.Atoi(in.Value)
		need(err == nil && age >= 0 && age < 150, "value", "give the verified age in whole years")
	case "addressee":
		need(in.Value == "business" || in.Value == "consumer", "value", "give business or consumer")
	default:
		need(false, "attribute", "give age or addressee")
	}
	return consent.Event{
		Type: in.Type, OccurredAt: in.OccurredAt.UTC(), Touchpoint: in.Touchpoint, Purpose: in.Purpose, Notice: in.Notice, Language: in.Language,
		Pending: in.Pending, Proof: in.Proof, BasedOn: in.BasedOn, Grant: in.Grant, Channel: in.Channel, Scope: in.Scope,
		Goods: in.Goods, ObjectionNotice: in.ObjectionNotice, Attribute: in.Attribute, Value: in.Value,
	}, items
}

var (
	types = []consent.EventType{
		consent.EventAsked, consent.EventRefused, consent.EventDeferred, consent.EventGiven, consent.EventConfirmed,
		consent.EventDisowned, consent.EventRenewed, consent.EventWidened, consent.EventWithdrawn, consent.EventCancelled,
		consent.EventObjected, consent.EventObjectionLifted, consent.EventRestricted, consent.EventUnrestricted,
		consent.EventRelationship, consent.EventAttribute, consent.EventErasureRequested, consent.EventErased, consent.EventSuppressed,
		consent.EventLinked, consent.EventUnlinked,
	}
	proofs = []consent.Proof{
		consent.ProofMailboxConfirmed, consent.ProofNumberConfirmed, consent.ProofSigned, consent.ProofAuthenticatedSession,
	}
	channels = []consent.Channel{
		consent.ChannelEmail, consent.ChannelSMS, consent.ChannelPhone, consent.ChannelPost, consent.ChannelWeb,
	}
)
