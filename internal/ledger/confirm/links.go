package confirm

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/evidence"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/token"
)

// Looked is what a link is about.
type Looked struct {
	Kind token.Kind
	// Grants are what a Confirm link asks about, Purpose is what a Withdraw link takes back.
	Grants   []token.Grant
	Purpose  consent.PurposeID
	Language string
	// Touchpoint is where the person was asked; empty for none.
	Touchpoint string
	// At is when the link was sent, Until when it ends; zero for never.
	At, Until time.Time
}

// Look shows what a link is about, and changes nothing. A link that would be refused is refused here, too.
func (s *Service) Look(ctx context.Context, text string) (Looked, error) {
	t, err := s.Tokens.Open(text, token.Confirm, token.Withdraw, token.Page)
	if err != nil {
		return Looked{}, err
	}
	out := Looked{Kind: t.Kind, Grants: t.Grants, Purpose: t.Purpose, Language: t.Language, At: t.Issued, Until: t.Expires}
	if t.Kind == token.Confirm {
		grants, err := s.grants(ctx, t)
		if err != nil {
			return Looked{}, err
		}
		if out.Touchpoint = grants[0].Touchpoint; !slices.ContainsFunc(grants, answerable) {
			return Looked{}, ErrLink
		}
	}
	return out, nil
}

// answerable tells that a grant waits for its confirmation, or has it.
func answerable(g consent.Grant) bool {
	return g.Status == consent.StatusPending || g.Confirmed != 0 && g.Status != consent.StatusInvalidated
}

// grants gives what the record says of a token's grants. The wording has to be the one that the mail showed.
func (s *Service) grants(ctx context.Context, t token.Token) ([]consent.Grant, error) {
	r, err := s.Store.Lookup(ctx, s.of(t).Tags[0])
	if err != nil {
		return nil, err
	}
	var out []consent.Grant
	for _, asked := range t.Grants {
		for _, g := range r.Grants {
			if g.Position == asked.Position && g.Notice == asked.Notice && g.Purpose == asked.Purpose {
				out = append(out, g)
			}
		}
	}
	if len(out) == 0 {
		return nil, ErrLink
	}
	return out, nil
}

// Confirm says that the mailbox owner gave the grants of a link. Confirming again changes nothing and is no error while the grant stands.
func (s *Service) Confirm(ctx context.Context, text string) error {
	t, err := s.Tokens.Open(text, token.Confirm)
	if err != nil {
		return err
	}
	grants, err := s.grants(ctx, t)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(grants, answerable) {
		return ErrLink
	}
	grants = slices.DeleteFunc(grants, func(g consent.Grant) bool { return g.Status != consent.StatusPending })
	events := make([]store.Append, 0, len(grants))
	for _, g := range grants {
		e := store.Append{Identities: []store.Identity{s.of(t)}, Event: consent.Event{
			Type: consent.EventConfirmed, Actor: consent.ActorPerson, Grant: g.Position, Purpose: g.Purpose, Notice: g.Notice, Touchpoint: g.Touchpoint,
			Proof: consent.ProofMailboxConfirmed,
		}}
		if e.Attachments, err = s.proven(t, g); err != nil {
			return err
		}
		// Two clicks at once are one confirmation, with one proof.
		e.Key = s.Keys.Name("confirm", string(t.ID[:]), strconv.FormatUint(uint64(g.Position), 10))
		e.Digest = [32]byte{byte(token.Confirm)}
		events = append(events, e)
	}
	return s.act(ctx, events)
}

// proven is the evidence of a confirmation. The address is in the vault already, as that of the same identity.
func (s *Service) proven(t token.Token, g consent.Grant) ([]store.Attachment, error) {
	e := evidence.Evidence{Kind: evidence.DoubleOptIn, DoubleOptIn: &evidence.Mailbox{
		Sender: s.Controller(), AskedAt: g.Since, SentAt: t.Issued, ConfirmedAt: s.Now().UTC(), Language: t.Language,
	}}
	if words, ok := wording(s.Bundle(), g.Notice, t.Language); ok {
		e.DoubleOptIn.Language, e.WordingSHA256 = words.Language, words.SHA256
	}
	body, err := json.Marshal(e)
	return []store.Attachment{{Kind: store.KindEvidence, Body: body}}, err
}

// Disown says that the grants of a link are not the mailbox owner's: they are invalidated, confirmed or not.
func (s *Service) Disown(ctx context.Context, text string) error {
	t, err := s.Tokens.Open(text, token.Confirm)
	if err != nil {
		return err
	}
	grants, err := s.grants(ctx, t)
	if err != nil {
		return err
	}
	var events []store.Append
	for _, g := range grants {
		if g.Status != consent.StatusInvalidated {
			events = append(events, store.Append{Identities: []store.Identity{s.of(t)}, Event: consent.Event{
				Type: consent.EventDisowned, Actor: consent.ActorPerson, Grant: g.Position, Purpose: g.Purpose, Touchpoint: g.Touchpoint,
			}})
		}
	}
	return s.act(ctx, events)
}

// Withdraw takes back what a withdrawal link names. It may be repeated: whoever wants out gets out, and repeating adds nothing.
func (s *Service) Withdraw(ctx context.Context, text string) error {
	t, err := s.Tokens.Open(text, token.Withdraw)
	if err != nil {
		return err
	}
	r, err := s.Store.Lookup(ctx, s.of(t).Tags[0])
	if err != nil {
		return err
	}
	if out(r, t.Purpose) {
		return nil
	}
	return s.act(ctx, []store.Append{{Identities: []store.Identity{s.of(t)}, Event: consent.Event{
		Type: consent.EventWithdrawn, Actor: consent.ActorPerson, Purpose: t.Purpose,
	}}})
}

// out tells that the purpose is taken back already: an objection to it stands, and no grant has come since.
func out(r *consent.Record, purpose consent.PurposeID) bool {
	for _, g := range r.Grants {
		if g.Purpose == purpose && len(g.EndedBy) == 0 && g.Status != consent.StatusInvalidated {
			return false
		}
	}
	return slices.ContainsFunc(r.Objections, func(o consent.Objection) bool { return o.Scope == consent.ScopePurpose && o.Purpose == purpose })
}

// of is the identity of a token, which the ledger may not have seen yet. Tokens hold tags under the first key, so that they outlive a change of it.
func (s *Service) of(t token.Token) store.Identity {
	return s.Keys.OfFirst(t.Tags, consent.IdentifierEmail)
}

// act appends what the person did. What the person said in the meantime wins: such a link does not hold any more.
func (s *Service) act(ctx context.Context, events []store.Append) error {
	if len(events) == 0 {
		return nil
	}
	_, refused, err := s.Store.Append(ctx, events...)
	if err != nil {
		return err
	}
	for _, r := range refused {
		switch {
		case errors.Is(r, consent.ErrConflict), errors.Is(r, consent.ErrInvalid):
			err = ErrLink
		case r != nil:
			return r
		}
	}
	return err
}

// Header names of RFC 2369 and RFC 8058.
const (
	ListUnsubscribe     = "List-Unsubscribe"
	ListUnsubscribePost = "List-Unsubscribe-Post"
	OneClick            = "List-Unsubscribe=One-Click"
)

// WithdrawalLink gives the URL with which the owner of an e-mail address takes back a purpose with one click. It holds for ever, and for
// addresses that the ledger does not know as well.
func (s *Service) WithdrawalLink(address string, purpose consent.PurposeID) (string, error) {
	who, err := s.identity(address)
	if err != nil {
		return "", err
	}
	text, err := s.Tokens.Seal(token.Token{Kind: token.Withdraw, Tags: who.First, Purpose: purpose})
	if err != nil {
		return "", err
	}
	return s.link("/withdraw", text), nil
}

// link gives the address of a page with a token.
func (s *Service) link(path, text string) string {
	u := *s.Base
	u.Path, u.RawQuery = path, url.Values{"token": {text}}.Encode()
	return u.String()
}
