package proxy

import (
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

	outcomes outcomes
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
	k := outcome{effect: effect, reason: shown(reason), observed: x.state != nil && x.observing()}
	if x.plan != nil {
		k.purpose = string(x.plan.Purpose.Name)
	}
	if x.endpoint != nil {
		k.service = x.endpoint.Service.Name
	}
	m.outcomes.of(k, m.newOutcome).count(int64(x.people.permitted), int64(x.people.refused))
	for r, n := range x.people.reasons {
		m.persons.WithLabelValues(k.purpose, string(shown(r)), mode(k.observed)).Add(float64(n))
	}
}

func (m *Metrics) newOutcome(k outcome) *outcomeCount {
	return &outcomeCount{counter: m.requests.WithLabelValues(k.purpose, k.service, string(k.effect), string(k.reason), mode(k.observed))}
}

// shown is the reason as metrics show it: reasons about people are for officers only.
func shown(r decide.Reason) decide.Reason {
	switch {
	case r == "" || r.Permits():
		return r
	case r == busy:
		return decide.InternalError
	default:
		return public(r)
	}
}

// Summary gives what happened under each purpose; the empty name stands for requests without one.
func (m *Metrics) Summary() map[string]PurposeSummary {
	out := map[string]PurposeSummary{}
	for k, c := range m.outcomes.all() {
		s, there := out[k.purpose]
		if !there {
			s.Requests, s.Reasons = map[decide.Effect]int64{}, map[decide.Reason]int64{}
		}
		n := c.requests.Load()
		s.Requests[k.effect] += n
		if !k.observed {
			s.Enforced += n
		}
		if k.reason != "" {
			s.Reasons[k.reason] += n
		}
		s.PeoplePermitted += c.permitted.Load()
		s.PeopleRefused += c.refused.Load()
		out[k.purpose] = s
	}
	return out
}
