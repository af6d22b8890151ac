package liberal

import (
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/optup/optup/test/bypass/market"
)

// Servers are the programs for Node and Python. Both take the file of the market as their argument, print "listening PORT" and then a
// Mail in JSON for each line.
//
//go:embed servers
var Servers embed.FS

// Mail is one message that would be sent, as the service has read the request.
type Mail struct {
	// Attack is the request's X-Attack header.
	Attack string `json:"attack"`
	// Kind is "invoice" for what needs no consent; everything else does.
	Kind string   `json:"kind"`
	To   []string `json:"to"`
}

// Person and House are what the service holds, as market.Market writes them.
type Person struct {
	ID     string          `json:"id"`
	Mail   string          `json:"mail"`
	Record json.RawMessage `json:"record"`
}

// House is what the service says about whole lists.
type House struct {
	Total                            int
	ETag, Link, Trailer, Hint, Debug string
}

// Server is the service. Sent is called for each message, by several goroutines at once.
type Server struct {
	House  House    `json:"house"`
	People []Person `json:"people"`
	// Flows are answers that are sequences of records, by their paths.
	Flows map[string]market.Flow `json:"flows"`

	Sent func(Mail) `json:"-"`
}

// New reads what the service holds.
func New(market []byte, sent func(Mail)) (*Server, error) {
	s := &Server{Sent: sent}
	return s, json.Unmarshal(market, s)
}

// request is a request as the service has read it.
type request struct {
	*http.Request
	method, path string
	query        map[string]string
	body         []byte
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	q := read(r, body)
	a := &answer{w: w, q: q, house: s.House}
	if admin(r) {
		s.everything(a)
		return
	}
	switch {
	case q.path == "/v1/templates" || strings.HasPrefix(q.path, "/v1/templates/"):
		a.plain(`{"template":"Hello, {{name}}"}`)
	case q.path == "/v1/reports" && q.method == http.MethodPost:
		a.plain(`{"job":"started"}`)
	case q.path == "/v1/customers", q.path == "/v1/contacts", q.path == "/v1/search":
		s.list(a)
	case q.path == "/v1/table":
		s.table(a)
	case s.Flows[q.path].Type != "":
		s.flow(a, s.Flows[q.path])
	case strings.HasPrefix(q.path, "/v1/customers/"):
		s.one(a, func(p *Person) bool { return p.ID == q.path[len("/v1/customers/"):] })
	case strings.HasPrefix(q.path, "/v1/people/"):
		s.one(a, func(p *Person) bool { return strings.EqualFold(p.Mail, q.path[len("/v1/people/"):]) })
	case strings.HasPrefix(q.path, "/v3/mail/"):
		s.send(a)
	case q.path == "/v1", q.path == "/", q.path == "/v1/export", q.path == "/v1/reports":
		s.everything(a)
	default:
		a.notFound()
	}
}

// admin tells whether a request is for another virtual host, which shows everything.
func admin(r *http.Request) bool {
	names := []string{r.Host}
	for _, h := range []string{"X-Forwarded-Host", "X-Host", "X-Original-Host", "X-Forwarded-Server"} {
		names = append(names, r.Header.Values(h)...)
	}
	for _, f := range r.Header.Values("Forwarded") {
		if _, host, ok := strings.Cut(strings.ToLower(f), "host="); ok {
			names = append(names, strings.Trim(host, `"`))
		}
	}
	for _, n := range names {
		if strings.HasPrefix(strings.ToLower(n), "admin.") {
			return true
		}
	}
	return false
}

func number(text string, or, most int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return or
	}
	return min(n, most)
}

func (s *Server) list(a *answer) {
	size := max(1, number(a.q.query["per_page"], 12, 300))
	page := number(a.q.query["page"], 0, 10_000)
	if mail := a.q.query["email"]; mail != "" {
		s.records(a, func(p *Person) bool { return strings.EqualFold(p.Mail, mail) })
		return
	}
	if a.q.path == "/v1/search" {
		var asked struct{ Page int }
		_ = json.Unmarshal(strict(a.q), &asked)
		page = number(strconv.Itoa(asked.Page), 0, 10_000)
	}
	from := page * size % len(s.People)
	to := min(from+size, len(s.People))
	at := from - 1
	s.records(a, func(*Person) bool { at++; return at >= from && at < to })
}

// records answers with a list of those who are chosen; choose is called for everybody in their order.
func (s *Server) records(a *answer, choose func(*Person) bool) {
	var out []string
	for i := range s.People {
		if p := &s.People[i]; choose(p) {
			out = append(out, string(p.Record))
		}
	}
	a.personal(fmt.Sprintf(`{"customers":[%s],"page":%d,"total":%d}`, strings.Join(out, ","), number(a.q.query["page"], 0, 10_000), s.House.Total))
}

func (s *Server) one(a *answer, is func(*Person) bool) {
	for i := range s.People {
		if p := &s.People[i]; is(p) {
			a.personal(string(p.Record))
			return
		}
	}
	a.notFound()
}

func (s *Server) everything(a *answer) {
	var out []string
	for _, p := range s.People[:30] {
		out = append(out, string(p.Record))
	}
	a.personal("[" + strings.Join(out, ",") + "]")
}

func (s *Server) table(a *answer) {
	from := number(a.q.query["page"], 0, 10_000) * 12 % len(s.People)
	var rows []string
	for _, p := range s.People[from:min(from+12, len(s.People))] {
		var r struct{ Email, Name, Health json.RawMessage }
		_ = json.Unmarshal(p.Record, &r)
		if r.Email == nil {
			r.Email = json.RawMessage("null")
		}
		rows = append(rows, fmt.Sprintf("[%s,%s,%s]", r.Email, r.Name, r.Health))
	}
	a.personal(fmt.Sprintf(`{"columns":["email","name","health"],"rows":[%s]}`, strings.Join(rows, ",")))
}

// flow answers with a page of records, in pieces that end anywhere.
func (s *Server) flow(a *answer, f market.Flow) {
	page := number(a.q.query["page"], 0, 10_000)
	a.kind, a.piece = f.Type, 1+page*37%400
	a.personal(f.Bodies[page%len(f.Bodies)])
}

// send tells whom a request would reach, and how the service has read what it is about.
func (s *Server) send(a *answer) {
	if a.q.method != http.MethodPost && a.q.method != http.MethodPut {
		a.notFound()
		return
	}
	message := readMessage(a.q)
	kind := message.kind
	switch a.q.path {
	case "/v3/mail/queue":
		kind = a.q.query["kind"]
	case "/v3/mail/submit":
		kind = last(a.q.Header.Values("X-Mail-Kind"))
	}
	if kind == "d-invoice" {
		kind = "invoice"
	}
	s.Sent(Mail{Attack: a.q.Header.Get("X-Attack"), Kind: kind, To: message.to})
	a.status = http.StatusAccepted
	a.plain(`{"accepted":true}`)
}

func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// read takes a request for what it may mean.
func read(r *http.Request, body []byte) *request {
	q := &request{Request: r, method: strings.ToUpper(r.Method), query: map[string]string{}, body: decoded(r, body)}
	target := r.RequestURI
	for _, h := range []string{"X-Original-Url", "X-Rewrite-Url"} {
		if v := r.Header.Get(h); v != "" {
			target = v
		}
	}
	if u, err := url.Parse(target); err == nil && u.Scheme != "" && u.Host != "" {
		target = u.RequestURI()
	}
	target, _, _ = strings.Cut(target, "#")
	path, query, _ := strings.Cut(target, "?")
	q.path = normal(path)
	q.parameters(query)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		q.parameters(string(q.body))
	}
	if named := methodNamed.FindSubmatch(q.body); named != nil {
		q.method = strings.ToUpper(string(named[1]))
	}
	if v := q.query["_method"]; v != "" {
		q.method = strings.ToUpper(v)
	}
	for _, h := range []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"} {
		if v := r.Header.Get(h); v != "" {
			q.method = strings.ToUpper(v)
		}
	}
	return q
}

// methodNamed finds a method in parts and in JSON.
var methodNamed = regexp.MustCompile(`(?i)(?:name="?_method"?\s*\r?\n\r?\n|"_method"\s*:\s*")([a-z]+)`)

// parameters takes the last of several values, and both separators.
func (q *request) parameters(raw string) {
	for _, part := range strings.FieldsFunc(raw, func(c rune) bool { return c == '&' || c == ';' }) {
		k, v, _ := strings.Cut(part, "=")
		k, v = unescape(strings.ReplaceAll(k, "+", " ")), unescape(strings.ReplaceAll(v, "+", " "))
		q.query[strings.TrimSuffix(strings.ToLower(strings.TrimSpace(k)), "[]")] = v
	}
}

// normal decodes twice, takes parameters out of segments, and resolves dots.
func normal(path string) string {
	path = unescape(unescape(path))
	path, _, _ = strings.Cut(path, "\x00")
	path = strings.ToLower(strings.ReplaceAll(path, `\`, "/"))
	var out []string
	for s := range strings.SplitSeq(path, "/") {
		s, _, _ = strings.Cut(s, ";")
		switch s = strings.TrimSpace(s); s {
		case "", ".":
		case "..":
			out = out[:max(0, len(out)-1)]
		default:
			out = append(out, strings.TrimRight(s, ". "))
		}
	}
	return "/" + strings.Join(out, "/")
}

// unescape leaves what is no escape, and reads overlong UTF-8 as the byte that was meant.
func unescape(text string) string {
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, text[i])
	}
	return strings.NewReplacer("\xc0\xae", ".", "\xc0\xaf", "/", "\xc1\x9c", `\`).Replace(string(out))
}
