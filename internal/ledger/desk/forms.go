package desk

import (
	"context"
	"errors"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/asking"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/signal"
	"github.com/optup/optup/internal/ledger/store"
)

// Forms implements pages.Forms over package asking. It serves touchpoints where visitors of a web page are asked, and which have mailboxes
// confirmed: whoever fills in a public form has proven nothing.
type Forms struct{ *Desk }

// Form implements pages.Forms.
func (f Forms) Form(ctx context.Context, touchpoint, language string) (*pages.Form, error) {
	t, offers, err := f.Asking.All(ctx, touchpoint, language)
	switch {
	case errors.Is(err, asking.ErrTouchpoint):
		return nil, pages.ErrNotOffered
	case err != nil:
		return nil, err
	case !public(t) || len(offers) == 0:
		return nil, pages.ErrNotOffered
	}
	out := &pages.Form{Touchpoint: t.Name, Controller: f.Controller(), Language: language, Back: t.URL}
	if origin := pages.OriginOf(t.URL); origin != "" {
		out.Origins = []string{origin}
	}
	w := f.catalogue()
	for _, o := range offers {
		q := pages.Question{Notice: w.notice(o.Notice.Name, language)}
		if q.Notice.Text.Text == "" {
			continue
		}
		for _, p := range o.Purposes {
			q.Purposes = append(q.Purposes, w.purpose(p.ID, language))
		}
		out.Questions = append(out.Questions, q)
	}
	return out, nil
}

func public(t *ir.Touchpoint) bool {
	return (t.Place == ir.PlaceWebForm || t.Place == ir.PlaceCheckout) && t.Confirmation != nil && t.Confirmation.Proof == consent.ProofMailboxConfirmed
}

// Answer implements pages.Forms.
func (f Forms) Answer(ctx context.Context, touchpoint string, a pages.Answer) error {
	form, err := f.Form(ctx, touchpoint, a.Language)
	if err != nil {
		return err
	}
	who, err := f.Keys.Identity(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: a.Address})
	if err != nil {
		return pages.ErrInput
	}
	in := asking.Answers{Language: a.Language}
	if a.NoSale {
		in.Via = signal.Read([]string{"1"}, nil).Evidence
	}
	for _, g := range a.Given {
		words := form.Words(g)
		if words == "" {
			return pages.ErrNotOffered
		}
		in.Answers = append(in.Answers, asking.Answer{Notice: g.Notice, Purpose: g.Purpose, Answer: asking.Given, SHA256: words})
	}
	person := asking.Person{Identities: []store.Identity{who}, Address: a.Address}
	_, err = f.Asking.Answer(ctx, touchpoint, person, in)
	if errors.Is(err, asking.ErrNotOffered) || errors.Is(err, asking.ErrWords) || errors.Is(err, asking.ErrTouchpoint) {
		return pages.ErrNotOffered
	}
	return err
}
