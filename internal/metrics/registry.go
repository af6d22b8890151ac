package metrics

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Registry has everything that is counted. It is safe for concurrent use.
type Registry struct {
	mu  sync.Mutex
	all []*described
}

type described struct {
	name, help, kind string
	write            func(b *strings.Builder, name string)
}

// New gives an empty registry.
func New() *Registry { return &Registry{} }

func (r *Registry) add(name, help, kind string, write func(b *strings.Builder, name string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(r.all, func(d *described) bool { return d.name == name }) {
		panic("metrics: " + name + " is there twice")
	}
	r.all = append(r.all, &described{name, help, kind, write})
	slices.SortFunc(r.all, func(a, b *described) int { return strings.Compare(a.name, b.name) })
}

// Counter adds a counter without labels.
func (r *Registry) Counter(name, help string) *Counter { return r.Counters(name, help).With() }

// Counters adds counters with labels.
func (r *Registry) Counters(name, help string, labels ...string) *Counters {
	f := &Counters{family[*Counter]{labels: labels, build: func() *Counter { return &Counter{} }, children: map[string]*Counter{}}}
	r.add(name, help, "counter", func(b *strings.Builder, name string) {
		f.each(func(pairs string, c *Counter) { c.write(b, name, pairs) })
	})
	return f
}

// Histograms adds histograms of durations, whose name ends in _seconds. Bounds are ascending.
func (r *Registry) Histograms(name, help string, bounds []time.Duration, labels ...string) *Histograms {
	f := &Histograms{family[*Histogram]{labels: labels, children: map[string]*Histogram{}, build: func() *Histogram {
		h := &Histogram{bounds: bounds}
		h.buckets = slices.Grow(h.buckets, len(bounds)+1)[:len(bounds)+1]
		return h
	}}}
	r.add(name, help, "histogram", func(b *strings.Builder, name string) {
		f.each(func(pairs string, h *Histogram) { h.write(b, name, pairs) })
	})
	return f
}

// Value is what a gauge, or a counter that somebody else keeps, is at when it is asked. Labels are those of its name, in their order.
type Value struct {
	Value  float64
	Labels []string
}

// Gauge adds something that goes up and down and is asked for when somebody looks.
func (r *Registry) Gauge(name, help string, ask func() []Value, labels ...string) {
	r.asked(name, help, "gauge", ask, labels)
}

// Count adds a counter that somebody else keeps.
func (r *Registry) Count(name, help string, ask func() []Value, labels ...string) {
	r.asked(name, help, "counter", ask, labels)
}

func (r *Registry) asked(name, help, kind string, ask func() []Value, labels []string) {
	r.add(name, help, kind, func(b *strings.Builder, name string) {
		for _, v := range ask() {
			line(b, name, pairs(labels, v.Labels), number(v.Value))
		}
	})
}

// One is a value without labels.
func One(v float64) []Value { return []Value{{Value: v}} }

// Names are those of everything, in their order.
func (r *Registry) Names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]string, len(r.all))
	for i, d := range r.all {
		out[i] = d.name
	}
	return out
}

// Text is everything that was counted so far.
func (r *Registry) Text() string {
	r.mu.Lock()
	all := slices.Clone(r.all)
	r.mu.Unlock()
	var b, values strings.Builder
	for _, d := range all {
		values.Reset()
		if d.write(&values, d.name); values.Len() == 0 {
			continue
		}
		b.WriteString("# HELP " + d.name + " " + helpEscape.Replace(d.help) + "\n# TYPE " + d.name + " " + d.kind + "\n" + values.String())
	}
	return b.String()
}

var helpEscape = strings.NewReplacer(`\`, `\\`, "\n", `\n`)

// ServeHTTP implements http.Handler.
func (r *Registry) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	text := r.Text()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write([]byte(text))
}
