package confirm

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/token"
)

// ErrLink is the one answer to every link that does not hold: unknown, altered, expired or used up.
var ErrLink = token.Err

// ErrAddress reports something that cannot be an e-mail address.
var ErrAddress = errors.New("give an e-mail address, such as name@example.org")

// Store is what confirming needs of a ledger's store.
type Store interface {
	Append(ctx context.Context, events ...store.Append) ([]store.Result, []error, error)
	Lookup(ctx context.Context, tag consent.Tag) (*consent.Record, error)
	store.Vault
}

// Options say what a Service works with.
type Options struct {
	Store  Store
	Keys   *keys.Stream
	Tokens *token.Sealer
	// Base is the public address of the pages: scheme and host.
	Base *url.URL
	// Controller names whose ledger it is.
	Controller func() string
	// Bundle holds the wordings; nil while there are none.
	Bundle func() *ir.Bundle
	// Now is the ledger's clock.
	Now    func() time.Time
	Logger *slog.Logger
}

// Service confirms. It is safe for concurrent use.
type Service struct {
	Options
	poke chan struct{}
}

// New returns a Service. Messages are sent by Outbox.
func New(o Options) (*Service, error) {
	if o.Base == nil || o.Base.Host == "" || (o.Base.Scheme != "https" && o.Base.Scheme != "http") {
		return nil, errors.New("links need the public address of the pages, a scheme and a host such as https://consent.example")
	}
	return &Service{Options: o, poke: make(chan struct{}, 1)}, nil
}

// Ask says who is asked to confirm, and how.
type Ask struct {
	// Address is the e-mail address, in the clear.
	Address  string
	Language string
	// ValidFor is how long the person may take, AgainAfter how long no second message goes to the same address.
	ValidFor, AgainAfter time.Duration
}

// maxLanguage bounds a BCP 47 tag in bytes.
const maxLanguage = 35

// Ask adds to grants that are pending the message that asks for their confirmation, to be appended together with them. The address has to
// be the first identity of each. Events that are not pending grants are left alone.
func (s *Service) Ask(events []store.Append, a Ask) error {
	who, err := s.identity(a.Address)
	if err != nil {
		return err
	}
	if a.ValidFor <= 0 || a.AgainAfter <= 0 {
		return errors.New("a confirmation needs a validity and a cool-down")
	}
	now := s.Now()
	for i := range events {
		e := &events[i]
		if !e.Event.Pending {
			continue
		}
		if len(e.Identities) == 0 || !slices.Contains(e.Identities[0].Stable(), who.First[0]) {
			return errors.New("the address to confirm is not the first identity of the event")
		}
		m := message{
			Kind: mailConfirm, Address: a.Address, Language: language(a.Language), Touchpoint: e.Event.Touchpoint, Purpose: e.Event.Purpose,
			Notice: e.Event.Notice, Asked: now, Until: now.Add(a.ValidFor), Again: a.AgainAfter,
		}
		mail, err := json.Marshal(m)
		if err != nil {
			return err
		}
		e.Attachments = append(e.Attachments, store.Attachment{Kind: store.KindAddress, Body: []byte(a.Address)},
			store.Attachment{Kind: store.KindMail, Body: mail, Due: now})
	}
	return nil
}

// Poke tells the outbox of this process that there may be something to send, so that nobody waits for its next look.
func (s *Service) Poke() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

func (s *Service) identity(address string) (store.Identity, error) {
	who, err := s.Keys.Identity(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: address})
	if err != nil {
		return store.Identity{}, ErrAddress
	}
	return who, nil
}

// first gives the tag under the first key of the form of an address that a tag is of, so that it means the same after a change of keys.
func (s *Service) first(tag consent.Tag, address string) consent.Tag {
	every, err := s.Keys.Every(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: address})
	if i := slices.Index(every, tag); err == nil && i >= 0 {
		return every[i%len(consent.Forms)]
	}
	return tag
}

// name gives the id of something that may happen to an identity once in a while.
func (s *Service) name(what string, tag consent.Tag) [16]byte {
	sum := sha256.Sum256([]byte(s.Keys.Name(what, string(tag[:]))))
	return [16]byte(sum[:16])
}

func language(tag string) string {
	if len(tag) > maxLanguage {
		return ""
	}
	return tag
}
