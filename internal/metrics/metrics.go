package metrics

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Counter only goes up. It is safe for concurrent use.
type Counter struct{ n atomic.Uint64 }

// Inc adds one.
func (c *Counter) Inc() { c.n.Add(1) }

// Add adds n.
func (c *Counter) Add(n uint64) { c.n.Add(n) }

// Histogram counts durations by how long they were. It is safe for concurrent use.
type Histogram struct {
	bounds []time.Duration
	// buckets are those below each bound, and the rest; they are not cumulative.
	buckets []atomic.Uint64
	// sum is in nanoseconds.
	sum atomic.Int64
}

// Observe counts a duration.
func (h *Histogram) Observe(d time.Duration) {
	i := 0
	for i < len(h.bounds) && d > h.bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
}

// Counters and Histograms are those of one name, told apart by the values of labels.
type (
	Counters   struct{ family[*Counter] }
	Histograms struct{ family[*Histogram] }
)

// With gives the counter with some values, in the order of the labels. Keep it where counting has to be fast.
func (f *Counters) With(values ...string) *Counter { return f.with(values) }

// With gives the histogram with some values, in the order of the labels. Keep it where counting has to be fast.
func (f *Histograms) With(values ...string) *Histogram { return f.with(values) }

// family is what goes by one name.
type family[M any] struct {
	labels []string
	build  func() M

	mu       sync.Mutex
	children map[string]M
}

// with gives the child with some values, by how they are written.
func (f *family[M]) with(values []string) M {
	key := pairs(f.labels, values)
	f.mu.Lock()
	defer f.mu.Unlock()
	if m, ok := f.children[key]; ok {
		return m
	}
	m := f.build()
	f.children[key] = m
	return m
}

// each calls fn for every child, in the order of their labels.
func (f *family[M]) each(fn func(pairs string, m M)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	keys := make([]string, 0, len(f.children))
	for k := range f.children {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		fn(k, f.children[k])
	}
}

// pairs writes labels with their values, in the order of the labels' names. A wrong number of values is a mistake of the caller.
func pairs(labels, values []string) string {
	if len(labels) != len(values) {
		panic(fmt.Sprintf("metrics: %d values for the labels %v", len(values), labels))
	}
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = l + `="` + escape.Replace(strings.ToValidUTF8(values[i], "\uFFFD")) + `"`
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func (c *Counter) write(b *strings.Builder, name, pairs string) {
	line(b, name, pairs, strconv.FormatUint(c.n.Load(), 10))
}

func (h *Histogram) write(b *strings.Builder, name, pairs string) {
	if pairs != "" {
		pairs += ","
	}
	total := uint64(0)
	for i := range h.buckets {
		total += h.buckets[i].Load()
		bound := "+Inf"
		if i < len(h.bounds) {
			bound = number(h.bounds[i].Seconds())
		}
		line(b, name+"_bucket", pairs+`le="`+bound+`"`, strconv.FormatUint(total, 10))
	}
	pairs = strings.TrimSuffix(pairs, ",")
	line(b, name+"_sum", pairs, number(time.Duration(h.sum.Load()).Seconds()))
	line(b, name+"_count", pairs, strconv.FormatUint(total, 10))
}

func line(b *strings.Builder, name, pairs, value string) {
	b.WriteString(name)
	if pairs != "" {
		b.WriteString("{" + pairs + "}")
	}
	b.WriteString(" " + value + "\n")
}

// number writes a value; Go spells the ones that are no numbers as Prometheus does.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
