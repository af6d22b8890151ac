package jsonfilter

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/optup/optup/internal/ir"
)

// generator makes up documents of the names that the messages of the tests declare.
type generator struct {
	*rand.Rand
	message *ir.Message
}

func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

func (g *generator) body(framing Framing) []byte {
	var out bytes.Buffer
	switch framing {
	case Lines:
		for range g.IntN(5) {
			out.WriteString(pick(g, "", "", " ", "\t\r\n", "\n"))
			g.document(&out)
			out.WriteString(pick(g, "\n", "\n", "\r\n", " \n", "\n\n"))
		}
	case Events:
		g.events(&out)
	default:
		g.document(&out)
	}
	body := out.Bytes()
	if g.IntN(8) == 0 && len(body) > 0 { // damaged
		at := g.IntN(len(body))
		switch g.IntN(3) {
		case 0:
			body[at] = pick(g, byte('"'), '\\', '{', '}', ',', 0xff, 0, ' ', '\n', '0', ':')
		case 1:
			body = body[:at]
		default:
			body = append(body[:at:at], body[at+1:]...)
		}
	}
	return body
}

func (g *generator) space() string {
	if g.IntN(6) > 0 {
		return ""
	}
	return pick(g, " ", "  ", "\t", "\r \t")
}

func (g *generator) document(out *bytes.Buffer) {
	out.WriteString(g.space())
	switch g.IntN(40) {
	default:
		g.shaped(out)
	case 0:
		g.value(out, 0)
	case 1, 2:
		g.object(out, 0, false)
	case 3, 4:
		g.list(out, 0, func() { g.record(out, 1) })
	case 5, 6, 7, 8:
		g.table(out)
	}
	out.WriteString(g.space())
}

// shaped is a document of the shape that the message declares, with more and less in it.
func (g *generator) shaped(out *bytes.Buffer) {
	m, tree := g.message, &declared{}
	declare(tree, m.Fields, m.NotPersonal, m.Totals)
	r := m.Records
	if r == nil {
		g.member(out, tree, 0)
		return
	}
	each := tree.add(r.Each)
	each.plain(r.Identifier)
	if r.Columns != "" {
		tree.add(r.Columns).category = "columns"
		each.category = "row"
	}
	if r.Time != "" {
		each.plain(r.Time)
	}
	declare(each, r.Fields, r.NotPersonal, nil)
	g.member(out, tree, 0)
}

func (g *generator) member(out *bytes.Buffer, d *declared, depth int) {
	switch {
	case g.IntN(30) == 0:
		g.value(out, depth)
	case d.category == "columns":
		g.columns(out)
	case d.category == "row":
		g.row(out)
	case d.every != nil && (d.next == nil || g.IntN(2) == 0):
		g.list(out, 4, func() { g.member(out, d.every, depth+1) })
	case d.next != nil:
		g.members(out, d, depth)
	case g.IntN(3) > 0:
		out.WriteString(g.person())
	default:
		g.value(out, depth)
	}
}

func (g *generator) members(out *bytes.Buffer, d *declared, depth int) {
	names := slices.Sorted(maps.Keys(d.next)) // before a shuffle from the seed
	if i := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, "col") || d.next[n].next["columns"] != nil }); i > 0 && g.IntN(4) > 0 {
		names[0], names[i] = names[i], names[0]
	} else if i < 0 {
		g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	}
	for range g.IntN(3) {
		at := g.IntN(len(names) + 1)
		names = slices.Insert(names, at, pick(g, "trace", "y@x", "page", "c", "a name that is longer than sixteen bytes", "ü"))
	}
	out.WriteString("{" + g.space())
	first := true
	for i, name := range names {
		if g.IntN(10) == 0 || slices.Contains(names[:i], name) && g.IntN(20) > 0 {
			continue
		}
		if !first {
			out.WriteString(g.space() + "," + g.space())
		}
		first = false
		quoted := `"` + name + `"`
		if g.IntN(12) == 0 {
			quoted = strings.Replace(quoted, "a", `\u0061`, 1)
		}
		out.WriteString(quoted + g.space() + ":" + g.space())
		switch {
		case name == "at":
			out.WriteString(g.when())
		case d.next[name] != nil:
			g.member(out, d.next[name], depth+1)
		default:
			g.value(out, depth+1)
		}
	}
	out.WriteString(g.space() + "}")
}

func (g *generator) when() string {
	return pick(g, `"2026-01-10T10:00:00+01:00"`, `"2026-01-10T10:00:00Z"`, `"2026-01-10T10:00:00.5-11:30"`, "1768035600", `"x"`, "null")
}

// table is an object with lists of records and of rows.
func (g *generator) table(out *bytes.Buffer) {
	parts := []func(){
		func() { out.WriteString(`"columns":`); g.columns(out) },
		func() { out.WriteString(`"a":{"columns":`); g.columns(out); out.WriteString(`}`) },
		func() { out.WriteString(`"rows":`); g.list(out, 1, func() { g.row(out) }) },
		func() {
			out.WriteString(`"b":{"rows":`)
			g.list(out, 1, func() { g.row(out) })
			out.WriteString(`}`)
		},
		func() {
			out.WriteString(`"customers"` + g.space() + ":" + g.space())
			g.list(out, 1, func() { g.record(out, 2) })
		},
		func() { out.WriteString(`"total":3`) },
		func() { out.WriteString(`"page":`); g.value(out, 2) },
		func() { out.WriteString(`"trace":`); g.value(out, 2) },
		func() { out.WriteString(`"y@x":`); g.value(out, 2) },
		func() { out.WriteString(`"meta":{"count":1,"x":[]}`) },
	}
	if g.IntN(3) == 0 {
		g.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	out.WriteString("{")
	first := true
	for _, p := range parts {
		if g.IntN(2) == 0 {
			continue
		}
		if !first {
			out.WriteString(g.space() + ",")
		}
		first = false
		out.WriteString(g.space())
		p()
	}
	out.WriteString(g.space() + "}")
}

func (g *generator) columns(out *bytes.Buffer) {
	names := []string{`"email"`, `"a"`, `"id"`, `"b"`, `"at"`, `"x y"`}
	if g.IntN(4) == 0 {
		names[1+g.IntN(2)] = pick(g, `1`, `"e\u006dail"`, `"email"`, `null`)
	}
	g.Shuffle(4, func(i, j int) { names[i], names[j] = names[j], names[i] })
	out.WriteString("[" + g.space() + strings.Join(names[:2+g.IntN(3)], ","+g.space()) + "]")
}

func (g *generator) row(out *bytes.Buffer) {
	if g.IntN(8) == 0 {
		g.value(out, 3)
		return
	}
	g.list(out, 5, func() {
		if g.IntN(4) > 0 {
			out.WriteString(g.person())
		} else {
			g.value(out, 3)
		}
	})
}

func (g *generator) person() string {
	return pick(g, `"y@x"`, `"n@x"`, `"r@x"`, `"\u0079@x"`, `"y\u00e9@x"`, `"n\"é€𝄞\ud834\udd1e"`, `7`, `null`)
}

func (g *generator) record(out *bytes.Buffer, depth int) {
	if g.IntN(8) == 0 {
		g.value(out, depth)
		return
	}
	g.object(out, depth, true)
}

func (g *generator) object(out *bytes.Buffer, depth int, one bool) {
	names := []string{
		"a", "b", "c", "id", "email", "name", "health", "orders", "item", "customers", "rows", "total", "at", "x@y", "orders ",
		"long name that is more than sixteen bytes", "long name that is more than seventeen bytes", "é", "sixteen bytes 00", "wide",
	}
	g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:g.IntN(6)]
	if one {
		names = append(names, "email")
	}
	if g.IntN(60) == 0 {
		for i := range 40 {
			names = append(names, fmt.Sprintf("n%d of many many names", i+g.IntN(2)))
		}
	}
	out.WriteString("{" + g.space())
	seen := map[string]bool{}
	for i, name := range names {
		if seen[name] && g.IntN(20) > 0 {
			name = fmt.Sprintf("other%d", i)
		}
		seen[name] = true
		if i > 0 {
			out.WriteString(g.space() + "," + g.space())
		}
		if g.IntN(12) == 0 {
			name = strings.Replace(name, "a", `\u0061`, 1)
		}
		out.WriteString(`"` + name + `"` + g.space() + ":" + g.space())
		switch {
		case name == "email" || g.IntN(5) == 0:
			out.WriteString(g.person())
		case name == "at":
			out.WriteString(g.when())
		default:
			g.value(out, depth+1)
		}
	}
	out.WriteString(g.space() + "}")
}

func (g *generator) list(out *bytes.Buffer, most int, element func()) {
	out.WriteString("[" + g.space())
	for i := range g.IntN(max(most, 5)) {
		if i > 0 {
			out.WriteString(g.space() + "," + g.space())
		}
		element()
	}
	out.WriteString(g.space() + "]")
}

func (g *generator) value(out *bytes.Buffer, depth int) {
	switch n := g.IntN(10); {
	case n < 2 && depth < 6:
		g.object(out, depth, false)
	case n < 4 && depth < 6:
		g.list(out, 3, func() { g.value(out, depth+1) })
	default:
		out.WriteString(pick(g, "null", "true", "false", "0", "-1.5e-7", "12345678901234567890", `""`, `"text with \"escapes\" \\ \u00e9 and ends"`, `"täxt 東京"`, `"\ud83d\ude00"`, "{}", "[]", "[ ]"))
	}
}

func (g *generator) events(out *bytes.Buffer) {
	for range g.IntN(5) {
		end := pick(g, "\n", "\n", "\r\n", "\r")
		for range g.IntN(3) {
			out.WriteString(pick(g, ": Geheim", ":", "id: 17", "id:x@y", "retry: 3000", "retry:x", "event: order", "event: x@y", "other: x", "other", "event") + end)
		}
		if g.IntN(5) > 0 {
			var doc bytes.Buffer
			g.document(&doc)
			text := doc.String()
			text = strings.NewReplacer("\r", " ", "\n", " ").Replace(text)
			if g.IntN(3) == 0 {
				text = strings.ReplaceAll(text, ", ", ","+end+pick(g, "data:", "data: ", "id: 4"+end+"data:"))
			}
			out.WriteString("data:" + pick(g, "", " ") + text + end)
		}
		out.WriteString(pick(g, "", "event: late"+end) + pick(g, end, end, end, end+end, ""))
	}
}
