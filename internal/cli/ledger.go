package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/problem"
)

// maxAnswer bounds what a ledger may answer, in bytes.
const maxAnswer = 16 << 20

// Ledger is a ledger to talk to, as one caller.
type Ledger struct {
	base   *url.URL
	http   *http.Client
	token  func() (string, error)
	closed func()
}

// LedgerOptions say where a ledger is and who calls.
type LedgerOptions struct {
	// URL of the ledger, https; http on loopback only.
	URL string
	// TokenFile holds the caller's bearer token. TrustFile holds authorities in PEM; empty for those of the system.
	TokenFile, TrustFile string
}

// OpenLedger prepares to talk to the ledger at a URL.
func OpenLedger(o LedgerOptions) (*Ledger, error) {
	if o.TokenFile == "" {
		return nil, errors.New("who calls? give --token-file with a token for the audience optup-ledger, for example from kubectl create token importer --audience optup-ledger")
	}
	var roots *x509.CertPool
	if o.TrustFile != "" {
		data, err := os.ReadFile(o.TrustFile)
		if err != nil {
			return nil, err
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", o.TrustFile)
		}
	}
	token := func() (string, error) {
		data, err := os.ReadFile(o.TokenFile)
		return strings.TrimSpace(string(data)), err
	}
	return newLedger(o.URL, roots, nil, token)
}

func newLedger(address string, roots *x509.CertPool, dial func(context.Context, string, string) (net.Conn, error), token func() (string, error)) (*Ledger, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("%q is no address of a ledger; give for example https://main-ledger.consent.svc:8443", address)
	}
	// The token, and what is said about people, never go over a network in the clear.
	if base.Scheme != "https" && (base.Scheme != "http" || !loopback(base.Hostname())) {
		return nil, fmt.Errorf("a ledger is called by https; %s is not, and not on loopback", base.Redacted())
	}
	proxy := http.ProxyFromEnvironment
	if dial != nil {
		proxy = nil // the way is given
	}
	return &Ledger{
		base: base, token: token, closed: func() {},
		http: &http.Client{
			Transport: &http.Transport{
				TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}, DialContext: dial, Proxy: proxy, ForceAttemptHTTP2: true,
			},
			// A redirect would take token and people to somebody else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// Close ends what was opened for the ledger.
func (l *Ledger) Close() {
	l.http.CloseIdleConnections()
	l.closed()
}

// Head is where a ledger stands.
type Head struct {
	Controller string           `json:"controller"`
	Epoch      string           `json:"epoch"`
	Position   consent.Position `json:"position"`
	// At is when the newest event was appended, Time the ledger's time.
	At    time.Time `json:"at,omitzero"`
	KeyID string    `json:"keyID"`
	// PublicKey verifies checkpoints and receipts. Whoever has it from elsewhere does not have to believe the ledger.
	PublicKey string    `json:"publicKey"`
	Time      time.Time `json:"time"`
}

// Head asks where the ledger stands.
func (l *Ledger) Head(ctx context.Context) (Head, error) {
	var out Head
	return out, l.call(ctx, http.MethodGet, "/v1/head", "", nil, "", &out)
}

// Appended is what became of an event.
type Appended struct {
	Position consent.Position `json:"position"`
	At       time.Time        `json:"at"`
	// Replayed tells that the event had been appended before.
	Replayed bool `json:"replayed,omitempty"`
}

// Append appends one event about the person whom the identifiers name.
func (l *Ledger) Append(ctx context.Context, identifiers []consent.Identifier, e consent.Event) (Appended, error) {
	var out Appended
	body, err := json.Marshal(map[string]any{"identifiers": identifiers, "event": e})
	if err != nil {
		return out, err
	}
	return out, l.call(ctx, http.MethodPost, "/v1/events", "application/json", bytes.NewReader(body), "", &out)
}

// Person is what a ledger knows about a person.
type Person struct {
	Known    bool             `json:"known"`
	Position consent.Position `json:"position"`
	Record   *consent.Record  `json:"record,omitempty"`
	// Decisions are those of this moment.
	Decisions []struct {
		Purpose    string          `json:"purpose"`
		Processing string          `json:"processing"`
		Reason     string          `json:"reason"`
		Ground     string          `json:"ground,omitempty"`
		Fact       json.RawMessage `json:"fact,omitempty"`
	} `json:"decisions,omitempty"`
}

// Lookup asks what the ledger knows about a person. It needs the role officer.
func (l *Ledger) Lookup(ctx context.Context, i consent.Identifier) (Person, error) {
	var out Person
	body, err := json.Marshal(map[string]any{"identifier": i})
	if err != nil {
		return out, err
	}
	return out, l.call(ctx, http.MethodPost, "/v1/people/lookup", "application/json", bytes.NewReader(body), "", &out)
}

// Imported is the ledger's report about a file.
type Imported struct {
	DryRun   bool             `json:"dryRun"`
	Rows     int              `json:"rows"`
	Appended int              `json:"appended"`
	Replayed int              `json:"replayed"`
	Refused  int              `json:"refused"`
	Unproven int              `json:"unproven"`
	Position consent.Position `json:"position"`
	Errors   []problem.Item   `json:"errors,omitempty"`
	Unknown  []string         `json:"unknown,omitempty"`
}

// Import streams a CSV file to the ledger. The key makes rows without a time be imported once, however often the file is sent; empty
// for none.
func (l *Ledger) Import(ctx context.Context, file io.Reader, key string, dryRun bool) (Imported, error) {
	path := "/v1/imports"
	if dryRun {
		path += "?dryRun=true"
	}
	var out Imported
	return out, l.call(ctx, http.MethodPost, path, "text/csv; charset=utf-8", file, key, &out)
}

// call makes one request and reads the answer as JSON. A refusal is a *problem.Problem, which names members and lines, never people.
func (l *Ledger) call(ctx context.Context, method, path, kind string, body io.Reader, key string, into any) error {
	answer, err := l.send(ctx, method, path, kind, body, key)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }()
	data, err := io.ReadAll(io.LimitReader(answer, maxAnswer))
	if err != nil {
		return fmt.Errorf("the ledger's answer broke off: %w", err)
	}
	return json.Unmarshal(data, into)
}
