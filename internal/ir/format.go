package ir

import (
	"encoding/json"
	"slices"
	"strings"
)

// Format is how a body is written. Whatever it is, pointers read it as if it were JSON.
type Format string

// Formats.
const (
	// FormatJSON is one JSON document (RFC 8259). It is the format of a message that names none.
	FormatJSON Format = ""
	// FormatNDJSON is one JSON document a line; "/*" stands for every line.
	FormatNDJSON Format = "NDJSON"
	// FormatCSV is a table with one header row (RFC 4180); "/*" stands for every row, and columns are its members.
	FormatCSV Format = "CSV"
	// FormatForm is application/x-www-form-urlencoded: an object of strings, and of lists where a name may stand more than once.
	FormatForm Format = "Form"
	// FormatEventStream is text/event-stream (WHATWG HTML §9.2), one JSON document an event; "/*" stands for every event's data.
	FormatEventStream Format = "EventStream"
)

// Formats are all that this version reads.
var Formats = []Format{FormatJSON, FormatNDJSON, FormatCSV, FormatForm, FormatEventStream}

// Fixed tells whether constants can be read in a body of this format, and values set: those of a sequence have no place of their own.
func (f Format) Fixed() bool { return f == FormatJSON || f == FormatForm }

// format checks what a format cannot say.
func (v *validator) format(at string, m *Message, request bool) {
	v.check(slices.Contains(Formats, m.Format), "endpoint %q: format %q", at, m.Format)
	v.check(m.Format != FormatEventStream || !request, "endpoint %q: EventStream is for answers only; take NDJSON for a request in lines", at)
	v.check(m.Format != FormatForm || request, "endpoint %q: Form is for requests only; take JSON for an answer", at)
	v.check(len(m.Switches) == 0 || m.Format.Fixed(), "endpoint %q: there are switches in %s; they work in JSON and Form only", at, m.Format)
	switch m.Format {
	case FormatJSON:
	case FormatCSV:
		v.table(at, m)
	case FormatForm:
		v.form(at, m)
	default:
		v.sequence(at, m)
	}
}

// sequence checks NDJSON and EventStream.
func (v *validator) sequence(at string, m *Message) {
	inside := func(pointer string) {
		v.check(pointer == "/*" || strings.HasPrefix(pointer, "/*/"), "endpoint %q: the pointer %q in %s; it begins with /*, which is every document", at, pointer, m.Format)
	}
	for _, a := range m.Addressees {
		inside(a.Each)
		v.check(a.Columns == "", "endpoint %q: columns in %s; they work in JSON only", at, m.Format)
		if a.Unit != "" {
			inside(a.Unit)
		}
	}
	if r := m.Records; r != nil {
		inside(r.Each)
		v.check(r.Columns == "", "endpoint %q: columns in %s; they work in JSON only", at, m.Format)
	}
	for _, p := range outside(m) {
		inside(p)
	}
}

// outside are the pointers from the root of a body.
func outside(m *Message) []string {
	out := slices.Concat(m.NotPersonal, m.Totals)
	for _, f := range m.Fields {
		out = append(out, f.Pointer)
	}
	return out
}

// table checks CSV: everything is a column of a row.
func (v *validator) table(at string, m *Message) {
	column := func(what, pointer string) {
		v.check(one(pointer), "endpoint %q: %s %q; in CSV it is one column, for example /email", at, what, pointer)
	}
	v.check(len(m.Addressees) <= 1, "endpoint %q: several lists of addressees in CSV; a row is one addressee", at)
	for _, a := range m.Addressees {
		v.check(a.Each == "/*" && a.Unit == "" && a.Columns == "", "endpoint %q: addressees %q; in CSV each is /*, without unit and columns", at, a.Each)
		column("identifier", a.Identifier)
		if a.Time != "" {
			column("time", a.Time)
		}
	}
	if r := m.Records; r != nil {
		v.check(r.Each == "/*" && r.Columns == "", "endpoint %q: records %q; in CSV each is /*, without columns", at, r.Each)
		v.check(len(outside(m)) == 0, "endpoint %q: %q is outside of records; in CSV nothing is", at, outside(m))
		column("identifier", r.Identifier)
		if r.Time != "" {
			column("time", r.Time)
		}
		for _, f := range r.Fields {
			column("field", f.Pointer)
		}
		for _, p := range r.NotPersonal {
			column("notPersonal", p)
		}
		return
	}
	for _, p := range outside(m) {
		v.check(p == "/*" || (strings.HasPrefix(p, "/*/") && one(p[len("/*"):])), "endpoint %q: the pointer %q in CSV; it is a column of every row, for example /*/email", at, p)
	}
}

// one tells whether a pointer has exactly one segment, which names a member.
func one(pointer string) bool {
	return len(pointer) > 1 && strings.Count(pointer, "/") == 1 && pointer != "/*"
}

// reserved are fields of forms that change how some servers read the request.
var reserved = []string{"/_method", "/_charset_"}

// form checks forms.
func (v *validator) form(at string, m *Message) {
	list := func(p string) bool { return strings.HasSuffix(p, "/*") && one(strings.TrimSuffix(p, "/*")) }
	for _, a := range m.Addressees {
		whole := a.Each == "" && one(a.Identifier)
		v.check(whole || (list(a.Each) && a.Identifier == "" && a.Time == ""),
			"endpoint %q: addressees %q; in a form they are the body, without each and with an identifier such as /email, or the values of one name, such as /to/*", at, a.Each)
		v.check(a.Columns == "" && a.Unit == "", "endpoint %q: columns or unit in a form; there are none", at)
		v.check(a.Time == "" || one(a.Time), "endpoint %q: time %q; in a form it is one field", at, a.Time)
	}
	for _, p := range outside(m) {
		v.check(one(p) || list(p), "endpoint %q: the pointer %q in a form; it is one field, such as /email, or all of one name, such as /to/*", at, p)
		v.check(!slices.Contains(reserved, p), "endpoint %q: the field %q; some servers take it for an instruction, so it is refused", at, p)
	}
	for _, s := range m.Switches {
		v.check(one(s.Pointer), "endpoint %q: switch %q; in a form it is one field", at, s.Pointer)
		var off any
		err := json.Unmarshal(s.Off, &off)
		switch off.(type) {
		case string, float64, bool:
		default:
			v.check(err != nil, "endpoint %q: the off value of %s is no string, number or boolean", at, s.Tracking)
		}
	}
}

// merged checks that no name is a parameter of the query and a field of the form: many servers read both as one.
func (v *validator) merged(at string, e *Endpoint) {
	if e.Request == nil || e.Request.Format != FormatForm {
		return
	}
	for _, q := range e.Query {
		name := "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(q.Name)
		v.check(!slices.ContainsFunc(outside(e.Request), func(p string) bool { return p == name || p == name+"/*" }),
			"endpoint %q: %q is a parameter of the query and a field of the form; many servers read both as one, so declare it in one place", at, q.Name)
	}
}
