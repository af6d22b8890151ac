package jsonfilter

import "github.com/optup/optup/internal/ir"

// Response filters a response body: records of people who are not kept go, and with them every value that nobody declared or that is of
// a category that is not covered, as the redaction says. Counts of people always go.
func (d *Document) Response(m *ir.Message, covered func(category string) bool, redaction ir.Redaction, judge Judge) ([]byte, Outcome) {
	return d.response(m, covered, redaction, judge).finish()
}

func (d *Document) response(m *ir.Message, covered func(category string) bool, redaction ir.Redaction, judge Judge) *filter {
	f := newFilter(d)
	f.redaction = redaction
	outer := &declared{}
	declare(outer, m.Fields, m.NotPersonal, m.Totals)
	if m.Records == nil {
		f.check([]*node{&d.root}, outer, false, covered, true)
		return f
	}
	if m.Records.Columns != "" {
		// The way to the names is declared, whether or not they can be read when they are reached.
		outer.add(m.Records.Columns)
	}
	if f.table(m.Records.Columns, m.Records.Each) {
		outer.plain(m.Records.Columns)
	}
	// What stands outside records follows the outer declarations; the records' own place is theirs.
	if m.Records.Each != "" {
		outer.add(m.Records.Each).whole = true
		f.check([]*node{&d.root}, outer, false, covered, true)
	}
	inner := &declared{}
	declare(inner, m.Records.Fields, m.Records.NotPersonal, nil)
	f.records(m.Records, inner, covered, judge)
	return f
}

func (f *filter) records(r *ir.Records, inner *declared, covered func(string) bool, judge Judge) {
	none := func(string) bool { return false }
	f.doc.root.each(split(r.Each), nil, func(chain []*node) {
		f.outcome.People++
		switch judge(f.person(chain[len(chain)-1], r.Identifier, r.Identifies, r.Time, r.TimeFormat)) {
		case Keep:
			f.outcome.Kept++
			f.check(chain, inner, false, covered, true)
		case Redact:
			f.outcome.Kept++
			f.check(chain, inner, false, none, true)
		default:
			f.changes.set(chain, change{kind: gone})
		}
	})
}
