package server

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/pods"
)

// placing knows pods by host; of a host that is silent it knows nothing.
type placing struct {
	mu      sync.Mutex
	sets    map[string]*pods.Set
	silent  bool
	asked   []string
	changed chan struct{}
}

func newPlacing() *placing {
	return &placing{sets: map[string]*pods.Set{}, changed: make(chan struct{}, 1)}
}

func (p *placing) Of(_ context.Context, who identity.Identity, host string) (*pods.Set, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, who.PodUID+" "+host)
	return p.sets[host], !p.silent
}

func (p *placing) Changes() (<-chan struct{}, func()) { return p.changed, func() {} }

// put says where the pods of a host are, and that nothing is known while silent.
func (p *placing) put(silent bool, sets ...pods.Set) {
	p.mu.Lock()
	p.silent = silent
	for i := range sets {
		p.sets[sets[i].Host] = &sets[i]
	}
	p.mu.Unlock()
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func addresses(n int) (out []netip.Addr) {
	a := netip.MustParseAddr("10.0.0.1")
	for range n {
		out = append(out, a)
		a = a.Next()
	}
	return out
}

func podsOf(host string, n int) pods.Set {
	return pods.Set{Host: host, Groups: []pods.Group{{Addresses: addresses(n), Ports: []pods.Port{{Port: 80, Target: 8080}}, Shared: n == 3}}}
}

// with gives a bundle whose services have these hosts.
func with(hosts ...string) *ir.Bundle {
	b := intercepting(hosts...)
	for i := range b.Services {
		b.Services[i].Ports = []ir.Port{{Port: 80, Protocol: "HTTP"}}
	}
	return b
}

// told gives the sets of updates until all hosts have one, and fails where a bundle is in force that they were missing to.
func (r *rig) told(t *testing.T, hosts ...string) map[string]pods.Set {
	t.Helper()
	out := map[string]pods.Set{}
	for {
		u := r.next(t)
		for _, s := range u.Pods {
			out[s.Host] = s
		}
		if u.Bundle == nil {
			continue
		}
		for _, h := range hosts {
			if _, there := out[h]; !there {
				t.Fatalf("the bundle is in force, and where the pods of %s are is not known", h)
			}
		}
		return out
	}
}

// pod gives the next set that comes.
func (r *rig) pod(t *testing.T) pods.Set {
	t.Helper()
	for {
		if u := r.next(t); len(u.Pods) > 0 {
			if len(u.Pods) != 1 {
				t.Fatalf("more was sent than has changed: %+v", u.Pods)
			}
			return u.Pods[0]
		}
	}
}

// TestWherePodsAreComesBeforeTheBundle that needs it, and later as it changes, for nobody's hosts but the bundle's.
func TestWherePodsAreComesBeforeTheBundle(t *testing.T) {
	r, p := newRig(t, "pod-1", time.Minute), newPlacing()
	r.server.Pods = p
	p.put(false, podsOf("a.crm", 3), podsOf("b.crm", 2), podsOf("x.crm", 1))
	r.dir.put(t, 1, with("a.crm", "b.crm", "api.example"))
	r.run(t)
	got := r.told(t, "a.crm", "b.crm")
	for _, want := range []pods.Set{podsOf("a.crm", 3), podsOf("b.crm", 2)} {
		if s := got[want.Host]; !s.Equal(&want) {
			t.Errorf("%+v, want %+v", s, want)
		}
	}
	if len(got) != 2 {
		t.Errorf("%d hosts were told", len(got))
	}
	p.put(false, podsOf("b.crm", 1), podsOf("x.crm", 2))
	if s, want := r.pod(t), podsOf("b.crm", 1); !s.Equal(&want) {
		t.Errorf("%+v, want %+v", s, want)
	}
	p.put(false, pods.Set{Host: "b.crm"})
	if s := r.pod(t); s.Host != "b.crm" || s.Len() != 0 {
		t.Errorf("none are left, and told was %+v", s)
	}
	r.dir.put(t, 2, with("x.crm"))
	if s := r.told(t, "x.crm")["x.crm"]; s.Len() != 2 {
		t.Errorf("with the next bundle: %+v", s)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Contains(p.asked, "pod-2 a.crm") || !slices.Contains(p.asked, "pod-1 a.crm") {
		t.Errorf("asked for %v", p.asked)
	}
}

// TestWhatNobodyKnowsIsNotTold: a manager that has just started, or has lost its cluster, does not take pods away.
func TestWhatNobodyKnowsIsNotTold(t *testing.T) {
	r, p := newRig(t, "pod-1", time.Minute), newPlacing()
	r.server.Pods = p
	p.put(true, podsOf("a.crm", 2))
	r.dir.put(t, 1, with("a.crm"))
	r.run(t)
	if got := r.told(t); len(got) != 0 {
		t.Fatalf("told was %+v", got)
	}
	p.put(false)
	if s := r.pod(t); s.Len() != 2 {
		t.Fatalf("once it is known: %+v", s)
	}
	p.put(true, pods.Set{Host: "a.crm"})
	p.put(false, podsOf("a.crm", 3))
	if s := r.pod(t); s.Len() != 3 {
		t.Errorf("after a pause: %+v", s)
	}
}

// TestWhereManyPodsAreIsBounded, and the sidecar learns that it does not know all of them.
func TestWhereManyPodsAreIsBounded(t *testing.T) {
	r, p := newRig(t, "pod-1", time.Minute), newPlacing()
	r.server.Pods = p
	p.put(false, podsOf("a.crm", pods.MaxAddresses-1), podsOf("b.crm", 2), podsOf("c.crm", 1))
	r.dir.put(t, 1, with("a.crm", "b.crm", "c.crm"))
	r.run(t)
	got := r.told(t, "a.crm", "b.crm", "c.crm")
	a, b, c := got["a.crm"], got["b.crm"], got["c.crm"]
	if a.Len() != pods.MaxAddresses-1 || a.Incomplete || b.Len() != 1 || !b.Incomplete || c.Len() != 0 || !c.Incomplete {
		t.Errorf("%d %v, %d %v, %d %v", a.Len(), a.Incomplete, b.Len(), b.Incomplete, c.Len(), c.Incomplete)
	}
}

// TestPodsThatComeAndGoAllTheTimeArePaced: what is sent for their sake is what is there then, once in a while.
func TestPodsThatComeAndGoAllTheTimeArePaced(t *testing.T) {
	now := time.Now()
	x := placed{last: now}
	for after, want := range map[time.Duration]time.Duration{0: podsPace, podsPace / 4: podsPace * 3 / 4, podsPace: 0, time.Hour: podsPace - time.Hour} {
		if got := x.wait(now.Add(after)); got != want {
			t.Errorf("after %v it waits for %v, not %v", after, got, want)
		}
	}
	r, p := newRig(t, "pod-1", time.Minute), newPlacing()
	r.server.Pods, r.server.heartbeat = p, time.Hour
	p.put(false, podsOf("a.crm", 1))
	r.dir.put(t, 1, with("a.crm"))
	r.run(t)
	r.told(t, "a.crm")
	began, sent := time.Now(), 0
	for n := 2; time.Since(began) < 3*podsPace/2; n++ {
		p.put(false, podsOf("a.crm", 2+n%7))
		time.Sleep(5 * time.Millisecond)
	}
	p.put(false, podsOf("a.crm", 20))
	for {
		sent++
		if s := r.pod(t); s.Len() == 20 {
			break
		}
	}
	if most := int(time.Since(began)/podsPace) + 1; sent > most {
		t.Errorf("%d messages in %v", sent, time.Since(began))
	}
}

// TestWherePodsAreOutlivesTheSidecar: one that starts again knows it with its stored bundle, before a manager answers.
func TestWherePodsAreOutlivesTheSidecar(t *testing.T) {
	r, p := newRig(t, "pod-1", time.Minute), newPlacing()
	r.server.Pods = p
	p.put(false, podsOf("a.crm", 3), podsOf("b.crm", 1))
	r.dir.put(t, 1, with("a.crm", "b.crm"))
	stop := r.run(t)
	r.told(t, "a.crm", "b.crm")
	r.dir.put(t, 2, with("a.crm"))
	r.told(t)
	p.put(false, podsOf("a.crm", 4))
	r.pod(t)
	file := filepath.Join(r.options.StateDir, "pods.json")
	eventually(t, "it is stored", func() bool { data, err := os.ReadFile(file); return err == nil && len(data) > 0 })
	stop()

	again := newRig(t, "pod-1", time.Minute)
	again.options.StateDir, again.options.Manager, again.options.Logger = r.options.StateDir, "https://127.0.0.1:1", slog.New(slog.DiscardHandler)
	again.run(t)
	u := again.next(t)
	want := podsOf("a.crm", 4)
	if !u.Stored || u.Bundle == nil || len(u.Pods) != 1 || !u.Pods[0].Equal(&want) {
		t.Errorf("%+v", u.Pods)
	}

	if err := os.WriteFile(file, []byte(`[{"host":"a.crm","groups":[{"addresses":"AAAA"}]}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := newRig(t, "pod-1", time.Minute)
	damaged.options.StateDir, damaged.options.Logger = r.options.StateDir, slog.New(slog.DiscardHandler)
	damaged.server.Pods = p
	damaged.dir.put(t, 2, with("a.crm"))
	damaged.run(t)
	if u := damaged.next(t); !u.Stored || len(u.Pods) != 0 {
		t.Errorf("what was damaged is in force: %+v", u.Pods)
	}
	if s := damaged.pod(t); s.Len() != 4 {
		t.Errorf("with the manager: %+v", s)
	}
}
