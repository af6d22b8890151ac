package server

import (
	"context"
	"fmt"
	"time"

	"github.com/optup/optup/internal/distribute/configv1"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/pods"
)

// Pods knows where the pods of Services are. Implementations are safe for concurrent use.
type Pods interface {
	// Of gives the pods of the Service that a host names, as a caller has to know them. It is nil for a host that names none. Known is false
	// while nobody can tell, so that callers keep what they have.
	Of(ctx context.Context, who identity.Identity, host string) (set *pods.Set, known bool)
	// Changes gives a channel that is sent to whenever pods of some Service may have changed, until stop is called.
	Changes() (changed <-chan struct{}, stop func())
}

// podsPace is how often one stream at most is sent pods for their own sake. The first change after a pause goes out at once.
const podsPace = time.Second

// placed is what one stream was sent of where pods are.
type placed struct {
	// hosts are those of the bundle with this hash.
	hash  string
	hosts []string
	sent  map[string]*pods.Set
	last  time.Time
}

// addPods adds where pods are for those hosts of the bundle whose pods the stream was not sent as they are now.
func (w *watch) addPods(ctx context.Context, m *configv1.WatchResponse, p Published) error {
	x := &w.placed
	if w.s.Pods == nil {
		return nil
	}
	if x.hash != p.Hash {
		b, err := ir.Decode(p.Bundle)
		if err != nil {
			return fmt.Errorf("the published bundle cannot be read: %w", err)
		}
		x.hash, x.hosts = p.Hash, pods.Hosts(b)
	}
	left, now := pods.MaxAddresses, make(map[string]*pods.Set, len(x.hosts))
	for _, host := range x.hosts {
		before, told := x.sent[host]
		set, known := w.s.Pods.Of(ctx, w.who, host)
		switch {
		case !known && told:
			now[host] = before
		case known && set != nil:
			now[host] = set.Cut(left)
		}
		if now[host] == nil {
			continue
		}
		left -= now[host].Len()
		if !told || !before.Equal(now[host]) {
			m.Pods = append(m.Pods, onWire(now[host]))
		}
	}
	x.sent = now
	if len(m.GetPods()) > 0 {
		x.last = w.s.Now()
	}
	return nil
}

// wait is how long what has changed of pods is held back.
func (x *placed) wait(now time.Time) time.Duration { return x.last.Add(podsPace).Sub(now) }

func onWire(s *pods.Set) *configv1.Pods {
	out := &configv1.Pods{Host: s.Host, Incomplete: s.Incomplete}
	for _, g := range s.Groups {
		x := &configv1.PodGroup{Addresses: pods.Pack(g.Addresses), Shared: g.Shared}
		for _, p := range g.Ports {
			x.Ports = append(x.Ports, &configv1.PodPort{Port: uint32(p.Port), Target: uint32(p.Target)})
		}
		out.Groups = append(out.Groups, x)
	}
	return out
}
