package attack

import (
	"math/rand/v2"
	"strings"

	"github.com/optup/optup/test/bypass/market"
)

// mutator is a named change of a request.
type mutator struct {
	name  string
	apply func(*maker, *Request)
}

// Protocols.
const (
	HTTP1 = "HTTP/1"
	HTTP2 = "HTTP/2"
)

// Attack is what is sent on one connection.
type Attack struct {
	// Number makes it again, with the seed.
	Number uint64
	// Name is that of a known shape, or tells what was mixed.
	Name     string
	Language string
	Protocol string
	Request  *Request
	// Twin is the same about somebody absent; nil unless the request is about one person.
	Twin *Request
}

var groups = []struct {
	weight   int
	mutators []mutator
	// only tells what the group is for; nil for everything.
	only func(*Attack) bool
}{
	{5, pathMutators, nil},
	{6, queryMutators, func(a *Attack) bool {
		return len(a.Request.Query) > 0 || a.Request.Base == "report" || a.Request.Base == "list"
	}},
	{6, headerMutators, nil},
	{7, bodyMutators, func(a *Attack) bool { return a.Request.Body != "" }},
	{4, framingMutators, nil},
	{6, twoMutators, func(a *Attack) bool { return a.Protocol == HTTP2 }},
}

// Make gives the attack with a number: a base that up to three mutators have changed.
func Make(m *market.Market, languages []string, seed, number uint64) *Attack {
	r := rand.New(rand.NewPCG(seed, number+1))
	a := &Attack{Number: number, Language: pick(r, languages...), Protocol: HTTP1}
	if r.IntN(8) == 0 {
		a.Protocol = HTTP2
	}
	base := r.IntN(total)
	at := 0
	for base -= bases[0].weight; base >= 0; base -= bases[at].weight {
		at++
	}
	refused, absent := pick(r, m.Refused...), pick(r, m.Absent...)
	choice := r.Uint64()
	var names []string
	a.Request, names = mix(a, m, at, &refused, choice)
	if bases[at].person {
		a.Twin, _ = mix(a, m, at, &absent, choice)
	}
	a.Name = strings.Join(append([]string{bases[at].name}, names...), " + ")
	return a
}

var total = func() (n int) {
	for _, b := range bases {
		n += b.weight
	}
	return n
}()

// mix makes the request of a base about somebody, and changes it by choices that do not depend on whom it is about.
func mix(a *Attack, of *market.Market, base int, subject *market.Person, choice uint64) (*Request, []string) {
	m := &maker{r: rand.New(rand.NewPCG(choice, 2)), market: of, subject: subject}
	q := bases[base].make(m)
	q.Base, q.Subject = bases[base].name, subject
	if !bases[base].person {
		q.Subject = nil
	}
	// The choice of groups looks at the request.
	now := *a
	now.Request = q
	var names []string
	for range 1 + m.r.IntN(3) {
		change := m.choose(&now)
		change.apply(m, q)
		names = append(names, change.name)
	}
	return q, names
}

func (m *maker) choose(a *Attack) mutator {
	for {
		g := groups[m.r.IntN(len(groups))]
		if (g.only == nil || g.only(a)) && m.r.IntN(7) < g.weight {
			return pick(m.r, g.mutators...)
		}
	}
}
