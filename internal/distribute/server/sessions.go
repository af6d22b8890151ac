package server

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/optup/optup/internal/distribute/configv1"
	"github.com/optup/optup/internal/peer"
)

// Session is one sidecar or ledger that is connected to this replica.
type Session struct {
	PodUID string
	Caller
	// Generation and Hash are what it last acknowledged; 0 if nothing.
	Generation int64
	Hash       string
	Accepted   bool
	// Error says why it refused the bundle.
	Error   string
	Version string
	// Untrusting are hosts on whose connections applications do not accept the caller's certificate, as it says.
	Untrusting []string
	Seen       time.Time
	// Callers are who called the services that it provides.
	Callers []peer.Observed
	open    int
}

// maxCallers bounds what one session tells.
const maxCallers = 64

// observed takes over who called. What a sidecar says of others is shown and decides nothing.
func observed(in []*configv1.ObservedCaller) []peer.Observed {
	var out []peer.Observed
	for _, c := range in[:min(len(in), maxCallers)] {
		out = append(out, peer.Observed{
			Service: clip(c.GetService(), 317), Namespace: clip(c.GetNamespace(), 63), Workload: clip(c.GetWorkload(), 63), Proof: clip(c.GetProof(), 16),
			Address: clip(c.GetAddress(), 64), Seen: c.GetSeen().AsTime(),
		})
	}
	// In one order, whoever was seen last.
	slices.SortFunc(out, func(a, b peer.Observed) int {
		return cmp.Or(strings.Compare(a.Service, b.Service), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Workload, b.Workload),
			strings.Compare(a.Proof, b.Proof), strings.Compare(a.Address, b.Address), a.Seen.Compare(b.Seen))
	})
	return out
}

// sameCaller tells whether two sightings are shown as one: times are shown by the hour.
func sameCaller(a, b peer.Observed) bool {
	a.Seen, b.Seen = a.Seen.Truncate(time.Hour), b.Seen.Truncate(time.Hour)
	return a == b
}

// silentAfter is when a session that neither is connected nor gives a sign of life is forgotten.
const silentAfter = time.Minute

// Sessions remembers who runs what, in memory. It is safe for concurrent use.
type Sessions struct {
	mu     sync.Mutex
	byPod  map[string]*Session
	now    func() time.Time
	notify func(namespace, config string)
}

// NewSessions returns an empty set. Notify, which must not block, is called whenever a SidecarConfig's sessions changed.
func NewSessions(now func() time.Time, notify func(namespace, config string)) *Sessions {
	if notify == nil {
		notify = func(string, string) {}
	}
	return &Sessions{byPod: map[string]*Session{}, now: now, notify: notify}
}

// Open records a stream; the returned function closes it.
func (s *Sessions) Open(podUID string, c Caller, generation int64, version string) func() {
	s.mu.Lock()
	x := s.session(podUID, c)
	x.open++
	x.Version = clip(version, 64)
	x.Generation = max(x.Generation, generation)
	s.mu.Unlock()
	s.notify(c.Namespace, c.Config)
	return func() {
		s.mu.Lock()
		if x.open--; x.open == 0 && s.byPod[podUID] == x {
			delete(s.byPod, podUID)
		}
		s.mu.Unlock()
		s.notify(c.Namespace, c.Config)
	}
}

// Acknowledge records what a pod has in force.
func (s *Sessions) Acknowledge(podUID string, c Caller, m *configv1.AcknowledgeRequest) {
	s.mu.Lock()
	x := s.session(podUID, c)
	callers := observed(m.GetCallers())
	changed := x.Generation != m.GetGeneration() || x.Accepted != m.GetAccepted() || x.Hash != m.GetHash() ||
		!slices.Equal(x.Untrusting, untrusting(m)) || !slices.EqualFunc(x.Callers, callers, sameCaller)
	x.Generation, x.Hash, x.Accepted = min(m.GetGeneration(), maxReported), clip(m.GetHash(), 64), m.GetAccepted()
	x.Error, x.Version = clip(m.GetError(), 512), clip(m.GetVersion(), 64)
	x.Untrusting = untrusting(m)
	x.Callers = callers
	s.mu.Unlock()
	if changed {
		s.notify(c.Namespace, c.Config)
	}
}

// session needs the lock.
func (s *Sessions) session(podUID string, c Caller) *Session {
	x := s.byPod[podUID]
	if x == nil || x.Caller != c {
		x = &Session{PodUID: podUID, Caller: c}
		s.byPod[podUID] = x
	}
	x.Seen = s.now()
	return x
}

// Of gives the sessions of a SidecarConfig, sorted by pod.
func (s *Sessions) Of(namespace, config string) []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Session
	for id, x := range s.byPod {
		if x.open == 0 && s.now().Sub(x.Seen) > silentAfter {
			delete(s.byPod, id)
			continue
		}
		if x.Namespace == namespace && x.Config == config {
			out = append(out, *x)
		}
	}
	slices.SortFunc(out, func(a, b Session) int { return strings.Compare(a.PodUID, b.PodUID) })
	return out
}

// Highest gives the highest generation that any session of a SidecarConfig reports, so that a SidecarConfig that was deleted is
// made anew with a generation that its sidecars accept.
func (s *Sessions) Highest(namespace, config string) int64 {
	var top int64
	for _, x := range s.Of(namespace, config) {
		top = max(top, x.Generation)
	}
	return top
}

// maxUntrusting bounds the hosts that a caller may name.
const maxUntrusting = 32

func untrusting(m *configv1.AcknowledgeRequest) []string {
	all := m.GetUntrustingHosts()
	out := slices.Clone(all[:min(len(all), maxUntrusting)])
	for i := range out {
		out[i] = clip(out[i], 253)
	}
	return out
}

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return s
}
