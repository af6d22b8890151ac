package attack

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf16"

	"github.com/optup/optup/test/bypass/market"
)

// bodyMutators change what a request says. They do nothing without a body.
var bodyMutators = []mutator{
	{"body: a name twice", func(m *maker, q *Request) {
		i := m.brace(q.Body)
		if i < 0 {
			return
		}
		inside := strings.Contains(q.Body[:i], `"to"`)
		name, value := pick(m.r, "template_id", "template_id", "page", "personalizations"), fmt.Sprintf("%q", pick(m.r, "d-news", "d-invoice"))
		if name == "personalizations" {
			value = fmt.Sprintf(`[{"to":[{"email":%q}]}]`, m.refused().Mail)
		}
		if inside {
			name, value = "email", fmt.Sprintf("%q", pick(m.r, m.refused().Mail, m.permitted().Mail))
		}
		member := fmt.Sprintf("%q:%s", m.cased(name), value)
		if m.r.IntN(6) == 0 {
			member = fmt.Sprintf(`"\u%04x%s":%s`, name[0], name[1:], value)
		}
		m.member(q, i, member)
	}},
	{"body: a member that nobody declared", func(m *maker, q *Request) {
		if i := m.brace(q.Body); i >= 0 {
			who := m.refused().Mail
			m.member(q, i, pick(m.r, fmt.Sprintf(`"cc":[{"email":%q}]`, who), fmt.Sprintf(`"bcc":%q`, who), fmt.Sprintf(`"reply_to":{"email":%q}`, who),
				fmt.Sprintf(`"to":%q`, who), fmt.Sprintf(`"headers":{"Bcc":%q}`, who), fmt.Sprintf(`"To":[{"email":%q}]`, who), `"x":1`))
		}
	}},
	{"body: an addressee of another shape", func(m *maker, q *Request) {
		if i := strings.Index(q.Body, `"to":[`); i >= 0 {
			who, other := m.refused().Mail, m.permitted().Mail
			q.Body = q.Body[:i+6] + pick(m.r, fmt.Sprintf("%q,", who), fmt.Sprintf(`{"email":[%q]},`, who), fmt.Sprintf(`{"Email":%q},`, who),
				fmt.Sprintf(`{"email":"%s,%s"},`, other, who), fmt.Sprintf(`{"email":"%s <%s>"},`, other, who), fmt.Sprintf(`[{"email":%q}],`, who),
				fmt.Sprintf(`{"email":{"address":%q}},`, who), fmt.Sprintf(`{"address":%q},`, who), fmt.Sprintf(`{"email":null,"address":%q},`, who),
				fmt.Sprintf(`{"email":"%s\u0000%s"},`, other, who), fmt.Sprintf(`{"email":"%s\r\nBcc: %s"},`, other, who), fmt.Sprintf(`{"email":%q},`, strings.ToUpper(who)),
			) + q.Body[i+6:]
		}
	}},
	{"body: no list", func(m *maker, q *Request) {
		q.Body = strings.Replace(q.Body, `"to":[{`, pick(m.r, `"to":{"0":{`, `"to":{"x":[{`, `"to":[[{`), 1)
	}},
	{"body: one unit", func(m *maker, q *Request) {
		q.Body = strings.NewReplacer(`zations":[`, `zations":`, `}]}]}`, `}]}}`).Replace(q.Body)
	}},
	{"body: comments", func(m *maker, q *Request) {
		if i := m.brace(q.Body); i >= 0 {
			q.Body = q.Body[:i+1] + pick(m.r, "/**/", "/*\"*/", "\n//x\n", "\n#x\n", "/*,\"template_id\":\"d-news\"*/") + q.Body[i+1:]
		}
	}},
	{"body: quotes and commas", func(m *maker, q *Request) {
		q.Body = pick(m.r, strings.ReplaceAll(q.Body, `"`, "'"), strings.ReplaceAll(q.Body, `}`, `,}`), strings.ReplaceAll(q.Body, `]`, `,]`), strings.Replace(q.Body, ":", "=", 1))
	}},
	{"body: something before or behind", func(m *maker, q *Request) {
		more := pick(m.r, "\ufeff", "\x00", "\x1e", "null", "{}", ")]}',\n", "\xff", fmt.Sprintf(`{"template_id":"d-news","personalizations":[{"to":[{"email":%q}]}]}`, m.refused().Mail))
		if m.r.IntN(2) == 0 {
			q.Body += more
		} else {
			q.Body = more + q.Body
		}
	}},
	{"body: another charset", func(m *maker, q *Request) {
		charset := pick(m.r, "utf-7", "utf-7", "utf-16", "utf-16le", "UTF-7", "iso-8859-1", `"utf-7"`, "utf-8; charset=utf-7")
		q.set("Content-Type", pick(m.r, "application/json; charset=", "application/json;charset=", "application/problem+json; charset=")+charset)
		switch {
		case strings.Contains(strings.ToLower(charset), "utf-7") && m.r.IntN(4) > 0:
			m.seven(q)
		case strings.Contains(charset, "utf-16"):
			q.Body = sixteen(q.Body)
		}
	}},
	{"body: UTF-16 without a word", func(m *maker, q *Request) { q.Body = sixteen(q.Body) }},
	{"body: a coding", func(m *maker, q *Request) {
		if q.Body == "" {
			return
		}
		if m.r.IntN(4) > 0 {
			var out bytes.Buffer
			w := gzip.NewWriter(&out)
			_, _ = w.Write([]byte(q.Body))
			_ = w.Close()
			q.Body = out.String()
		}
		if m.r.IntN(6) > 0 {
			q.insert(m.r, m.spell("Content-Encoding"), pick(m.r, "gzip", "identity, gzip", "GZIP", "x-gzip", "br", ""))
		}
	}},
	{"body: a form", func(m *maker, q *Request) {
		if q.Body != "" {
			q.Body = pick(m.r, "_method=GET&", "") + "template_id=" + pick(m.r, "d-news", "d-invoice") + "&to=" + url.QueryEscape(m.refused().Mail)
			q.set("Content-Type", pick(m.r, "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8"))
		}
	}},
	{"body: another type", func(m *maker, q *Request) {
		q.set("Content-Type", pick(m.r, "text/plain", "application/json, text/plain", "application/vnd.api+json", "application/x-ndjson", "", "multipart/form-data; boundary=x", "text/json", "application/json;"))
	}},
	{"body: a type twice", func(m *maker, q *Request) {
		q.insert(m.r, m.spell("Content-Type"), pick(m.r, "application/x-www-form-urlencoded", "application/json; charset=utf-7", "text/plain"))
	}},
	{"body: escapes", func(m *maker, q *Request) {
		q.Body = pick(m.r, strings.ReplaceAll(q.Body, "@", `\u0040`), strings.ReplaceAll(q.Body, "email", `\u0065mail`), strings.ReplaceAll(q.Body, "d-invoice", `d\u002dinvoice`),
			strings.ReplaceAll(q.Body, `"Hello"`, `"\ud800"`), strings.ReplaceAll(q.Body, `"Hello"`, "\"\xed\xa0\x80\""), strings.ReplaceAll(q.Body, `"Hello"`, "1e999"))
	}},
	{"body: deep or large", func(m *maker, q *Request) {
		q.Body = strings.Replace(q.Body, `"Hello"`, pick(m.r, strings.Repeat("[", 70)+strings.Repeat("]", 70), `"`+strings.Repeat("x", 70_000)+`"`), 1)
	}},
	{"body: a body where there is none", func(m *maker, q *Request) {
		if q.Body == "" {
			q.Body = m.mail("d-news")
			q.set("Content-Type", "application/json")
		} else {
			q.Body = ""
		}
	}},
}

// brace is the place of an object's beginning, the whole body's or one within.
func (m *maker) brace(body string) int {
	var at []int
	for i, c := range body {
		if c == '{' {
			at = append(at, i)
		}
	}
	switch {
	case len(at) == 0:
		return -1
	case m.r.IntN(2) == 0:
		return at[0]
	default:
		return pick(m.r, at...)
	}
}

// member puts a member at the beginning or the end of the object at i.
func (m *maker) member(q *Request, i int, member string) {
	end := i + strings.IndexByte(q.Body[i:], '}')
	if i == 0 {
		end = strings.LastIndexByte(q.Body, '}')
	}
	if end > i && m.r.IntN(3) > 0 {
		q.Body = q.Body[:end] + "," + member + q.Body[end:]
		return
	}
	q.Body = q.Body[:i+1] + member + "," + q.Body[i+1:]
}

func (m *maker) cased(name string) string {
	return pick(m.r, name, name, name, strings.ToUpper(name[:1])+name[1:], strings.ToUpper(name), strings.ReplaceAll(name, "s", "ſ"))
}

// seven hides a part of a JSON text in UTF-7: another addressee, another kind, or all of it.
func (m *maker) seven(q *Request) {
	switch m.r.IntN(3) {
	case 0:
		q.Body = strings.Replace(q.Body, `"name":"A"`, `"name":"A`+market.ToUTF7(fmt.Sprintf(`"},{"email":"%s"},{"name":"`, m.refused().Mail))+`"`, 1)
	case 1:
		q.Body = strings.Replace(q.Body, `"Hello"`, `"Hello`+market.ToUTF7(`","template_id":"d-news`)+`"`, 1)
	default:
		q.Body = market.ToUTF7(q.Body)
	}
}

func sixteen(text string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}
