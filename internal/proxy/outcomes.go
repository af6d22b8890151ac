package proxy

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/optup/optup/internal/decide"
)

// outcome is what a decision is counted under. There are few of them.
type outcome struct {
	purpose, service string
	effect           decide.Effect
	reason           decide.Reason
	observed         bool
}

// outcomeCount counts the decisions of one outcome, and the uses of people in them.
type outcomeCount struct {
	counter                      prometheus.Counter
	requests, permitted, refused atomic.Int64
}

func (c *outcomeCount) count(permitted, refused int64) {
	c.counter.Inc()
	c.requests.Add(1)
	if permitted > 0 {
		c.permitted.Add(permitted)
	}
	if refused > 0 {
		c.refused.Add(refused)
	}
}

// outcomes are those that occurred. Readers take no lock: the map is replaced when one is added.
type outcomes struct {
	mu      sync.Mutex
	current atomic.Pointer[map[outcome]*outcomeCount]
}

func (o *outcomes) all() map[outcome]*outcomeCount {
	if m := o.current.Load(); m != nil {
		return *m
	}
	return nil
}

func (o *outcomes) of(k outcome, create func(outcome) *outcomeCount) *outcomeCount {
	if c := o.all()[k]; c != nil {
		return c
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.all()
	if c := before[k]; c != nil {
		return c
	}
	after := make(map[outcome]*outcomeCount, len(before)+1)
	for k, c := range before {
		after[k] = c
	}
	c := create(k)
	after[k] = c
	o.current.Store(&after)
	return c
}
