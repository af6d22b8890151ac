package attack

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/optup/optup/test/bypass/market"
)

// Bases are what requests are about. Those about one person are made for a subject, which is somebody refused or somebody absent.
var bases = []struct {
	name   string
	person bool
	weight int
	make   func(*maker) *Request
}{
	{"list", false, 4, func(m *maker) *Request { return m.get("/v1/customers", m.page(), Field{"per_page", "12"}) }},
	{"long list", false, 1, func(m *maker) *Request { return m.get("/v1/customers", m.page(), Field{"per_page", "250"}) }},
	{"email", true, 1, func(m *maker) *Request { return m.get("/v1/customers", Field{"email", m.subject.Mail}) }},
	{"customer", true, 3, func(m *maker) *Request { return m.get("/v1/customers/" + m.subject.ID) }},
	{"person", true, 2, func(m *maker) *Request { return m.get("/v1/people/" + m.subject.Mail) }},
	{"contacts", false, 2, func(m *maker) *Request { return m.get("/v1/contacts", m.page()) }},
	{"table", false, 2, func(m *maker) *Request { return m.get("/v1/table", m.page()) }},
	{"lines", false, 2, func(m *maker) *Request { return m.get("/v1/lines", m.page()) }},
	{"events", false, 2, func(m *maker) *Request { return m.get("/v1/events", m.page()) }},
	{"sheet", false, 2, func(m *maker) *Request { return m.get("/v1/sheet", m.page()) }},
	{"search", false, 2, func(m *maker) *Request {
		return m.post("/v1/search", fmt.Sprintf(`{"term":"a","page":%d}`, m.r.IntN(90)))
	}},
	{"send", false, 5, func(m *maker) *Request { return m.post("/v3/mail/send", m.mail("d-news")) }},
	{"invoice", false, 4, func(m *maker) *Request { return m.post("/v3/mail/send", m.mail("d-invoice")) }},
	{"queue", false, 5, func(m *maker) *Request {
		q := m.post("/v3/mail/queue", m.mail(""))
		q.Query = []Field{{"kind", pick(m.r, "news", "invoice", "invoice")}}
		return q
	}},
	{"submit", false, 3, func(m *maker) *Request {
		q := m.post("/v3/mail/submit", m.mail(""))
		q.add("X-Mail-Kind", pick(m.r, "news", "invoice", "invoice"))
		return q
	}},
	{"template", false, 5, func(m *maker) *Request { return m.get("/v1/templates/welcome") }},
	{"report", false, 3, func(m *maker) *Request { return m.post("/v1/reports", `{"name":"daily"}`) }},
	{"export", false, 1, func(m *maker) *Request { return m.get("/v1/export") }},
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// maker makes requests about people of a market.
type maker struct {
	r       *rand.Rand
	market  *market.Market
	subject *market.Person
}

func (m *maker) page() Field { return Field{"page", fmt.Sprint(m.r.IntN(95))} }

func (m *maker) get(path string, query ...Field) *Request {
	return &Request{
		Method: "GET", Path: path, Query: query, Version: "HTTP/1.1",
		Headers: []Field{{"Host", "localhost"}, {"Connection", "close"}},
	}
}

func (m *maker) post(path, body string) *Request {
	q := m.get(path)
	q.Method, q.Body = "POST", body
	q.add("Content-Type", "application/json")
	return q
}

func (m *maker) refused() market.Person   { return pick(m.r, m.market.Refused...) }
func (m *maker) permitted() market.Person { return pick(m.r, m.market.Permitted...) }

// mail is a message to people of both kinds.
func (m *maker) mail(template string) string {
	type mailbox struct {
		Email string `json:"email"`
		Name  string `json:"name,omitempty"`
	}
	type unit struct {
		To  []mailbox `json:"to"`
		Cc  []mailbox `json:"cc,omitempty"`
		Bcc []mailbox `json:"bcc,omitempty"`
	}
	var out struct {
		Template         string `json:"template_id,omitempty"`
		Subject          string `json:"subject"`
		Personalizations []unit `json:"personalizations"`
	}
	out.Template, out.Subject = template, "Hello"
	for range 1 + m.r.IntN(2) {
		u := unit{To: []mailbox{{m.permitted().Mail, "A"}}}
		if m.r.IntN(2) == 0 {
			u.To = append(u.To, mailbox{Email: m.refused().Mail})
		}
		if m.r.IntN(4) == 0 {
			u.Cc = []mailbox{{Email: m.refused().Mail}}
		}
		if m.r.IntN(4) == 0 {
			u.Bcc = []mailbox{{Email: m.refused().Mail}, {Email: m.permitted().Mail}}
		}
		out.Personalizations = append(out.Personalizations, u)
	}
	body, _ := json.Marshal(out) // strings only
	return string(body)
}
