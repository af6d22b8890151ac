package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ledger/wire"
	"github.com/optup/optup/internal/roots"
)

// Options say where the ledger is and who asks. Functions are called for each connection, so that files may be renewed.
type Options struct {
	// URL of the ledger, for example "https://shop-ledger.shop.svc:8443".
	URL string
	// HTTPClient is used as it is; nil makes one that trusts TrustFile, or the system if that is empty.
	HTTPClient *http.Client
	// TrustFile holds the authorities of the ledger (PEM). It is read again for each connection.
	TrustFile string
	// Token gives the bearer token.
	Token func() (string, error)
	// Grant gives the grant that the manager signed; "" waits until there is one. A nil function sends none, which only a ledger
	// with a development token accepts.
	Grant func() string
	// Purposes are asked for; nil or none asks for all that the grant names.
	Purposes func() []consent.PurposeID
	// Timed are the purposes for which decisions depend on when something happened (see decide.Timed); nil for none.
	Timed func() []consent.PurposeID
	// Bound is how old facts may be before nothing rests on them any more. The ledger is told, so that it knows for how long it has to wait
	// for a sidecar that fell silent. nil leaves it to the ledger's default.
	Bound func() time.Duration
	// Clock gives a time that only goes forward and counts suspend; nil for CLOCK_BOOTTIME.
	Clock func() time.Duration
	// Logger is nil for slog.Default().
	Logger *slog.Logger
	// PingEvery is how often freshness is renewed, and Silence how long the ledger may say nothing; 0 for 2 s and 15 s.
	PingEvery, Silence time.Duration
	// Retry and MaxRetry are the first and the longest pause before connecting again; 0 for 200 ms and 10 s.
	Retry, MaxRetry time.Duration
}

// Feed follows one ledger. It is safe for concurrent use.
type Feed struct {
	Options

	// view is what lookups see, moment what freshness rests on (nil: never), applied the position of the view.
	view    atomic.Pointer[View]
	moment  atomic.Pointer[moment]
	applied atomic.Uint64

	mu sync.Mutex
	// epoch names the log that applied counts in. Trusted tells that the view is complete up to applied.
	epoch   string
	trusted bool
	pending []moment
	// hello is what the stream of the view began with, and held the newest checkpoint of that log.
	hello   wire.Hello
	held    checkpoint
	again   context.CancelFunc
	reports *http.Client
}

// moment is a time at which the facts were proven to be complete, once position has been applied.
type moment struct {
	// sent is when the ping was sent, on Options.Clock.
	sent     time.Duration
	ledger   time.Time
	position consent.Position
}

// checkpoint is one that a ledger signed: proof of what it said.
type checkpoint struct {
	text string
	at   consent.Position
}

// New returns a feed, which does nothing before Run.
func New(o Options) *Feed {
	fill(&o.Clock, bootTime)
	fill(&o.Purposes, func() []consent.PurposeID { return nil })
	fill(&o.Timed, func() []consent.PurposeID { return nil })
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	for d, def := range map[*time.Duration]time.Duration{
		&o.PingEvery: 2 * time.Second, &o.Silence: 15 * time.Second, &o.Retry: 200 * time.Millisecond, &o.MaxRetry: 10 * time.Second,
	} {
		if *d == 0 {
			*d = def
		}
	}
	return &Feed{Options: o}
}

func fill[T any](f *func() T, with func() T) {
	if *f == nil {
		*f = with
	}
}

// Run follows the ledger until ctx ends and then returns nil. It only fails for options that can never work.
func (f *Feed) Run(ctx context.Context) error {
	base, err := url.Parse(f.URL)
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") || f.Token == nil {
		return errors.New("the ledger client needs an http or https URL of a ledger and a token")
	}
	pause := f.Retry
	for ctx.Err() == nil {
		live, err := f.connect(ctx, base)
		if ctx.Err() != nil {
			break
		}
		f.Logger.Warn("the ledger's stream ended; facts stay and grow older until it is back", "ledger", base.Host, "error", err)
		if live {
			pause = f.Retry
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, f.MaxRetry)
	}
	return nil //nolint:nilerr // the end of ctx is no failure
}

// Again connects again at once, for example because the grant names other purposes now. Facts stay meanwhile.
func (f *Feed) Again() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.again != nil {
		f.again()
	}
}

// Now is the moment that decisions rest on. Call it before Lookup: then the facts that are found are at least as fresh as it says.
// Before the first answered ping, and while the facts are in doubt, its age is negative: never.
func (f *Feed) Now() decide.Now {
	m := f.moment.Load()
	now := decide.Never
	if m != nil {
		age := max(f.Clock()-m.sent, 0)
		now = decide.Now{Ledger: m.ledger.Add(age), Age: age}
	}
	now.Position = f.Position()
	return now
}

// Position is that of the newest event in the facts; 0 before the first snapshot.
func (f *Feed) Position() consent.Position { return consent.Position(f.applied.Load()) }

// Stats tell how many identifiers there are facts about, and how much memory that takes.
func (f *Feed) Stats() facts.Stats {
	if v := f.view.Load(); v != nil {
		return v.table.Stats()
	}
	return facts.Stats{}
}

// Epoch names the log that the facts are from; "" before the first snapshot.
func (f *Feed) Epoch() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.epoch
}

// connect makes one connection and follows it. Live tells that it got as far as a whole snapshot.
func (f *Feed) connect(ctx context.Context, base *url.URL) (live bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.mu.Lock()
	f.again = cancel
	f.mu.Unlock()
	s := &session{feed: f, base: base, client: f.HTTPClient}
	s.upgrade = base.Scheme == "http" || f.HTTPClient == nil
	if s.client == nil {
		transport, err := f.transport(false)
		if err != nil {
			return false, err
		}
		defer transport.CloseIdleConnections()
		// A redirect would carry the grant to somebody else.
		s.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return s.run(ctx)
}

// transport makes one for HTTP/1.1, whose connections can be taken over by the stream, or for whatever the ledger speaks.
func (f *Feed) transport(any bool) (*http.Transport, error) {
	t := &http.Transport{
		ForceAttemptHTTP2: any, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
		IdleConnTimeout: 90 * time.Second, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13},
	}
	if f.TrustFile == "" {
		if strings.HasPrefix(f.URL, "https:") {
			roots.Ready()
		}
		return t, nil
	}
	pem, err := os.ReadFile(f.TrustFile)
	if err != nil {
		return nil, fmt.Errorf("the ledger's authorities cannot be read: %w", err)
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("the trust file holds no certificate; it must hold the ledger's authority in PEM")
	}
	return t, nil
}

// authorize adds token and grant to a request.
func (f *Feed) authorize(r *http.Request) error {
	token, err := f.Token()
	if err != nil {
		return fmt.Errorf("the token for the ledger cannot be read: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
	if f.Grant == nil {
		return nil
	}
	grant := f.Grant()
	if grant == "" {
		return errors.New("there is no grant for the ledger yet; the manager sends it with the bundle")
	}
	r.Header.Set(grantHeader, grant)
	return nil
}
