package server

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/asking"
	"github.com/optup/optup/internal/ledger/confirm"
	"github.com/optup/optup/internal/ledger/desk"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/receipt"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/token"
)

// Confirming returns what mailed links do. Base is the public address of the pages.
func (l *Ledger) Confirming(base *url.URL, bundle func() *ir.Bundle) (*confirm.Service, error) {
	tokens, err := token.New(l.Secrets.Tokens(), l.Keys.ID(), l.Now)
	if err != nil {
		return nil, err
	}
	return confirm.New(confirm.Options{
		Store: l.Store, Keys: l.Keys, Tokens: tokens, Base: base, Controller: l.controller, Bundle: bundle, Now: l.Now, Logger: l.Logger,
	})
}

func (l *Ledger) controller() string { return l.Guard.Config().Controller }

// Confirmer has people confirm by mail what they answered at a touchpoint.
type Confirmer struct{ *confirm.Service }

// Ask implements asking.Confirmer.
func (c Confirmer) Ask(events []store.Append, o asking.Confirmation) error {
	return c.Service.Ask(events, confirm.Ask{Address: o.Address, Language: o.Language, ValidFor: o.ValidFor, AgainAfter: o.AgainAfter})
}

// Public says what the pages are given.
type Public struct {
	// Confirm is that of Confirming, for the same public address.
	Confirm *confirm.Service
	// Confirmer is that of api.Options; nil where nobody can be asked to confirm.
	Confirmer asking.Confirmer
	// Bundle gives purposes, wordings and touchpoints; nil while there are none.
	Bundle func() *ir.Bundle
	// Proxies are the networks of proxies whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Observe and Appended are those of the API; both may be nil.
	Observe  func(route string, status int, took time.Duration)
	Appended func(event, outcome string)
}

// Pages returns an HTTP server of the pages, for a listener of their own: the API, with its stream and its roles, need not be reachable
// from where people are.
func (l *Ledger) Pages(p Public) (*http.Server, error) {
	histories, ok := l.Store.(store.Histories)
	if !ok {
		return nil, errors.New("the store of this ledger cannot tell what it holds about a person, so it serves no pages")
	}
	d := desk.New(desk.Options{
		Store: l.Store, History: histories, Keys: l.Keys, Controller: l.controller, Bundle: p.Bundle, Now: l.Now, Logger: l.Logger,
		Receipts: &receipt.Issuer{Log: l.Store, Signer: l.Signer, Controller: l.controller, Bundle: p.Bundle},
		Asking: asking.New(asking.Options{
			Store: l.Store, Keys: l.Keys, Bundle: p.Bundle, Confirmer: p.Confirmer, Now: l.Now, Appended: p.Appended,
		}),
	})
	h, err := pages.New(pages.Options{
		Links: desk.Links{Desk: d, Service: p.Confirm}, Desk: d, Forms: desk.Forms{Desk: d}, Base: p.Confirm.Base, Controller: l.controller,
		Proxies: p.Proxies, Now: l.Now, Logger: l.Logger, Observe: p.Observe,
	})
	if err != nil {
		return nil, err
	}
	// Whoever is slow here may be anybody.
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(l.Logger.Handler(), slog.LevelDebug),
	}, nil
}
