package server

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/ir"
)

// kept are values in memory.
type kept struct {
	mu      sync.Mutex
	values  map[ir.Value]string
	asked   map[ir.Value]bool
	broken  error
	changed chan struct{}
}

func newKept() *kept {
	return &kept{values: map[ir.Value]string{}, asked: map[ir.Value]bool{}, changed: make(chan struct{}, 1)}
}

func (k *kept) Value(_ context.Context, namespace string, of ir.Value) (credential.Secret, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked[of] = namespace == "n"
	return credential.New(k.values[of]), k.broken
}

func (k *kept) lookedUp() map[ir.Value]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.asked)
}

func (k *kept) Changes() (<-chan struct{}, func()) { return k.changed, func() {} }

func (k *kept) set(of ir.Value, value string, err error) {
	k.mu.Lock()
	k.values[of], k.broken = value, err
	k.mu.Unlock()
	k.changed <- struct{}{}
}

var (
	mailKey  = ir.Value{Service: "esp/mail", ID: "mail/key"}
	otherKey = ir.Value{Service: "esp/other", ID: "other/key"}
)

// withServices is a bundle with a rule about one of two services.
func withServices(also ...string) *ir.Bundle {
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "n", Workload: "Deployment/app", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 5000,
		Purposes: []ir.Purpose{{Name: "newsletter", Controller: "shop", Objection: ir.ObjectionNone}},
	}
	for _, v := range []ir.Value{mailKey, otherKey} {
		b.Services = append(b.Services, ir.Service{
			Name: v.Service, Hosts: []string{"api.example"}, Ports: []ir.Port{{Port: 80, Protocol: "HTTP"}},
			Credential: &ir.Credential{ID: v.ID, Type: ir.CredentialBasic, Own: ir.OwnRefuse},
		})
	}
	for _, s := range append(also, mailKey.Service) {
		b.Rules = append(b.Rules, ir.Rule{Policy: "n/p/r", Purpose: "newsletter", Service: s, OnMissing: ir.OnMissingDeny, OnEmpty: ir.OnEmptyDeny, Mode: ir.ModeEnforce})
	}
	return b
}

func (r *rig) credential(t *testing.T, of ir.Value) string {
	t.Helper()
	for {
		u := r.next(t)
		if v, ok := u.Credentials[of]; ok {
			if len(u.Credentials) != 1 {
				t.Errorf("%d values came", len(u.Credentials))
			}
			return v.Reveal()
		}
	}
}

// TestCredentialsGoToWhoeverHasARule: with the bundle, when they change, and when they are gone, and nowhere else than into memory.
func TestCredentialsGoToWhoeverHasARule(t *testing.T) {
	const first, second = "SG.correct-horse", "SG.battery-staple"
	r, k := newRig(t, "pod-1", time.Hour), newKept()
	var log bytes.Buffer
	r.options.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.server.Values = k
	k.values[mailKey], k.values[otherKey] = first, "SG.of-somebody-else"
	r.dir.put(t, 1, withServices())
	stop := r.run(t)
	if u := r.next(t); u.Bundle == nil || len(u.Credentials) != 1 || u.Credentials[mailKey].Reveal() != first {
		t.Fatalf("update: %+v", u)
	}
	if asked := k.lookedUp(); len(asked) != 1 || !asked[mailKey] {
		t.Errorf("values were looked up that no rule needs: %v", asked)
	}
	k.set(mailKey, second, nil)
	if got := r.credential(t, mailKey); got != second {
		t.Errorf("%q after the change", got)
	}
	// Where nobody knows, what is there stays.
	k.set(mailKey, "SG.wrong", errors.New("no answer"))
	k.set(mailKey, "", nil)
	if got := r.credential(t, mailKey); got != "" {
		t.Errorf("%q after it was taken away", got)
	}
	k.set(mailKey, second, nil)
	if got := r.credential(t, mailKey); got != second {
		t.Errorf("%q after it came back", got)
	}
	// A rule about another service brings that one's value, and nothing twice.
	r.dir.put(t, 2, withServices(otherKey.Service))
	if got := r.credential(t, otherKey); got != "SG.of-somebody-else" {
		t.Errorf("%q for another service", got)
	}
	stop()

	// The next stream begins with everything, though the bundle did not change.
	stop = r.run(t)
	if u := r.next(t); !u.Stored || len(u.Credentials) != 0 {
		t.Errorf("from the state folder: %+v", u)
	}
	if u := r.next(t); u.Bundle != nil || len(u.Credentials) != 2 {
		t.Errorf("the second stream: %+v", u)
	}
	stop()
	told := log.String()
	err := filepath.WalkDir(r.options.StateDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		told += string(text)
		return err
	})
	if err != nil || !strings.Contains(told, "esp/mail") {
		t.Errorf("nothing was stored: %v", err)
	}
	for _, v := range []string{first, second, "SG."} {
		if strings.Contains(told, v) {
			t.Errorf("%q is in the log or the state folder: %s", v, told)
		}
	}
}

// TestAManagerThatDoesNotKnowYetTakesNothingAway: its cache may be filling while sidecars that have a value connect.
func TestAManagerThatDoesNotKnowYetTakesNothingAway(t *testing.T) {
	r, k := newRig(t, "pod-1", time.Hour), newKept()
	r.server.Values = k
	k.values[mailKey], k.broken = "", errors.New("no answer yet")
	r.dir.put(t, 1, withServices())
	r.run(t)
	if u := r.next(t); u.Bundle == nil || u.Credentials != nil {
		t.Fatalf("update: %+v", u)
	}
	k.set(mailKey, "SG.correct-horse", nil)
	if got := r.credential(t, mailKey); got != "SG.correct-horse" {
		t.Errorf("%q", got)
	}
}

// TestALedgerGetsNoCredentials: it sends nothing.
func TestALedgerGetsNoCredentials(t *testing.T) {
	r, k := newRig(t, "pod-1", time.Hour), newKept()
	r.server.Values, r.server.Directory = k, ledgerDirectory{r.dir}
	k.values[mailKey] = "SG.correct-horse"
	r.dir.put(t, 1, withServices())
	r.run(t)
	if u := r.next(t); u.Bundle == nil || u.Credentials != nil || len(k.lookedUp()) != 0 {
		t.Errorf("update: %+v", u)
	}
}

type ledgerDirectory struct{ *directory }

func (d ledgerDirectory) Caller(ctx context.Context, who identity.Identity) (Caller, error) {
	c, err := d.directory.Caller(ctx, who)
	c.Ledger = true
	return c, err
}

// TestAManagerWithoutValues serves as before.
func TestAManagerWithoutValues(t *testing.T) {
	r := newRig(t, "pod-1", time.Hour)
	r.dir.put(t, 1, withServices())
	r.run(t)
	if u := r.next(t); u.Bundle == nil || u.Credentials != nil {
		t.Errorf("update: %+v", u)
	}
}
