package attack

import (
	"fmt"
	"strings"
)

// Ways to write a slash and two dots, of which some services know each.
var (
	slashes = []string{"/", "%2f", "%2F", `\`, "%5c", "%252f", "%255c", "%c0%af", "//", "/./", ";/", "%3b/", "/;x=1/", "%09/", "/%2e/"}
	dots    = []string{"..", "%2e%2e", ".%2e", "%252e%252e", "..;", "..;x", "%c0%ae%c0%ae", "..%00", "%2e%2e%3b"}
	goals   = []string{"export", "reports", "customers", "v1/export", "", "export?page=1", "customers?page=3"}
)

// pathMutators change where a request goes.
var pathMutators = []mutator{
	{"path: climb", func(m *maker, q *Request) {
		slash, up := pick(m.r, slashes...), pick(m.r, dots...)
		if m.r.IntN(3) == 0 {
			q.Path = strings.TrimSuffix(q.Path, "/") + slash
		} else {
			q.Path = q.Path[:strings.LastIndexByte(q.Path, '/')+1]
		}
		q.Path += strings.Repeat(up+slash, 1+m.r.IntN(2)) + pick(m.r, goals...)
	}},
	{"path: parent", func(m *maker, q *Request) {
		q.Path = q.Path[:strings.LastIndexByte(q.Path, '/')+1] + pick(m.r, dots...)
	}},
	{"path: escape a character", func(m *maker, q *Request) {
		if q.Path == "" {
			return
		}
		i := m.r.IntN(len(q.Path))
		form := pick(m.r, "%%%02x", "%%%02X", "%%25%02x", "%%u00%02x")
		q.Path = q.Path[:i] + fmt.Sprintf(form, q.Path[i]) + q.Path[i+1:]
	}},
	{"path: parameters of a segment", func(m *maker, q *Request) {
		at := pick(m.r, len(q.Path), strings.LastIndexByte(q.Path, '/'))
		q.Path = q.Path[:max(0, at)] + pick(m.r, ";", ";x=1", "%3bx", ";jsessionid=1", ";.json") + q.Path[max(0, at):]
	}},
	{"path: another slash", func(m *maker, q *Request) {
		i := pick(m.r, 0, strings.LastIndexByte(q.Path, '/'))
		q.Path = q.Path[:max(0, i)] + pick(m.r, slashes...) + strings.TrimPrefix(q.Path[max(0, i):], "/")
	}},
	{"path: capitals", func(m *maker, q *Request) {
		i := min(1+m.r.IntN(max(1, len(q.Path))), len(q.Path))
		q.Path = q.Path[:i] + strings.ToUpper(q.Path[i:])
	}},
	{"path: end", func(m *maker, q *Request) {
		q.Path += pick(m.r, "/", ".", "%20", " ", "%00", "%00.json", ".json", "%0a", "%23", "#x", "?", "%3f", "%3fx=1", "/.", "/%2e", "/..", "\t", "*")
	}},
	{"path: absolute form", func(m *maker, q *Request) {
		q.Path = pick(m.r, "http://localhost", "http://admin.example", "https://localhost", "HTTP://localhost:80", "http://a@localhost", "//localhost") + q.Path
	}},
	{"path: no slash", func(m *maker, q *Request) {
		q.Path = pick(m.r, strings.TrimPrefix(q.Path, "/"), "*", "", "?x", "export")
	}},
	{"path: undeclared", func(m *maker, q *Request) { q.Path = "/" + pick(m.r, goals...) }},
	{"path: undeclared behind v1", func(m *maker, q *Request) { q.Path = "/v1/" + pick(m.r, goals...) }},
}

// queryMutators change what a request asks for.
var queryMutators = []mutator{
	{"query: a name twice", func(m *maker, q *Request) {
		if len(q.Query) == 0 {
			return
		}
		f := pick(m.r, q.Query...)
		f.Value = m.other(f)
		if f.Name = pick(m.r, f.Name, f.Name, f.Name+"[]", strings.ToUpper(f.Name), escaped(f.Name), f.Name+"%20", "+"+f.Name); m.r.IntN(3) > 0 {
			q.Query = append(q.Query, f)
		} else {
			q.Query = append([]Field{f}, q.Query...)
		}
	}},
	{"query: another value behind", func(m *maker, q *Request) {
		if len(q.Query) > 0 {
			f := pick(m.r, q.Query...)
			q.Query = append(q.Query, Field{f.Name, m.other(f)})
		}
	}},
	{"query: a semicolon", func(m *maker, q *Request) {
		if len(q.Query) == 0 {
			return
		}
		f := &q.Query[m.r.IntN(len(q.Query))]
		f.Value += pick(m.r, ";", "%3b", "&amp;", "%26", "%00&") + f.Name + "=" + m.other(*f)
	}},
	{"query: undeclared", func(m *maker, q *Request) {
		q.Query = append(q.Query, pick(m.r,
			Field{"callback", "f"}, Field{"format", "csv"}, Field{"fields", "health"}, Field{"include", "address"}, Field{"_method", "GET"},
			Field{"_METHOD", "GET"}, Field{"%5fmethod", "GET"}, Field{"sort", "health"}, Field{"kind", "news"}, Field{"template_id", "d-news"}, Field{"q", "%zz"}))
	}},
	{"query: another method", func(m *maker, q *Request) {
		q.Query = append(q.Query, Field{pick(m.r, "_method", "_method", "_Method", "%5fmethod", "_method[]"), pick(m.r, "GET", "get", "HEAD", "DELETE")})
	}},
	{"query: no value", func(m *maker, q *Request) { q.Query = append(q.Query, Field{pick(m.r, "", "x", "page", "%"), "\x00"}) }},
	{"query: large page", func(m *maker, q *Request) {
		q.Query = append(q.Query, pick(m.r, Field{"per_page", "60"}, Field{"per_page", "-1"}, Field{"page", "1e3"}, Field{"page", "%31"}))
	}},
}

// other is another value for a parameter.
func (m *maker) other(f Field) string {
	switch f.Name {
	case "kind":
		return pick(m.r, "news", "invoice", "news")
	case "email":
		return pick(m.r, m.refused().Mail, m.permitted().Mail)
	default:
		return fmt.Sprint(m.r.IntN(90))
	}
}

// escaped writes the first character of a name as an escape.
func escaped(name string) string {
	if name == "" {
		return "%00"
	}
	return fmt.Sprintf("%%%02x%s", name[0], name[1:])
}
