package api

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// proposalLife is how long a second officer may take.
const proposalLife = 7 * 24 * time.Hour

// correctable are entries that may turn out to be mis-keyed, and that a correction makes good. The rest is undone by an event of its own.
var correctable = []consent.EventType{
	consent.EventAsked, consent.EventRefused, consent.EventDeferred, consent.EventGiven, consent.EventConfirmed, consent.EventDisowned,
	consent.EventRenewed, consent.EventWidened, consent.EventWithdrawn, consent.EventCancelled, consent.EventObjected,
	consent.EventObjectionLifted, consent.EventUnrestricted, consent.EventRelationship,
}

// mistake is what both officers name: whose entry, and where it is.
type mistake struct {
	Identifier consent.Identifier `json:"identifier"`
	Corrects   consent.Position   `json:"corrects"`
}

// proposal is what the first officer's signature is about. The ledger keeps none: whoever approves sends it back, so it survives restarts
// and replicas, and it says the same about the entry, by its leaf, as long as the log holds it.
type proposal struct {
	By string `json:"by"`
	// Person stands for the person behind By, where the token names one.
	Person   string           `json:"person,omitempty"`
	Corrects consent.Position `json:"corrects"`
	Leaf     string           `json:"leaf"`
	Expires  time.Time        `json:"expires"`
}

// propose answers POST /v1/corrections: an officer says that an entry was mis-keyed. Nothing changes until another one approves.
func (a *API) propose(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	var in mistake
	if err := read(w, r, maxLookup, &in); err != nil {
		return err
	}
	entry, leaf, err := a.mistaken(r, in)
	if err != nil {
		return err
	}
	p := proposal{By: c.Subject, Person: a.personOf(c), Corrects: in.Corrects, Leaf: proof.Format(leaf), Expires: a.Now().UTC().Add(proposalLife).Truncate(time.Second)}
	text, err := a.sealed(p)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, struct {
		Proposal string        `json:"proposal"`
		Expires  time.Time     `json:"expires"`
		Event    consent.Event `json:"event"`
	}{text, p.Expires, entry.Event})
}

// approve answers POST /v1/corrections/approve: another officer names the same entry, and sends the proposal.
func (a *API) approve(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	var in struct {
		mistake
		Proposal string `json:"proposal"`
	}
	if err := read(w, r, maxLookup, &in); err != nil {
		return err
	}
	p, ok := a.unsealed(in.Proposal)
	if !ok || p.Corrects != in.Corrects {
		return problem.Invalid("the proposal is none of this ledger for this entry, or has expired; have it proposed again")
	}
	// Somebody with two accounts is one officer, as far as their tokens tell.
	if p.By == c.Subject || (p.Person != "" && p.Person == a.personOf(c)) {
		return problem.Forbidden("a correction needs two officers: have somebody else approve what you proposed")
	}
	entry, leaf, err := a.mistaken(r, in.mistake)
	if err != nil {
		return err
	}
	if proof.Format(leaf) != p.Leaf {
		return problem.Invalid("the proposal is about another entry; have it proposed again")
	}
	// Each identity is corrected by an event of its own: one for several would link them, and they may have been told apart since.
	var all []store.Append
	for i, id := range entry.Identities {
		one := store.Append{Identities: []store.Identity{identityOf(id)}, Event: consent.Event{
			Type: consent.EventCorrected, Actor: consent.ActorOfficer, Corrects: p.Corrects, By: p.By, ApprovedBy: c.Subject,
		}}
		one.Key = a.Keys.Name("correction", p.Leaf, strconv.Itoa(i))
		if one.Digest, err = digest(one.Identities, consent.Event{Type: consent.EventCorrected, Corrects: p.Corrects}); err != nil {
			return err
		}
		all = append(all, one)
	}
	results, refused, err := a.Store.Append(r.Context(), all...)
	if err != nil {
		return err
	}
	for i, err := range refused {
		if err != nil {
			return a.refused(all[i].Event, err)
		}
		outcome := "appended"
		if results[i].Replayed {
			outcome = "replayed"
		}
		a.Appended(string(consent.EventCorrected), outcome)
	}
	last := results[len(results)-1]
	w.Header().Set("OptUp-Position", strconv.FormatUint(uint64(last.Position), 10))
	return answer(w, http.StatusCreated, a.acknowledge(w, r, last))
}

// personOf gives what stands for the person whom a token names; empty where it names none.
func (a *API) personOf(c access.Caller) string {
	if c.Person == nil {
		return ""
	}
	i, err := consent.Normalize(*c.Person)
	if err != nil {
		return ""
	}
	return a.Keys.Name("officer", string(i.Type), i.Value)
}

// mistaken gives the entry that officers name, with its leaf. Somebody else's is not there.
func (a *API) mistaken(r *http.Request, m mistake) (store.Entry, proof.Hash, error) {
	tags, err := a.Keys.Every(m.Identifier)
	if err != nil {
		return store.Entry{}, proof.Hash{}, problem.Invalid(identifierHint)
	}
	none := problem.NotFound("there is no entry at this position under this identifier; POST /v1/people/lookup and POST /v1/people/export tell where they are")
	if m.Corrects == 0 || m.Corrects > 1<<62 {
		return store.Entry{}, proof.Hash{}, none
	}
	page, err := a.Store.Entries(r.Context(), m.Corrects, 1)
	if err != nil {
		return store.Entry{}, proof.Hash{}, err
	}
	if len(page) != 1 || page[0].Position != m.Corrects || page[0].Entry == nil {
		return store.Entry{}, proof.Hash{}, none
	}
	entry, err := store.DecodeEntry(page[0].Entry)
	if err != nil {
		return entry, proof.Hash{}, err
	}
	if !slices.ContainsFunc(entry.Identities, func(i store.EntryIdentity) bool {
		return slices.ContainsFunc(i.Tags, func(t wire.Tag) bool { return slices.Contains(tags, consent.Tag(t)) })
	}) {
		return entry, proof.Hash{}, none
	}
	if !slices.Contains(correctable, entry.Event.Type) {
		return entry, proof.Hash{}, problem.Invalid("a correction does not undo an entry of this kind; append the event that does")
	}
	return entry, page[0].Leaf, nil
}

func identityOf(i store.EntryIdentity) store.Identity {
	out := store.Identity{Type: i.Type, Plain: i.Plain}
	for _, t := range i.Tags {
		out.Tags = append(out.Tags, consent.Tag(t))
	}
	return out
}

// sealed signs a proposal with a key that never leaves the ledger.
func (a *API) sealed(p proposal) (string, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(body) + "." + a.Keys.Name("correction proposal", string(body)), nil
}

// unsealed reads a proposal of this ledger that has not expired.
func (a *API) unsealed(text string) (proposal, bool) {
	var p proposal
	coded, mac, _ := strings.Cut(text, ".")
	body, err := base64.RawURLEncoding.Strict().DecodeString(coded)
	if err != nil {
		return p, false
	}
	want, _ := hex.DecodeString(a.Keys.Name("correction proposal", string(body)))
	got, err := hex.DecodeString(mac)
	if err != nil || !hmac.Equal(want, got) || json.Unmarshal(body, &p) != nil {
		return proposal{}, false
	}
	return p, a.Now().Before(p.Expires)
}
