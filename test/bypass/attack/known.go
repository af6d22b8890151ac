package attack

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/optup/optup/test/bypass/market"
)

// FirstKnown is the number of the first known shape; below are mixtures.
const FirstKnown = 1 << 40

// shape is a request that got around some proxy, filter or firewall, as it would look here.
type shape struct {
	name     string
	protocol string
	person   bool
	make     func(*maker) *Request
}

// Known gives how many known shapes there are, counted once for each service.
func Known(languages []string) uint64 { return uint64(len(shapes) * len(languages)) }

// MakeKnown gives a known shape; numbers begin with FirstKnown.
func MakeKnown(m *market.Market, languages []string, seed, number uint64) *Attack {
	i := number - FirstKnown
	s := shapes[i/uint64(len(languages))]
	a := &Attack{Number: number, Name: s.name, Language: languages[i%uint64(len(languages))], Protocol: s.protocol}
	if a.Protocol == "" {
		a.Protocol = HTTP1
	}
	of := func(p market.Person) *Request {
		q := s.make(&maker{r: rand.New(rand.NewPCG(seed, number)), market: m, subject: &p})
		q.Odd = true
		if s.person {
			q.Subject = &p
		}
		return q
	}
	r := rand.New(rand.NewPCG(seed, 3))
	refused, absent := pick(r, m.Refused...), pick(r, m.Absent...)
	a.Request = of(refused)
	if s.person {
		a.Twin = of(absent)
	}
	return a
}

// target is a shape that is a request target alone.
func target(name, target string) shape {
	return shape{name: name, make: func(m *maker) *Request { return m.get(target) }}
}

// header is a shape that is one header field on a base.
func header(name string, person bool, base, field, value string) shape {
	return shape{name: name, person: person, make: func(m *maker) *Request {
		q := m.base(base)
		q.add(field, value)
		return q
	}}
}

// change is a shape that changes a base.
func change(name, base string, apply func(*maker, *Request)) shape {
	return shape{name: name, make: func(m *maker) *Request {
		q := m.base(base)
		apply(m, q)
		return q
	}}
}

// frames is a shape in HTTP/2.
func frames(name, base string, apply func(*Request)) shape {
	s := change(name, base, func(_ *maker, q *Request) { apply(q) })
	s.protocol = HTTP2
	return s
}

func (m *maker) base(name string) *Request {
	for _, b := range bases {
		if b.name == name {
			q := b.make(m)
			q.Base = name
			return q
		}
	}
	panic("there is no base " + name)
}

// message is a message to one person with permission and others whom a shape adds.
func (m *maker) message(template, members string) string {
	return fmt.Sprintf(`{%s"subject":"Hello","template_id":%q}`, members, template)
}

func to(mails ...string) string {
	var boxes []string
	for _, a := range mails {
		boxes = append(boxes, fmt.Sprintf(`{"email":%q}`, a))
	}
	return `"personalizations":[{"to":[` + strings.Join(boxes, ",") + `]}],`
}
