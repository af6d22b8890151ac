package proxy

import (
	"sync"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/metrics"
)

// Metrics counts decisions. No label ever names a person: labels are names of resources, effects and public reasons.
type Metrics struct {
	connections *metrics.Counters
	requests    *metrics.Counters
	persons     *metrics.Counters
	filtered    *metrics.Counters
	bytes       *metrics.Counters
	whole, own  *metrics.Histograms
	upstream    *metrics.Counter
	partly      *metrics.Counter
	handshakes  *metrics.Counters
	untrusting  *metrics.Counters
	unverified  *metrics.Counters
	// tokens and refusals are about the credentials of services.
	tokens, refusals *metrics.Counters
	// calls and noes are about callbacks.
	calls, noes *metrics.Counters

	// Children that were resolved once, so that a request pays for a look-up and nothing else.
	decided cache[decidedKey, *metrics.Counter]
	people  cache[decidedKey, *metrics.Counter]
	routes  cache[route, *routed]

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

// route is an endpoint of a service; both empty for requests that reached none.
type route struct{ service, endpoint string }

// decidedKey are the labels of a decision.
type decidedKey struct {
	route
	purpose string
	effect  decide.Effect
	reason  decide.Reason
	observe bool
}

// routed are the children of one route.
type routed struct {
	in, out    *metrics.Counter
	whole, own *metrics.Histogram
}

var (
	perRoute = []string{"service", "endpoint"}
	// buckets reach from what the sidecar itself takes to what slow services do.
	buckets = []time.Duration{
		50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond,
		5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
		time.Second, 5 * time.Second, 30 * time.Second,
	}
)

// NewMetrics registers the counters.
func NewMetrics(r *metrics.Registry) *Metrics {
	return &Metrics{
		connections: r.Counters("optup_sidecar_connections_total", "Connections by what became of them; those to the pod begin with inbound.", "outcome"),
		requests: r.Counters("optup_sidecar_decisions_total", "Decisions about requests. mode Observe means that the request passed whatever the effect.",
			"service", "endpoint", "purpose", "effect", "reason", "mode"),
		persons: r.Counters("optup_sidecar_people_total", "Decisions about people in requests and answers, by public reason.",
			"service", "endpoint", "purpose", "reason", "mode"),
		filtered: r.Counters("optup_sidecar_filtered_total", "Addressees and records that were taken out of requests and answers.", "service", "endpoint", "purpose"),
		bytes:    r.Counters("optup_sidecar_bytes_total", "Bytes of bodies: in from the application, out to it.", "service", "endpoint", "direction"),
		whole: r.Histograms("optup_sidecar_request_duration_seconds", "How long requests took, from their head to the end of their answer.",
			buckets, perRoute...),
		own: r.Histograms("optup_sidecar_overhead_seconds", "What the sidecar itself took of that: all but waiting for the service and for the application.",
			buckets, perRoute...),
		upstream:   r.Counter("optup_sidecar_upstream_failures_total", "Requests that were permitted and whose service did not answer."),
		partly:     r.Counter("optup_sidecar_partly_sent_total", "Requests sent in groups of which a later one failed after an earlier one was accepted."),
		handshakes: r.Counters("optup_sidecar_tls_handshakes_total", "Handshakes of applications with the sidecar: full, resumed, distrusted (see the next), failed.", "outcome"),
		untrusting: r.Counters("optup_sidecar_tls_distrusted_total",
			"Handshakes that an application broke off because it does not accept the sidecar's certificate: it pins the service's, or has a trust store of its own. how hangup may have other reasons.",
			"host", "how"),
		unverified: r.Counters("optup_sidecar_service_certificates_refused_total", "Requests that were not sent because the service's certificate was not accepted.", "service", "reason"),
		tokens:     r.Counters("optup_sidecar_token_requests_total", "Questions for a token that the sidecar inserts, by what became of them.", "service", "outcome"),
		refusals:   r.Counters("optup_sidecar_credential_refusals_total", "Answers by which a service refused the credential that the sidecar inserted (401).", "service"),
		calls:      r.Counters("optup_sidecar_callbacks_total", "Calls of callbacks by what became of them.", "service", "callback", "outcome"),
		noes: r.Counters("optup_sidecar_callback_events_total", "Withdrawals and objections that callbacks brought. appended and replayed are in the ledger; "+
			"nameless and refused are lost, because nobody can be found by them, and need attention.", "service", "callback", "outcome"),
		summary: map[string]*PurposeSummary{},
	}
}

func (m *Metrics) connection(outcome string) { m.connections.With(outcome).Inc() }

func (m *Metrics) called(c *called, outcome string) { m.calls.With(c.Service, c.Name, outcome).Inc() }

func (m *Metrics) told(c *called, outcome string, n int) {
	if n > 0 {
		m.noes.With(c.Service, c.Name, outcome).Add(uint64(n))
	}
}

func (m *Metrics) upstreamFailed() { m.upstream.Inc() }

func (m *Metrics) handshake(outcome string) { m.handshakes.With(outcome).Inc() }

func (m *Metrics) distrusted(host string, how intercept.Distrust) {
	m.handshake("distrusted")
	m.untrusting.With(host, string(how)).Inc()
}

func (m *Metrics) certificateRefused(service, reason string) {
	m.unverified.With(service, reason).Inc()
}

func (m *Metrics) partlySent() { m.partly.Inc() }

func (m *Metrics) refused(reason decide.Reason, observed bool) {
	m.child(decidedKey{effect: decide.Deny, reason: reason, observe: observed}).Inc()
}

func (m *Metrics) child(k decidedKey) *metrics.Counter {
	return m.decided.get(k, func() *metrics.Counter {
		return m.requests.With(k.service, k.endpoint, k.purpose, string(k.effect), string(k.reason), mode(k.observe))
	})
}

func mode(observed bool) string {
	if observed {
		return "Observe"
	}
	return "Enforce"
}

func (x *exchange) route() route {
	if x.endpoint == nil {
		return route{}
	}
	return route{x.endpoint.Service.Name, x.endpoint.IR.Name}
}

// decision counts one request and its people, and ends its record. Every request whose decision is known comes here once.
func (m *Metrics) decision(x *exchange, effect decide.Effect, reason decide.Reason) {
	x.recorded(effect, reason, false)
	x.spanned(effect, reason)
	k := decidedKey{route: x.route(), effect: effect, reason: shown(reason), observe: x.state != nil && x.observing()}
	if x.plan != nil {
		k.purpose = string(x.plan.Purpose.Name)
	}
	m.child(k).Inc()
	for _, t := range x.people.reasons {
		one := k
		one.effect, one.reason = "", shown(t.reason)
		m.people.get(one, func() *metrics.Counter {
			return m.persons.With(one.service, one.endpoint, one.purpose, string(one.reason), mode(one.observe))
		}).Add(uint64(t.n)) //nolint:gosec // counts of people
	}
	if effect == decide.PermitFiltered && !k.observe {
		m.people.get(decidedKey{route: k.route, purpose: k.purpose}, func() *metrics.Counter {
			return m.filtered.With(k.service, k.endpoint, k.purpose)
		}).Add(uint64(x.people.refused)) //nolint:gosec // a count of people
	}
	m.sum(x, &k)
}

// sum adds to the summary.
func (m *Metrics) sum(x *exchange, k *decidedKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.summary[k.purpose]
	if s == nil {
		s = &PurposeSummary{Requests: map[decide.Effect]int64{}, Reasons: map[decide.Reason]int64{}}
		m.summary[k.purpose] = s
	}
	s.Requests[k.effect]++
	if !k.observe {
		s.Enforced++
	}
	if k.reason != "" {
		s.Reasons[k.reason]++
	}
	s.PeoplePermitted += int64(x.people.permitted)
	s.PeopleRefused += int64(x.people.refused)
}

// served measures one request whose answer has ended.
func (m *Metrics) served(x *exchange, whole, own time.Duration) {
	k := x.route()
	r := m.routes.get(k, func() *routed {
		return &routed{
			in: m.bytes.With(k.service, k.endpoint, "in"), out: m.bytes.With(k.service, k.endpoint, "out"),
			whole: m.whole.With(k.service, k.endpoint), own: m.own.With(k.service, k.endpoint),
		}
	})
	r.in.Add(uint64(x.in.Load())) //nolint:gosec // bytes that came
	r.out.Add(uint64(x.w.bytes))  //nolint:gosec // bytes that went
	r.whole.Observe(whole)
	r.own.Observe(own)
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
