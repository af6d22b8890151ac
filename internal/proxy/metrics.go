package proxy

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/optup/optup/internal/decide"
)

// Metrics counts decisions. No label ever names a person.
type Metrics struct {
	connections *prometheus.CounterVec
	requests    *prometheus.CounterVec
	persons     *prometheus.CounterVec
	upstream    prometheus.Counter
	partly      prometheus.Counter

	mu      sync.Mutex
	summary map[string]*PurposeSummary
}

// PurposeSummary is what happened under one purpose since the start.
type PurposeSummary struct {
	// Requests by effect; Enforced tells how many of them the decision took effect on.
	Requests map[decide.Effect]int64 `json:"requests"`
	Enforced int64                   `json:"enforced"`
	Reasons  map[decide.Reason]int64 `json:"reasons,omitempty"`
	// PeoplePermitted and PeopleRefused count uses, not distinct people.
	PeoplePermitted int64 `json:"peoplePermitted"`
	PeopleRefused   int64 `json:"peopleRefused"`
}

// NewMetrics registers the counters.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		connections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "optup_sidecar_connections_total", Help: "Outgoing connections by what became of them.",
		}, []string{"outcome"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "optup_sidecar_decisions_total", Help: "Decisions about requests. mode Observe means that the request passed whatever the effect.",
		}, []string{"purpose", "service", "effect", "reason", "mode"}),
		persons: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "optup_sidecar_people_total", Help: "Decisions about people in requests and answers, by public reason.",
		}, []string{"purpose", "reason", "mode"}),
		upstream: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "optup_sidecar_upstream_failures_total", Help: "Requests that were permitted and whose service did not answer.",
		}),
		partly: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "optup_sidecar_partly_sent_total", Help: "Requests sent in groups of which a later one failed after an earlier one was accepted.",
		}),
		summary: map[string]*PurposeSummary{},
	}
	r.MustRegister(m.connections, m.requests, m.persons, m.upstream, m.partly)
	return m
}

func (m *Metrics) connection(outcome string) { m.connections.WithLabelValues(outcome).Inc() }

func (m *Metrics) upstreamFailed() { m.upstream.Inc() }

func (m *Metrics) partlySent() { m.partly.Inc() }

func (m *Metrics) refused(reason decide.Reason, observed bool) {
	m.requests.WithLabelValues("", "", string(decide.Deny), string(reason), mode(observed)).Inc()
}

func mode(observed bool) string {
	if observed {
		return "Observe"
	}
	return "Enforce"
}

// decision counts one request and its people.
func (m *Metrics) decision(x *exchange, effect decide.Effect, reason decide.Reason) {
	purpose, service := "", ""
	if x.plan != nil {
		purpose = string(x.plan.Purpose.Name)
	}
	if x.endpoint != nil {
		service = x.endpoint.Service.Name
	}
	observed := x.state != nil && x.observing()
	reason = shown(reason)
	m.requests.WithLabelValues(purpose, service, string(effect), string(reason), mode(observed)).Inc()
	for r, n := range x.people.reasons {
		m.persons.WithLabelValues(purpose, string(shown(r)), mode(observed)).Add(float64(n))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.summary[purpose]
	if s == nil {
		s = &PurposeSummary{Requests: map[decide.Effect]int64{}, Reasons: map[decide.Reason]int64{}}
		m.summary[purpose] = s
	}
	s.Requests[effect]++
	if !observed {
		s.Enforced++
	}
	if reason != "" {
		s.Reasons[reason]++
	}
	s.PeoplePermitted += int64(x.people.permitted)
	s.PeopleRefused += int64(x.people.refused)
}

// shown is the reason as metrics show it: reasons about people are for officers only.
func shown(r decide.Reason) decide.Reason {
	if r == "" || r.Permits() {
		return r
	}
	return public(r)
}

// Summary gives a copy of what happened under each purpose; the empty name stands for requests without one.
func (m *Metrics) Summary() map[string]PurposeSummary {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]PurposeSummary{}
	for k, v := range m.summary {
		c := *v
		c.Requests, c.Reasons = map[decide.Effect]int64{}, map[decide.Reason]int64{}
		for e, n := range v.Requests {
			c.Requests[e] = n
		}
		for r, n := range v.Reasons {
			c.Reasons[r] = n
		}
		out[k] = c
	}
	return out
}
