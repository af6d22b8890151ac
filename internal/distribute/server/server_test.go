package server

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/ir"
)

type tokens struct{ life time.Duration }

func (v tokens) Verify(token string) (identity.Identity, error) {
	if !strings.HasPrefix(token, "pod-") {
		return identity.Identity{}, identity.ErrRefused
	}
	return identity.Identity{Subject: "system:serviceaccount:n:sa", Namespace: "n", ServiceAccount: "sa", PodUID: token, Expires: time.Now().Add(v.life)}, nil
}

type grants struct{ signed []identity.Grant }

func (g *grants) Sign(x identity.Grant) (string, error) {
	g.signed = append(g.signed, x)
	return "grant-for-" + x.PodUID, nil
}

// directory knows pods "pod-1" and so on, all of one workload.
type directory struct {
	mu      sync.Mutex
	bundle  Published
	changed chan struct{}
	ledger  bool
}

func (d *directory) Caller(_ context.Context, who identity.Identity) (Caller, error) {
	if who.PodUID == "pod-unknown" {
		return Caller{}, ErrUnknownPod
	}
	return Caller{Namespace: "n", Config: "c", Workload: "Deployment/app", Ledger: d.ledger}, nil
}

func (d *directory) Published(context.Context, string, string) (Published, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bundle, d.bundle.Generation > 0
}

func (d *directory) Changes(string, string) (<-chan struct{}, func()) { return d.changed, func() {} }

func (d *directory) publish(t *testing.T, generation int64) {
	t.Helper()
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "n", Workload: "Deployment/app", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 5000 + generation,
		Ledgers:  []ir.Ledger{{Controller: "shop", URL: "https://l"}},
		Purposes: []ir.Purpose{{Name: "newsletter", Controller: "shop", Objection: ir.ObjectionNone}, {Name: "other", Controller: "x", Objection: ir.ObjectionNone}},
	}
	d.put(t, generation, b)
}

// put publishes a bundle.
func (d *directory) put(t *testing.T, generation int64, b *ir.Bundle) {
	t.Helper()
	enc, err := ir.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.bundle = Published{generation, ir.Hash(enc), enc}
	d.mu.Unlock()
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

type rig struct {
	dir      *directory
	grants   *grants
	sessions *Sessions
	options  client.Options
	updates  chan client.Update
	refuse   func(client.Update) error
	server   *Server
}

func newRig(t *testing.T, token string, life time.Duration) *rig {
	t.Helper()
	r := &rig{dir: &directory{changed: make(chan struct{}, 1)}, grants: &grants{}, updates: make(chan client.Update, 64)}
	r.sessions = NewSessions(time.Now, nil)
	s := &Server{Tokens: tokens{life}, Directory: r.dir, Grants: r.grants, Sessions: r.sessions, Now: time.Now, heartbeat: 20 * time.Millisecond}
	r.server = s
	srv := httptest.NewUnstartedServer(s.Handler())
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	folder := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(folder, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	r.options = client.Options{
		Manager: srv.URL, TrustFile: write("ca.crt", string(ca)), TokenFile: write("token", token), StateDir: t.TempDir(), Version: "test",
		Apply: func(u client.Update) error {
			if r.refuse != nil {
				if err := r.refuse(u); err != nil {
					return err
				}
			}
			r.updates <- u
			return nil
		},
	}
	return r
}

func (r *rig) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	done := make(chan struct{})
	go func() { defer close(done); _ = client.Run(ctx, r.options) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func (r *rig) next(t *testing.T) client.Update {
	t.Helper()
	select {
	case u := <-r.updates:
		return u
	case <-time.After(30 * time.Second):
		t.Fatal("no update came")
		return client.Update{}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never happened: %s", what)
}

// TestAGrantNamesWhatCallbacksMayTell, and only what belongs in the ledger that the grant is for.
func TestAGrantNamesWhatCallbacksMayTell(t *testing.T) {
	when := []ir.RecordCondition{{Pointer: "/event", In: []string{"unsubscribe"}}}
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "n", Workload: "Deployment/app", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 5000, Ledgers: []ir.Ledger{{Controller: "shop", URL: "https://l"}},
		Purposes: []ir.Purpose{{Name: "newsletter", Controller: "shop", Objection: ir.ObjectionNone}, {Name: "other", Controller: "x", Objection: ir.ObjectionNone}},
		Callbacks: []ir.Callback{
			{
				Policy: "n/p/events", Service: "n/mail", Name: "events", Port: 80, Path: "/hook", Methods: []string{"POST"}, Mode: ir.ModeEnforce,
				Signature: ir.Signature{Type: ir.SignatureHMAC, Key: "s/k", Header: "X", Encoding: ir.EncodingHex},
				Body: &ir.Message{Records: &ir.Records{
					Each: "/*", Identifier: "/email", Identifies: ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain},
				}},
				Events: []ir.Told{
					{When: when, Controller: "shop", Type: consent.EventWithdrawn, Purpose: "newsletter"},
					{When: when, Controller: "shop", Type: consent.EventWithdrawn, Purpose: "newsletter"},
					{When: when, Controller: "x", Type: consent.EventWithdrawn, Purpose: "other"},
					{When: when, Controller: "shop", Type: consent.EventObjected, Scope: consent.ScopeChannel, Channel: consent.ChannelEmail},
				},
			},
			{Policy: "n/p/blocked", Service: "n/mail", Name: "blocked", Port: 80, Path: "/other", Mode: ir.ModeEnforce, Blocked: "ENDPOINT_UNKNOWN"},
		},
	}
	r := newRig(t, "pod-1", time.Hour)
	r.dir.put(t, 3, b)
	r.run(t)
	r.next(t)
	want := []identity.Restriction{
		{Service: "n/mail", Type: consent.EventWithdrawn, Purpose: "newsletter"},
		{Service: "n/mail", Type: consent.EventObjected, Scope: consent.ScopeChannel, Channel: consent.ChannelEmail},
	}
	if g := r.grants.signed[0]; !slices.Equal(g.Restrictions, want) {
		t.Errorf("%+v", g.Restrictions)
	}
}

func TestBundleGrantAndAcknowledgement(t *testing.T) {
	r := newRig(t, "pod-1", time.Hour)
	r.dir.publish(t, 3)
	r.run(t)
	u := r.next(t)
	if u.Generation != 3 || u.Bundle == nil || u.Grant != "grant-for-pod-1" || u.Stored {
		t.Fatalf("update: %+v", u)
	}
	if g := r.grants.signed[0]; len(g.Purposes) != 1 || g.Purposes[0] != "newsletter" || g.Workload != "Deployment/app" {
		t.Errorf("grant: %+v", g)
	}
	eventually(t, "generation 3 is acknowledged", func() bool {
		s := r.sessions.Of("n", "c")
		return len(s) == 1 && s[0].Generation == 3 && s[0].Accepted
	})
	r.dir.publish(t, 4)
	if u := r.next(t); u.Generation != 4 {
		t.Errorf("second update: generation %d", u.Generation)
	}
}

func TestRefusedBundleIsReportedAndTheOneBeforeStays(t *testing.T) {
	r := newRig(t, "pod-1", time.Hour)
	r.refuse = func(u client.Update) error {
		if u.Generation == 2 {
			return errors.New("this version cannot do that")
		}
		return nil
	}
	r.dir.publish(t, 1)
	stop := r.run(t)
	r.next(t)
	r.dir.publish(t, 2)
	eventually(t, "the refusal is reported", func() bool {
		s := r.sessions.Of("n", "c")
		return len(s) == 1 && s[0].Generation == 2 && !s[0].Accepted && s[0].Error == "this version cannot do that"
	})
	stop()
	r.run(t)
	if u := r.next(t); u.Generation != 1 || !u.Stored {
		t.Errorf("stored: %+v", u)
	}
}

func TestStoredBundleServesWithoutManager(t *testing.T) {
	r := newRig(t, "pod-1", time.Hour)
	r.dir.publish(t, 7)
	stop := r.run(t)
	r.next(t)
	eventually(t, "the bundle is stored", func() bool {
		_, err := os.Stat(filepath.Join(r.options.StateDir, "bundle.json"))
		return err == nil
	})
	stop()
	r.options.Manager = "https://127.0.0.1:1"
	r.run(t)
	if u := r.next(t); !u.Stored || u.Generation != 7 || u.Bundle == nil || u.Grant != "" {
		t.Errorf("update: %+v", u)
	}
}

// TestALedgersWordsComeWithItsBundleAndStayWithoutAManager: the bundle of a ledger is as large as it may be, and more than a sidecar's.
func TestALedgersWordsComeWithItsBundleAndStayWithoutAManager(t *testing.T) {
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "n", Workload: "ConsentLedger/main", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 5000,
		Notices: []ir.Notice{{Name: "news-v1", Controller: "shop"}},
	}
	word := strings.Repeat("\"Ja\" ", 2000)
	for len(b.Notices[0].Texts) < 48 {
		b.Notices[0].Texts = append(b.Notices[0].Texts, ir.TextOf("de", word))
	}
	r := newRig(t, "pod-1", time.Hour)
	r.dir.put(t, 7, b)
	stop := r.run(t)
	if u := r.next(t); u.Bundle == nil || len(u.Bundle.Notices[0].Texts) != 48 || u.Grant != "" {
		t.Fatalf("update: generation %d", u.Generation)
	}
	eventually(t, "the bundle is stored", func() bool {
		_, err := os.Stat(filepath.Join(r.options.StateDir, "bundle.json"))
		return err == nil
	})
	stop()
	r.options.Manager = "https://127.0.0.1:1"
	r.run(t)
	if u := r.next(t); !u.Stored || u.Bundle == nil || u.Bundle.Notices[0].Texts[47].Text != word {
		t.Errorf("stored: generation %d", u.Generation)
	}
}

func TestDamagedStateIsNotEnforced(t *testing.T) {
	r := newRig(t, "pod-1", time.Hour)
	file := filepath.Join(r.options.StateDir, "bundle.json")
	if err := os.WriteFile(file, []byte(`{"generation":9,"hash":"00","bundle":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r.dir.publish(t, 1)
	r.run(t)
	if u := r.next(t); u.Stored || u.Generation != 1 {
		t.Errorf("update: %+v", u)
	}
}

func TestGenerationNeverGoesBack(t *testing.T) {
	r := newRig(t, "pod-1", time.Hour)
	r.dir.publish(t, 5)
	r.run(t)
	r.next(t)
	r.dir.publish(t, 4)
	r.dir.publish(t, 6)
	if u := r.next(t); u.Generation != 6 {
		t.Errorf("generation %d came after 5", u.Generation)
	}
	eventually(t, "the highest generation is known", func() bool { return r.sessions.Highest("n", "c") == 6 })
}

func TestStreamsEndWithTheToken(t *testing.T) {
	r := newRig(t, "pod-1", 100*time.Millisecond)
	r.dir.publish(t, 1)
	r.run(t)
	r.next(t)
	eventually(t, "the session ends", func() bool { return len(r.sessions.Of("n", "c")) == 0 })
}

func TestStrangersGetNothing(t *testing.T) {
	for name, token := range map[string]string{"a bad token": "forged", "a pod that is gone": "pod-unknown"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, token, time.Hour)
			r.dir.publish(t, 1)
			r.run(t)
			select {
			case u := <-r.updates:
				t.Fatalf("got generation %d", u.Generation)
			case <-time.After(200 * time.Millisecond):
			}
		})
	}
}
