package ledgertest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/api"
	"github.com/optup/optup/internal/ledger/asking"
	"github.com/optup/optup/internal/ledger/confirm"
	"github.com/optup/optup/internal/ledger/funnel"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/recall"
	"github.com/optup/optup/internal/ledger/rekey"
	"github.com/optup/optup/internal/ledger/share"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/internal/ledger/stream"
	"github.com/optup/optup/internal/ledger/token"
)

// Controller is the legal entity whose ledger it is.
const Controller = "shop-gmbh"

// Subjects with a role each, and one of a sidecar.
const (
	Touchpoint = "system:serviceaccount:shop:checkout"
	Reader     = "system:serviceaccount:optup-system:optup-manager"
	Officer    = "system:serviceaccount:shop:officer"
	Sidecar    = "system:serviceaccount:shop:mailer"
	// Writer may speak for the touchpoint Form alone.
	Writer = "system:serviceaccount:shop:form"
)

// DevToken is accepted on loopback.
const DevToken = "development-token-of-a-test"

// Ledger is a running ledger.
type Ledger struct {
	*Authority
	URL   string
	Store *sqlite.Store
	Hub   *stream.Hub
	Keys  *keys.Stream
	// Stream answers subscribers.
	Stream *stream.Server
	// Signer signs its checkpoints and receipts.
	Signer *keys.Signer
	// Funnel counts what becomes of asking.
	Funnel *funnel.Funnel
	// Confirmer, if set before Start, asks people to confirm.
	Confirmer asking.Confirmer
	// Secrets are keys that never leave the ledger.
	Secrets *keys.Secrets
	// Confirm makes and takes the links of mails.
	Confirm *confirm.Service
	// Bundle is served from; nil for none.
	Bundle atomic.Pointer[ir.Bundle]
	// ConfigFile may be rewritten.
	ConfigFile string
	// Log holds what was logged.
	Log *Log

	t      testing.TB
	dir    string
	root   keys.Root
	keys   keys.All
	server *httptest.Server
	// Middleware, if set before Start, stands in front of the API.
	Middleware func(http.Handler) http.Handler
	// Limits, if set before Start, slow callers down.
	Limits api.Limits
	// Now, if set before Start, is the ledger's clock; tokens are checked by the machine's.
	Now func() time.Time
	// Heartbeat and WriteTimeout are those of streams; 0 for the defaults.
	Heartbeat, WriteTimeout time.Duration
	// Next, if set before Start, is a root key that may take the place of the first one (see ChangeKey).
	Next *keys.Root
	// Share counts; ShareEvery is how long an edition lasts at least, 0 for the default.
	Share        *share.Keeper
	ShareEvery   time.Duration
	stopCounting func()
}

// New prepares a ledger that Start runs.
func New(t testing.TB) *Ledger {
	t.Helper()
	dir := t.TempDir()
	l := &Ledger{Authority: NewAuthority(t), t: t, dir: dir, root: keys.NewRoot(), ConfigFile: filepath.Join(dir, "config.json"), Log: &Log{}}
	l.Write("jwks.json", l.JWKS())
	l.Write("grant-keys.json", l.GrantJWKS())
	l.Configure(map[string]any{})
	return l
}

// Write writes a file beside the configuration.
func (l *Ledger) Write(name string, content []byte) {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	err := os.WriteFile(path+".new", content, 0o600)
	if err := errors.Join(err, os.Rename(path+".new", path)); err != nil {
		l.t.Fatal(err)
	}
}

// Configure writes the configuration, with some members changed.
func (l *Ledger) Configure(with map[string]any) {
	l.t.Helper()
	c := map[string]any{
		"controller": Controller,
		"issuers":    []any{map[string]any{"issuer": Issuer, "audience": Audience, "jwksFile": "jwks.json"}},
		"sidecars":   map[string]any{"grantKeysFile": "grant-keys.json"},
		"access": []any{
			map[string]any{"subject": Touchpoint, "roles": []string{"touchpoint"}},
			map[string]any{"subject": Reader, "roles": []string{"reader"}},
			map[string]any{"subject": Officer, "roles": []string{"Officer"}},
		},
	}
	for k, v := range with {
		c[k] = v
	}
	raw, err := json.Marshal(c)
	if err != nil {
		l.t.Fatal(err)
	}
	l.Write("config.json", raw)
}

// Start opens the database and serves. It ends with the test.
func (l *Ledger) Start() *Ledger {
	l.t.Helper()
	if l.Now == nil {
		l.Now = time.Now
	}
	log := slog.New(slog.NewJSONHandler(l.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	guard, err := access.Open(access.Options{ConfigFile: l.ConfigFile, DevToken: DevToken, Now: time.Now, Logger: log})
	if err != nil {
		l.t.Fatal(err)
	}
	data := filepath.Join(l.dir, "data")
	kept, err := sqlite.RootKeys(l.t.Context(), data)
	if err != nil {
		l.t.Fatal(err)
	}
	if l.keys, err = keys.Derive(l.root, l.Next, Controller, kept); err != nil {
		l.t.Fatal(err)
	}
	l.Keys, l.Signer, l.Secrets = l.keys.Stream, l.keys.Signer, l.keys.Secrets
	if l.Store, err = sqlite.Open(l.t.Context(), data, l.Keys.ID(), l.Secrets.Wrapping(), l.Now, journal.Completing(l.Keys.Complete)); err != nil {
		l.t.Fatal(err)
	}
	head, err := l.Store.Head(l.t.Context())
	if err == nil {
		_, err = l.Keys.Follow(head.Scheme)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	answers, err := api.NewAnswers(l.t.Context(), l.Store)
	if err != nil {
		l.t.Fatal(err)
	}
	l.Hub = stream.NewHub(recall.Tell(l.Store, answers.Changed), log)
	l.Stream = stream.NewServer(stream.Options{
		Store: l.Store, Hub: l.Hub, Guard: guard, Keys: l.Keys, Signer: l.Signer, Alone: true, Now: l.Now, Logger: log, Heartbeat: l.Heartbeat, WriteTimeout: l.WriteTimeout,
	})
	l.Share = share.New(share.Options{
		Source: share.From(l.Store), Changes: l.Hub.Tap(), Bundle: func() (*ir.Bundle, int64) { return l.Bundle.Load(), 0 },
		Declared: func() int64 { return guard.Config().Population.Registered() }, Now: l.Now, Logger: log, Every: l.ShareEvery,
	})
	ctx, cancel := context.WithCancel(context.Background())
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		_ = l.Share.Run(ctx)
	}()
	l.stopCounting = func() { cancel(); <-counted }
	l.Funnel = funnel.New(l.Store, l.Hub, log)
	go l.Funnel.Run(l.t.Context())
	tokens, err := token.New(l.Secrets.Tokens(), l.Keys.ID(), l.Now)
	if err != nil {
		l.t.Fatal(err)
	}
	if l.Confirm, err = confirm.New(confirm.Options{
		Store: l.Store, Keys: l.Keys, Tokens: tokens, Base: &url.URL{Scheme: "https", Host: "consent.shop.example"},
		Controller: func() string { return Controller }, Bundle: l.Bundle.Load, Now: l.Now, Logger: log,
	}); err != nil {
		l.t.Fatal(err)
	}
	h := api.New(api.Options{
		Store:       l.Store,
		Answers:     answers,
		Guard:       guard,
		Keys:        l.Keys,
		Signer:      l.Signer,
		Confirmer:   l.Confirmer,
		Withdrawals: l.Confirm,
		Limits:      l.Limits,
		Funnel:      l.Funnel.Counted,
		Bundle:      l.Bundle.Load,
		Now:         l.Now,
		Logger:      log,
		Stream:      l.Stream,
		Share:       l.Share,
	})
	if l.Middleware != nil {
		h = l.Middleware(h)
	}
	l.server = httptest.NewUnstartedServer(h)
	l.server.Listener = stream.Listener(l.server.Listener)
	l.server.Start()
	l.URL = l.server.URL
	l.t.Cleanup(l.Stop)
	return l
}

// Stop ends streams, the server and the database.
func (l *Ledger) Stop() {
	if l.server == nil {
		return
	}
	l.Hub.Close()
	l.server.CloseClientConnections()
	l.server.Close()
	l.server = nil
	l.stopCounting()
	if err := l.Store.Close(); err != nil {
		l.t.Error(err)
	}
}

// ChangeKey lets the next root key take the place of the one before, from the first step to the last.
func (l *Ledger) ChangeKey() {
	l.t.Helper()
	key, err := l.keys.Lineage.Key(2, Controller)
	for at := store.First; err == nil && at != (store.Scheme{Current: 2, Other: 2}); at = at.Next() {
		if err = l.Store.Rotate(l.t.Context(), at, at.Next(), key); err == nil {
			err = l.Stream.Rekey(at.Next())
		}
		if key = nil; err == nil && at == store.First {
			var all []store.Append
			if all, _, err = rekey.Lacking(l.t.Context(), l.Store, l.Keys, at.Next(), 1000); err == nil && len(all) > 0 {
				_, _, err = l.Store.Append(l.t.Context(), all...)
			}
		}
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// Database is the file of the database.
func (l *Ledger) Database() string { return filepath.Join(l.dir, "data", sqlite.FileName) }

// Client is an HTTP client for the ledger.
func (l *Ledger) Client() *http.Client { return l.server.Client() }

// Do sends a request as a subject of the cluster, or with a token of a Provider, and gives status and body. The body is JSON unless it begins like CSV.
func (l *Ledger) Do(subject, method, path, body string, header ...string) (int, string) {
	l.t.Helper()
	status, _, text := l.DoHeader(subject, method, path, body, header...)
	return status, text
}

// DoHeader is Do with the headers of the answer.
func (l *Ledger) DoHeader(subject, method, path, body string, header ...string) (int, http.Header, string) {
	l.t.Helper()
	r, err := http.NewRequestWithContext(l.t.Context(), method, l.URL+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(body, "identifier") {
		r.Header.Set("Content-Type", "text/csv; charset=utf-8")
	}
	if strings.Count(subject, ".") == 2 { // a token of somebody else's
		r.Header.Set("Authorization", "Bearer "+subject)
	} else if subject != "" {
		r.Header.Set("Authorization", "Bearer "+l.Token(subject, "pod-1", time.Hour))
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := l.Client().Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	if Seen != nil {
		Seen(l.t, r, body, res, string(text))
	}
	return res.StatusCode, res.Header, string(text)
}

// Seen, if set, is told of everything that Do sends, and what it gets.
var Seen func(t testing.TB, r *http.Request, sent string, res *http.Response, got string)

// Append appends an event about an e-mail address to the store.
func (l *Ledger) Append(email string, e consent.Event) consent.Position {
	l.t.Helper()
	who, err := l.Keys.Identity(Email(email))
	if err != nil {
		l.t.Fatal(err)
	}
	r, errs, err := l.Store.Append(l.t.Context(), store.Append{
		Identities: []store.Identity{who}, Event: e,
	})
	if err := errors.Join(append(errs, err)...); err != nil {
		l.t.Fatal(err)
	}
	return r[0].Position
}

// Email is an e-mail address in the clear.
func Email(address string) consent.Identifier {
	return consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: address}
}

// Given is a sound grant for a purpose.
func Given(purpose consent.PurposeID) consent.Event {
	return consent.Event{
		Type: consent.EventGiven, Purpose: purpose, Notice: consent.NoticeID(purpose) + "-v1", Proof: consent.ProofMailboxConfirmed,
		Actor: consent.ActorPerson,
	}
}

// Withdrawn takes a purpose back.
func Withdrawn(purpose consent.PurposeID) consent.Event {
	return consent.Event{Type: consent.EventWithdrawn, Purpose: purpose, Actor: consent.ActorPerson}
}

// Form is the touchpoint of NewBundle: it offers every notice first, and has mailboxes confirmed.
const Form = "shop/form"

// NewBundle is one with purposes that rest on consent and need a confirmed mailbox, each with one notice.
func NewBundle(purposes ...consent.PurposeID) *ir.Bundle {
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "shop", Workload: "ConsentLedger/main", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedObserve}, FreshnessBoundMillis: 30_000,
	}
	for _, p := range purposes {
		b.Purposes = append(b.Purposes, ir.Purpose{
			Name: p, Controller: Controller, Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{ir.ProcessingSend},
			Channels: []consent.Channel{consent.ChannelEmail}, Objection: ir.ObjectionDirectMarketing, Proofs: []consent.Proof{consent.ProofMailboxConfirmed},
		})
		b.Notices = append(b.Notices, ir.Notice{
			Name: consent.NoticeID(p) + "-v1", Controller: Controller, Purposes: []consent.PurposeID{p},
			Processing: []ir.Processing{ir.ProcessingSend}, Channels: []consent.Channel{consent.ChannelEmail},
			Texts: []ir.Text{ir.TextOf("de", "Ja, "+string(p)+"."), ir.TextOf("en", "Yes, "+string(p)+".")},
		})
		b.Purposes[len(b.Purposes)-1].Labels = []ir.Label{{Language: "de", Title: string(p)}, {Language: "en", Title: string(p)}}
	}
	form := ir.Touchpoint{
		Name: Form, Controller: Controller, Place: ir.PlaceWebForm, CoolDownDays: 180, DeferDays: 14, Writers: []string{Writer},
		Confirmation: &ir.Confirmation{Proof: consent.ProofMailboxConfirmed, ValidForHours: 72, AgainAfterHours: 24},
	}
	for _, n := range b.Notices {
		form.OptIn = append(form.OptIn, n.Name)
	}
	b.Touchpoints = []ir.Touchpoint{form}
	return b
}
