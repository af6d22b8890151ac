package api

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/asking"
	"github.com/optup/optup/internal/ledger/desk"
	"github.com/optup/optup/internal/ledger/funnel"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/receipt"
	"github.com/optup/optup/internal/ledger/share"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/stream"
	"github.com/optup/optup/internal/ledger/wire"
)

// Options say what an API serves.
type Options struct {
	Store store.Store
	Guard *access.Guard
	Keys  *keys.Stream
	// Answers are those that are remembered; they are told of the store's changes.
	Answers *Answers
	// Signer signs checkpoints and receipts.
	Signer *keys.Signer
	// Stream answers subscribers and pings.
	Stream *stream.Server
	// Bundle gives the purposes and notices of the ledger's controller; nil while there are none.
	Bundle func() *ir.Bundle
	// Confirmer asks people to confirm; nil where nobody can be asked, and then what has to be confirmed is refused.
	Confirmer asking.Confirmer
	// Funnel gives what became of asking, and up to which position; nil where nobody counts.
	Funnel func() ([]funnel.Cell, consent.Position, bool)
	// Withdrawals makes links for mails; nil where the ledger has no public address.
	Withdrawals Withdrawals
	// Share counts for whom data may be used.
	Share *share.Keeper
	// Limits slow down callers who ask too often; the zero value does not.
	Limits Limits
	// Now is the ledger's clock.
	Now    func() time.Time
	Logger *slog.Logger
	// Observe is told of each request that was answered; Appended of each event, with the outcome appended, replayed, conflict or
	// invalid. Both may be nil.
	Observe  func(route string, status int, took time.Duration)
	Appended func(event, outcome string)
	// UsesTaken is told of each batch of use records. It may be nil.
	UsesTaken func(taken []wire.Decided, refused int, lost uint64, replayed bool)
}

// API answers requests. It is safe for concurrent use.
type API struct {
	Options
	asking *asking.Service
	// desk tells people, and officers for them, what is known; nil where the store cannot tell.
	desk   *desk.Desk
	signed signed
	// forms are the buckets of touchpoints that take in forms; nil for no limit.
	forms *callers
	// receipts are made by the ledger's key.
	receipts *receipt.Issuer
	// bundled are the plans that were made last.
	bundled atomic.Pointer[bundled]
	// nobody is the answer about nobody that was made last.
	nobody atomic.Pointer[answered]
}

// Limits of bodies in bytes, and of how long it may take to send one.
const (
	maxEvent   = 64 << 10
	maxLookup  = 4 << 10
	maxImport  = 64 << 20
	readBody   = 30 * time.Second
	readImport = 5 * time.Minute
)

// New returns the API as an HTTP handler.
func New(o Options) http.Handler {
	a, mux := build(o)
	return a.record(mux)
}

func build(o Options) (*API, *router) {
	a := &API{Options: o}
	if a.Observe == nil {
		a.Observe = func(string, int, time.Duration) {}
	}
	if a.Appended == nil {
		a.Appended = func(string, string) {}
	}
	if a.UsesTaken == nil {
		a.UsesTaken = func([]wire.Decided, int, uint64, bool) {}
	}
	a.receipts = &receipt.Issuer{Log: o.Store, Signer: o.Signer, Controller: a.controller, Bundle: o.Bundle}
	a.asking = asking.New(asking.Options{
		Store: o.Store, Keys: o.Keys, Bundle: o.Bundle, Confirmer: o.Confirmer, Now: o.Now, Appended: a.Appended,
	})
	if h, ok := o.Store.(store.Histories); ok {
		a.desk = desk.New(desk.Options{
			Store: o.Store, History: h, Asking: a.asking, Keys: o.Keys, Receipts: a.receipts, Controller: a.controller, Bundle: o.Bundle, Now: o.Now,
			Logger: o.Logger,
		})
	}
	a.forms = a.perMinute(o.Limits.Forms)
	mux := &router{ServeMux: http.NewServeMux()}
	mux.HandleFunc("GET /v1/openapi.yaml", describe)
	mux.HandleFunc("GET /v1/stream", o.Stream.Subscribe)
	mux.HandleFunc("POST /v1/ping", o.Stream.Ping)
	mux.HandleFunc("POST "+wire.UsesPath, a.uses)
	mux.HandleFunc("POST "+wire.CallbacksPath, a.open(a.callbackEvents))
	mux.HandleFunc("POST /v1/intake/{namespace}/{name}", a.open(a.intake))
	limited := a.limited()
	a.authzen(mux, limited["POST /v1/people/lookup"])
	for route, h := range a.routes() {
		mux.Handle(route, a.allow(h, limited[route]))
	}
	return a, mux
}

func (a *API) controller() string { return a.Guard.Config().Controller }

// everybody has some role. What they may read tells nothing of people.
var everybody = []access.Role{access.RoleTouchpoint, access.RoleReader, access.RoleOfficer}

// endpoint answers one route for callers with one of the roles.
type endpoint struct {
	serve func(w http.ResponseWriter, r *http.Request, c access.Caller) error
	roles []access.Role
}

func (a *API) allow(e endpoint, l *callers) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := a.caller(r)
		if err == nil && !c.Has(e.roles...) {
			err = problem.Forbidden(roleHint(e.roles))
		}
		if err == nil {
			err = slow(l, c, 1, "many events at once are for POST /v1/imports")
		}
		if err == nil {
			control := http.NewResponseController(w)
			err = errors.Join(control.SetReadDeadline(time.Now().Add(readBody)), control.SetWriteDeadline(time.Now().Add(2*readBody)))
		}
		if err == nil {
			err = a.atLeast(r)
		}
		if err == nil {
			err = e.serve(w, r, c)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	})
}

// open serves whoever proves by other means than a token that they may.
func (a *API) open(serve func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		err := errors.Join(control.SetReadDeadline(time.Now().Add(readBody)), control.SetWriteDeadline(time.Now().Add(2*readBody)))
		if err == nil {
			err = serve(w, r)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	}
}

func roleHint(roles []access.Role) string {
	if slices.Equal(roles, []access.Role{access.RolePerson}) {
		return "this is for people about themselves: sign in at an issuer that the ledger's configuration lists with person, and that has verified you"
	}
	text := "this needs the role "
	for i, r := range roles {
		if i > 0 {
			text += " or "
		}
		text += string(r)
	}
	return text + "; give it to the service account in spec.access of the ConsentLedger, or name it in spec.writers of a Touchpoint for that one alone"
}

// fail answers with a problem. What is no problem is a fault of ours, whose text stays here.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
	case errors.Is(err, store.ErrClosed):
		p = problem.Unavailable(store.ErrClosed.Error())
	case errors.Is(err, store.ErrFull), errors.Is(err, store.ErrReadOnly):
		a.Logger.Error("the database takes no writes", "request", w.Header().Get(requestHeader), "route", r.Pattern, "error", err)
		p = problem.Unavailable("the ledger's database takes no writes; nothing was stored, try again later")
	case r.Context().Err() != nil:
		return // the caller went away
	default:
		a.Logger.Error("a request failed", "request", w.Header().Get(requestHeader), "route", r.Pattern, "error", err)
		p = problem.Internal()
	}
	p.Write(w)
}

const requestHeader = "Request-Id"

// record gives a request an id, survives panics and observes the outcome. It never looks at URLs beyond the route.
func (a *API) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		w.Header()[requestHeader] = []string{rand.Text()}
		w.Header()["X-Content-Type-Options"] = noSniff
		defer func() {
			p := recover()
			if p == http.ErrAbortHandler { //nolint:errorlint // it is compared as it is thrown
				// An answer that cannot be ended well; the server closes the connection.
				defer panic(p)
			} else if p != nil {
				// The value of a panic may hold what was sent.
				a.Logger.Error("a request panicked", "request", w.Header().Get(requestHeader), "route", r.Pattern)
				if rec.status == 0 {
					problem.Internal().Write(rec)
				}
			}
			route := r.Pattern
			if route == "" {
				route = "none"
			}
			a.Observe(route, max(rec.status, http.StatusOK), time.Since(start))
		}()
		next.ServeHTTP(rec, r)
	})
}

// recorder remembers the status. Unwrap gives http.ResponseController what is below.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap gives the writer below.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// answer writes JSON.
func answer(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	send(w, status, append(body, '\n'))
	return nil
}

// send writes what is JSON already.
func send(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"], h["Cache-Control"] = jsonType, noStore
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller is gone if this fails
}

// Values of headers, which nobody changes.
var jsonType, noStore, noSniff = []string{"application/json"}, []string{"no-store"}, []string{"nosniff"}

// head answers GET /v1/head. Who follows is counted for this replica alone.
func (a *API) head(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	h, err := a.Store.Head(r.Context())
	if err != nil {
		return err
	}
	following := a.Stream.Hub.Stats()
	return answer(w, http.StatusOK, struct {
		Controller string    `json:"controller"`
		Epoch      string    `json:"epoch"`
		Position   uint64    `json:"position"`
		At         time.Time `json:"at,omitzero"`
		KeyID      string    `json:"keyID"`
		PublicKey  string    `json:"publicKey"`
		Time       time.Time `json:"time"`
		// Subscribers are the streams that are open, OldestStalenessSeconds the age of the oldest facts that one of them goes by.
		Subscribers            int     `json:"subscribers"`
		OldestStalenessSeconds float64 `json:"oldestStalenessSeconds"`
	}{
		a.Guard.Config().Controller, h.Epoch, uint64(h.Position), h.At, a.Keys.ID(), a.Signer.PublicKey(), stream.LedgerTime(a.Now(), h), following.Subscribers,
		following.OldestStaleness.Seconds(),
	})
}
