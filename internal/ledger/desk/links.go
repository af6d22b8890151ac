package desk

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/optup/optup/internal/ledger/confirm"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/token"
)

// Links implements pages.Links: it puts into words what package confirm does.
type Links struct {
	*Desk
	Service *confirm.Service
}

var kinds = map[token.Kind]pages.LinkKind{token.Confirm: pages.LinkConfirm, token.Page: pages.LinkOpen, token.Withdraw: pages.LinkWithdraw}

// Look implements pages.Links. The wording is shown in the language of the message, as the person read it there.
func (l Links) Look(ctx context.Context, text string) (pages.Asked, error) {
	looked, err := l.Service.Look(ctx, text)
	if err != nil {
		return pages.Asked{}, pageError(err)
	}
	w := l.catalogue()
	out := pages.Asked{Kind: kinds[looked.Kind], Controller: l.Controller(), At: looked.At, Until: looked.Until}
	for i, g := range looked.Grants {
		if i == 0 {
			out.Notice = w.notice(g.Notice, looked.Language)
		}
		out.Purposes = append(out.Purposes, w.purpose(g.Purpose, looked.Language))
	}
	if looked.Purpose != "" {
		out.Purposes = append(out.Purposes, w.purpose(looked.Purpose, looked.Language))
	}
	return out, nil
}

// RequestPage implements pages.Links.
func (l Links) RequestPage(ctx context.Context, address, language string) error {
	return pageError(l.Service.RequestPage(ctx, address, language))
}

// Open implements pages.Links.
func (l Links) Open(ctx context.Context, text string) (session string, until time.Time, err error) {
	session, until, err = l.Service.Open(ctx, text)
	return session, until, pageError(err)
}

// Session implements pages.Links.
func (l Links) Session(_ context.Context, session string) (pages.Who, error) {
	tags, until, err := l.Service.Session(session)
	return pages.Who{Tags: slices.Clone(tags), Until: until}, pageError(err)
}

// Withdraw implements pages.Links.
func (l Links) Withdraw(ctx context.Context, text string) error {
	return pageError(l.Service.Withdraw(ctx, text))
}

// Confirm implements pages.Links.
func (l Links) Confirm(ctx context.Context, text string) error {
	return pageError(l.Service.Confirm(ctx, text))
}

// Disown implements pages.Links.
func (l Links) Disown(ctx context.Context, text string) error {
	return pageError(l.Service.Disown(ctx, text))
}

// pageError gives the error that pages have words for.
func pageError(err error) error {
	switch {
	case errors.Is(err, confirm.ErrLink):
		return pages.ErrLink
	case errors.Is(err, confirm.ErrAddress):
		return pages.ErrInput
	default:
		return err
	}
}
