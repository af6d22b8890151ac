package asking

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/stream"
	"github.com/optup/optup/internal/ledger/touchpoint"
)

// Errors that callers tell apart. Every other error is a fault of the ledger.
var (
	// ErrTouchpoint reports a touchpoint that the ledger does not know.
	ErrTouchpoint = errors.New("the ledger knows no such touchpoint; give namespace/name of a Touchpoint of its controller")
	// ErrNotOffered reports an answer to what the touchpoint does not ask.
	ErrNotOffered = errors.New("the touchpoint does not ask for this purpose in this wording; answer what next offered")
	// ErrWords reports that the person was shown other words than those of the wording.
	ErrWords = errors.New("the hash is not that of the wording in any language; show the words that next gives")
	// ErrPerson reports somebody who is named in a way that proves nothing.
	ErrPerson = errors.New("name one identifier, or say how the person proved that all of them are theirs: several would become linked")
	// ErrAddress reports that nobody can be asked to confirm.
	ErrAddress = errors.New("the touchpoint confirms mailboxes, so name the person's e-mail address, in the clear and first")
	// ErrConfirmer reports that this ledger sends no mail.
	ErrConfirmer = errors.New("the touchpoint confirms mailboxes, and this ledger cannot send mail; configure its mail server, or bring another proof")
	// ErrProof reports an answer that permits without evidence.
	ErrProof = errors.New("the touchpoint brings evidence of its own, so say how the person proved the answer")
)

// Confirmation says how somebody is asked to confirm.
type Confirmation struct {
	// Address is the e-mail address in the clear; it is that of the first identity of the events.
	Address, Language string
	// ValidFor is how long the person may take, AgainAfter how long no second message goes to the same address.
	ValidFor, AgainAfter time.Duration
}

// Confirmer has people confirm.
type Confirmer interface {
	// Ask adds to the pending grants among events the message that asks for their confirmation. It is appended together with them.
	Ask(events []store.Append, c Confirmation) error
	// Poke says that messages may be waiting.
	Poke()
}

// Store is what asking needs of a ledger's store.
type Store interface {
	Append(ctx context.Context, events ...store.Append) ([]store.Result, []error, error)
	Head(ctx context.Context) (store.Head, error)
	Lookup(ctx context.Context, tag consent.Tag) (*consent.Record, error)
}

// Options say what a Service works with.
type Options struct {
	Store Store
	Keys  *keys.Stream
	// Bundle holds touchpoints and wordings; nil while there are none.
	Bundle func() *ir.Bundle
	// Confirmer is nil where nobody can be asked to confirm.
	Confirmer Confirmer
	// Now is the ledger's clock.
	Now func() time.Time
	// Appended is told of each event, with the outcome appended, replayed, conflict or invalid. It may be nil.
	Appended func(event, outcome string)
}

// Service asks. It is safe for concurrent use.
type Service struct {
	Options
	// keeps tells whether the store keeps evidence.
	keeps bool

	mu     sync.Mutex
	bundle *ir.Bundle
	asker  *touchpoint.Asker
}

// New returns a Service.
func New(o Options) *Service {
	_, keeps := o.Store.(store.Vault)
	return &Service{Options: o, keeps: keeps}
}

// Person is who is asked. The zero Person is a visitor of whom nothing is known.
type Person struct {
	Identities []store.Identity
	// Address is the e-mail address of the first identity in the clear, if it is one.
	Address string
	// Proof is how the person has proven to be who the identities name; none for what somebody typed in.
	Proof consent.Proof
	// Evidence of the proof, as it is kept with what the person did; nil where the ledger took the proof itself.
	Evidence []byte
}

// evidence are the attachments of an event of the person.
func (p Person) evidence() []store.Attachment {
	if p.Evidence == nil {
		return nil
	}
	return []store.Attachment{{Kind: store.KindEvidence, Body: p.Evidence}}
}

// Known tells whether the answers may be about the person: it is proven that it is them, or they are known by their device alone, which
// nobody else types in.
func (p Person) Known() bool {
	if len(p.Identities) == 0 {
		return false
	}
	return p.Proof != consent.ProofNone || !slices.ContainsFunc(p.Identities, func(i store.Identity) bool { return i.Type != consent.IdentifierDevice })
}

// Offer is what may be asked now.
type Offer struct {
	Notice   *ir.Notice
	Text     ir.Text
	Purposes []Purpose
	BasedOn  consent.Position
	Widens   consent.Position
}

// Purpose is one purpose in words.
type Purpose struct {
	ID    consent.PurposeID
	Label ir.Label
}

// Next gives what the person may be asked at a touchpoint. Nil says that there is nothing; held says why, if that may be told.
func (s *Service) Next(ctx context.Context, name string, p Person, language string) (offer *Offer, held []touchpoint.Held, err error) {
	scene, err := s.scene(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	var record *consent.Record
	if p.Known() {
		if record, err = s.record(ctx, p); err != nil {
			return nil, nil, err
		}
	}
	next := scene.asker.Next(scene.touchpoint, record, scene.now)
	if next.Question == nil {
		return nil, next.Held, nil
	}
	return scene.offer(next.Question, language), next.Held, nil
}

// All gives everything that a visitor is offered first at a touchpoint, for forms that show it at once.
func (s *Service) All(ctx context.Context, name, language string) (*ir.Touchpoint, []Offer, error) {
	scene, err := s.scene(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	var out []Offer
	for _, q := range scene.asker.First(scene.touchpoint, scene.now) {
		out = append(out, *scene.offer(&q, language))
	}
	return scene.touchpoint, out, nil
}

// scene is one request.
type scene struct {
	asker      *touchpoint.Asker
	bundle     *ir.Bundle
	touchpoint *ir.Touchpoint
	now        time.Time
}

func (s *Service) scene(ctx context.Context, name string) (*scene, error) {
	b := s.Bundle()
	if b == nil {
		return nil, ErrTouchpoint
	}
	i := slices.IndexFunc(b.Touchpoints, func(t ir.Touchpoint) bool { return t.Name == name })
	if i < 0 {
		return nil, ErrTouchpoint
	}
	head, err := s.Store.Head(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bundle != b {
		s.bundle, s.asker = b, touchpoint.New(b)
	}
	return &scene{s.asker, b, &b.Touchpoints[i], stream.LedgerTime(s.Now(), head)}, nil
}

// record is the effective one of the person's first identity.
func (s *Service) record(ctx context.Context, p Person) (*consent.Record, error) {
	for _, tag := range p.Identities[0].Tags {
		r, err := s.Store.Lookup(ctx, tag)
		if err != nil || r.Position != 0 {
			return r, err
		}
	}
	return &consent.Record{}, nil
}

func (c *scene) notice(id consent.NoticeID) *ir.Notice {
	i := slices.IndexFunc(c.bundle.Notices, func(n ir.Notice) bool { return n.Name == id })
	if i < 0 {
		return nil
	}
	return &c.bundle.Notices[i]
}

func (c *scene) purpose(id consent.PurposeID) *ir.Purpose {
	i := slices.IndexFunc(c.bundle.Purposes, func(p ir.Purpose) bool { return p.Name == id })
	if i < 0 {
		return nil
	}
	return &c.bundle.Purposes[i]
}

func (c *scene) offer(q *touchpoint.Question, language string) *Offer {
	n := c.notice(q.Notice)
	out := &Offer{Notice: n, BasedOn: q.BasedOn, Widens: q.Widens}
	out.Text, _ = Speak(n.Texts, language, func(t ir.Text) string { return t.Language })
	for _, id := range q.Purposes {
		one := Purpose{ID: id}
		if p := c.purpose(id); p != nil {
			one.Label, _ = Speak(p.Labels, language, func(l ir.Label) string { return l.Language })
		}
		out.Purposes = append(out.Purposes, one)
	}
	return out
}

// Speak chooses among the languages of a text: the one asked for, one of the same language elsewhere, English, or the first. It reports
// false where there is none.
func Speak[T any](all []T, language string, of func(T) string) (T, bool) {
	base := func(tag string) string { b, _, _ := strings.Cut(tag, "-"); return strings.ToLower(b) }
	for _, fits := range []func(string) bool{
		func(l string) bool { return strings.EqualFold(l, language) },
		func(l string) bool { return strings.EqualFold(l, base(language)) },
		func(l string) bool { return base(l) == base(language) },
		func(l string) bool { return base(l) == "en" },
		func(string) bool { return true },
	} {
		if i := slices.IndexFunc(all, func(x T) bool { return fits(of(x)) }); i >= 0 {
			return all[i], true
		}
	}
	var none T
	return none, false
}
