package confirm

import (
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// wording gives the words of a notice as they are shown to somebody with a language. It reports false while the ledger does not have them.
func wording(b *ir.Bundle, name consent.NoticeID, language string) (ir.Text, bool) {
	if b == nil {
		return ir.Text{}, false
	}
	for i := range b.Notices {
		if n := &b.Notices[i]; n.Name == name {
			return choose(n.Texts, language)
		}
	}
	return ir.Text{}, false
}

// choose gives the text in the language asked for, else one of the same language elsewhere, else English, else the first.
func choose(texts []ir.Text, language string) (ir.Text, bool) {
	for _, fits := range []func(string) bool{
		func(l string) bool { return strings.EqualFold(l, language) },
		func(l string) bool { return strings.EqualFold(l, base(language)) },
		func(l string) bool { return base(l) == base(language) },
		func(l string) bool { return base(l) == "en" },
		func(string) bool { return true },
	} {
		for _, t := range texts {
			if t.Text != "" && fits(t.Language) {
				return t, true
			}
		}
	}
	return ir.Text{}, false
}

// base is the language of a BCP 47 tag without region or script.
func base(tag string) string {
	b, _, _ := strings.Cut(strings.ToLower(tag), "-")
	return b
}

// title names a purpose for people.
func title(b *ir.Bundle, purpose consent.PurposeID, language string) string {
	if b != nil {
		for i := range b.Purposes {
			p := &b.Purposes[i]
			if p.Name != purpose {
				continue
			}
			for _, l := range p.Labels {
				if base(l.Language) == base(language) {
					return l.Title
				}
			}
			if len(p.Labels) > 0 {
				return p.Labels[0].Title
			}
		}
	}
	return string(purpose)
}
