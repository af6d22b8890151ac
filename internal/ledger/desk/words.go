package desk

import (
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/touchpoint"
)

// words finds what a bundle says about purposes and wordings.
type words struct {
	bundle   *ir.Bundle
	purposes map[consent.PurposeID]*ir.Purpose
	notices  map[consent.NoticeID]*ir.Notice
	// plans decide about each processing of a purpose, as the usable share does.
	plans map[consent.PurposeID][]*decide.Plan
	asker *touchpoint.Asker
}

func newWords(b *ir.Bundle) *words {
	w := &words{bundle: b, purposes: map[consent.PurposeID]*ir.Purpose{}, notices: map[consent.NoticeID]*ir.Notice{}, plans: map[consent.PurposeID][]*decide.Plan{}}
	if b == nil {
		return w
	}
	w.asker = touchpoint.New(b)
	for i := range b.Notices {
		w.notices[b.Notices[i].Name] = &b.Notices[i]
	}
	for i := range b.Purposes {
		p := &b.Purposes[i]
		w.purposes[p.Name] = p
		for _, x := range p.Processing {
			if plan, ok := decide.Share(b, p.Name, x); ok {
				w.plans[p.Name] = append(w.plans[p.Name], plan)
			}
		}
	}
	return w
}

// purpose names a purpose in a language, in another one if there are no words in it, and by its id if there are none at all.
func (w *words) purpose(id consent.PurposeID, language string) pages.Purpose {
	out := pages.Purpose{ID: id, Title: pages.Text{Language: "zxx", Text: string(id)}}
	p := w.purposes[id]
	if p == nil || len(p.Labels) == 0 {
		return out
	}
	l := p.Labels[best(len(p.Labels), language, func(i int) string { return p.Labels[i].Language })]
	out.Title = pages.Text{Language: l.Language, Text: l.Title}
	out.Description = pages.Text{Language: l.Language, Text: l.Description}
	return out
}

// notice gives a wording in a language, or in another one. A wording that is not in force any more has no text.
func (w *words) notice(id consent.NoticeID, language string) pages.Notice {
	out := pages.Notice{ID: id}
	n := w.notices[id]
	if n == nil {
		return out
	}
	out.Version = n.Version
	if len(n.Texts) > 0 {
		t := n.Texts[best(len(n.Texts), language, func(i int) string { return n.Texts[i].Language })]
		out.Text, out.SHA256 = pages.Text{Language: t.Language, Text: t.Text}, t.SHA256
	}
	return out
}

// best gives the number of the language that comes closest: the same, one with the same base, English, or the first.
func best(n int, language string, at func(int) string) int {
	base := func(tag string) string {
		b, _, _ := strings.Cut(strings.ToLower(tag), "-")
		return b
	}
	for _, fits := range []func(string) bool{
		func(l string) bool { return strings.EqualFold(l, language) },
		func(l string) bool { return base(l) == base(language) },
		func(l string) bool { return base(l) == "en" },
	} {
		for i := range n {
			if fits(at(i)) {
				return i
			}
		}
	}
	return 0
}
