package asking

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/store"
)

// Kind is what somebody answers.
type Kind string

// Kinds.
const (
	Given    Kind = "given"
	Refused  Kind = "refused"
	Deferred Kind = "deferred"
)

// Kinds lists them all.
var Kinds = []Kind{Given, Refused, Deferred}

// Answer is one answer about one purpose of one wording.
type Answer struct {
	Notice  consent.NoticeID  `json:"notice"`
	Purpose consent.PurposeID `json:"purpose"`
	Answer  Kind              `json:"answer"`
	// BasedOn is the position that the question named. For a grant that is still to be confirmed by the mailbox's owner the ledger sets it.
	BasedOn consent.Position `json:"basedOn,omitzero"`
	// SHA256 is the hash of the words that were shown; it may be left out.
	SHA256 string `json:"sha256,omitzero"`
}

// Answers is what one person answered at once. Each answer becomes an event of its own.
type Answers struct {
	Language string
	Answers  []Answer
	// Key makes a repetition harmless; empty for none. It has to name its caller.
	Key string
	// Via is what took the answers in the touchpoint's place: a header of the person's browser, or a foreign form. It is kept as evidence.
	Via string
}

// Taken is what an answer came to. For somebody who has not proven to be the person it depends on the answer alone.
type Taken struct {
	Notice  consent.NoticeID  `json:"notice"`
	Purpose consent.PurposeID `json:"purpose"`
	// Status is pending, given, refused or deferred.
	Status string `json:"status"`
	// Position is that of the event; 0 for somebody who has not proven to be the person.
	Position consent.Position `json:"position,omitzero"`
	// Err is the store's refusal: consent.ErrConflict, consent.ErrInvalid or store.ErrIdempotency. Only people who are proven see one.
	Err error `json:"-"`
}

// tries is how often the answer of somebody unproven is written anew because something happened meanwhile.
const tries = 4

// Answer takes answers. An error is about all of them, and nothing was appended then.
func (s *Service) Answer(ctx context.Context, name string, p Person, in Answers) ([]Taken, error) {
	scene, err := s.scene(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(p.Identities) == 0 || (len(p.Identities) > 1 && !p.Known()) {
		return nil, ErrPerson
	}
	if err := s.ready(scene, p, in); err != nil {
		return nil, err
	}
	left := make([]int, len(in.Answers))
	for i := range left {
		left[i] = i
	}
	out := make([]Taken, len(in.Answers))
	for try := 1; len(left) > 0; try++ {
		record, err := s.record(ctx, p)
		if err != nil {
			return nil, err
		}
		var places []int
		var events []store.Append
		for _, i := range left {
			e, err := scene.event(in.Answers[i], p, record)
			if err != nil {
				return nil, err
			}
			e.Language = scene.words(in, i).Language
			out[i] = Taken{Notice: e.Notice, Purpose: e.Purpose, Status: status(e)}
			if !p.Known() && e.Type != consent.EventGiven {
				continue // whoever typed in an address refuses nothing in its owner's name
			}
			one := store.Append{Identities: p.Identities, Event: e}
			if one.Key, one.Digest, err = s.key(scene, p, in, i); err != nil {
				return nil, err
			}
			if s.keeps {
				one.Attachments = p.evidence()
			}
			if s.keeps && (e.Type == consent.EventGiven || e.Type == consent.EventWidened) {
				one.Attachments = append(one.Attachments, scene.shown(in, i))
			}
			places, events = append(places, i), append(events, one)
		}
		if left, err = s.append(ctx, scene, p, in, record, out, places, events); err != nil {
			return nil, err
		}
		if try == tries && len(left) > 0 {
			return nil, errors.New("the person's record changes faster than an answer can be written; send it again")
		}
	}
	return out, nil
}

// ready finds out whether anybody could confirm what has to be confirmed.
func (s *Service) ready(c *scene, p Person, in Answers) error {
	if s.Confirmer != nil || !c.mails() {
		return nil
	}
	for _, a := range in.Answers {
		if e, err := c.event(a, p, &consent.Record{}); err == nil && e.Pending {
			return ErrConfirmer
		}
	}
	return nil
}

// append gives the places of answers that are to be written anew.
func (s *Service) append(ctx context.Context, c *scene, p Person, in Answers, r *consent.Record, out []Taken, places []int, events []store.Append) ([]int, error) {
	if len(events) == 0 {
		return nil, nil
	}
	waits := slices.ContainsFunc(events, func(a store.Append) bool { return a.Event.Pending }) && c.mails() && !r.Restricted
	if waits {
		d := c.touchpoint.Confirmation
		err := s.Confirmer.Ask(events, Confirmation{
			Address: p.Address, Language: in.Language,
			ValidFor: time.Duration(d.ValidForHours) * time.Hour, AgainAfter: time.Duration(d.AgainAfterHours) * time.Hour,
		})
		if err != nil {
			return nil, fmt.Errorf("the message that asks for confirmation cannot be made: %w", err)
		}
	}
	results, refused, err := s.Store.Append(ctx, events...)
	if err != nil {
		return nil, err
	}
	var again []int
	for n, i := range places {
		switch conflict := errors.Is(refused[n], consent.ErrConflict); {
		case p.Known():
			out[i].Position, out[i].Err = results[n].Position, refused[n]
		case conflict && events[n].Event.Pending:
			again = append(again, i)
		case refused[n] != nil && !conflict:
			return nil, refused[n]
		}
		s.count(events[n].Event, refused[n], results[n].Replayed)
	}
	if waits {
		s.Confirmer.Poke()
	}
	return again, nil
}

func (s *Service) count(e consent.Event, refused error, replayed bool) {
	if s.Appended == nil {
		return
	}
	outcome := "appended"
	switch {
	case errors.Is(refused, consent.ErrInvalid):
		outcome = "invalid"
	case refused != nil:
		outcome = "conflict"
	case replayed:
		outcome = "replayed"
	}
	s.Appended(string(e.Type), outcome)
}

func status(e consent.Event) string {
	switch {
	case e.Pending:
		return string(consent.StatusPending)
	case e.Type == consent.EventWidened:
		return string(Given)
	default:
		return string(e.Type)
	}
}

// mails tells whether the touchpoint has mailboxes confirmed.
func (c *scene) mails() bool {
	d := c.touchpoint.Confirmation
	return d != nil && d.Proof == consent.ProofMailboxConfirmed
}

// event gives the event that an answer comes to.
func (c *scene) event(a Answer, p Person, r *consent.Record) (consent.Event, error) {
	n := c.notice(a.Notice)
	if n == nil || !slices.Contains(Kinds, a.Answer) || !c.asker.Asks(c.touchpoint, a.Notice, a.Purpose, c.now) {
		return consent.Event{}, ErrNotOffered
	}
	if a.SHA256 != "" && !slices.ContainsFunc(n.Texts, func(t ir.Text) bool { return t.SHA256 == a.SHA256 }) {
		return consent.Event{}, ErrWords
	}
	e := consent.Event{
		Type: consent.EventType(a.Answer), Actor: consent.ActorTouchpoint, Touchpoint: c.touchpoint.Name, Purpose: a.Purpose, Notice: a.Notice, BasedOn: a.BasedOn,
	}
	if p.Proof != consent.ProofNone {
		e.Actor = consent.ActorPerson
	}
	if a.Answer != Given {
		return e, nil
	}
	proofs := c.purpose(a.Purpose).Proofs
	enough := len(proofs) == 0 || slices.Contains(proofs, p.Proof)
	switch d := c.touchpoint.Confirmation; {
	case p.Proof != consent.ProofNone && enough:
		e.Proof = p.Proof
		if grant := c.asker.Widens(c.touchpoint, a.Notice, r, c.now); grant != 0 {
			e.Type, e.Grant = consent.EventWidened, grant
		}
	case d == nil && enough:
	case d == nil:
		return e, ErrProof
	case c.mails() && p.Address == "":
		return e, ErrAddress
	default:
		e.Pending, e.Actor = true, consent.ActorTouchpoint
		// What waits is no grant yet. Its confirmation is an act of the mailbox's owner, who knows what they said before.
		if !p.Known() {
			e.BasedOn = r.Position
		}
	}
	return e, nil
}

// key scopes an idempotency key to one answer, and binds it to what was sent.
func (s *Service) key(c *scene, p Person, in Answers, i int) (string, [32]byte, error) {
	if in.Key == "" {
		return "", [32]byte{}, nil
	}
	// What stands for people here is the same under all keys.
	type who struct {
		Tags  []consent.Tag
		Type  consent.IdentifierType
		Plain bool
	}
	identities := make([]who, len(p.Identities))
	for n := range p.Identities {
		identities[n] = who{p.Identities[n].Stable(), p.Identities[n].Type, p.Identities[n].Plain}
	}
	content, err := json.Marshal(struct {
		Touchpoint string
		Answer     Answer
		Proof      consent.Proof
		Identities []who
		Via        string
		Evidence   []byte
	}{c.touchpoint.Name, in.Answers[i], p.Proof, identities, in.Via, p.Evidence})
	if err != nil {
		return "", [32]byte{}, err
	}
	return s.Keys.Name("answer", in.Key, strconv.Itoa(i)), sha256.Sum256(content), nil
}

// words are those that somebody was shown: the ones that the answer names, or else those in the language that it came in.
func (c *scene) words(in Answers, i int) ir.Text {
	n := c.notice(in.Answers[i].Notice)
	text, _ := Speak(n.Texts, in.Language, func(t ir.Text) string { return t.Language })
	for _, t := range n.Texts {
		if t.SHA256 == in.Answers[i].SHA256 {
			text = t
		}
	}
	return text
}

// shown is the evidence of which words somebody was shown, where, and by what means they answered.
func (c *scene) shown(in Answers, i int) store.Attachment {
	n, text := c.notice(in.Answers[i].Notice), c.words(in, i)
	// Strings and a number cannot fail to be written.
	body, _ := json.Marshal(struct {
		Kind          string           `json:"kind"`
		WordingSHA256 string           `json:"wordingSHA256,omitzero"`
		Language      string           `json:"language,omitzero"`
		Notice        consent.NoticeID `json:"notice"`
		Touchpoint    string           `json:"touchpoint"`
		Place         ir.Place         `json:"place"`
		URL           string           `json:"url,omitzero"`
		Via           string           `json:"via,omitzero"`
	}{"shown", text.SHA256, text.Language, n.Name, c.touchpoint.Name, c.touchpoint.Place, c.touchpoint.URL, in.Via})
	return store.Attachment{Kind: store.KindEvidence, Body: body}
}
