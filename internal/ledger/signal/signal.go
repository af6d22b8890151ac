package signal

import (
	"slices"
	"strings"
)

// Signals are what the headers of a request say.
type Signals struct {
	// NoSale is Sec-GPC: 1: the person does not want data to be sold or shared.
	NoSale bool
	// Consent and Withdraw are identifiers of consent requests; All tells that Withdraw was "*": every consent that was given.
	Consent, Withdraw []string
	All               bool
	// Marketing tells that the person objects to direct marketing (GDPR Art. 21(2)).
	Marketing bool
	// Evidence is what was read, as it may be kept: names and values in a canonical form.
	Evidence string
}

// Empty tells that nothing was said.
func (s Signals) Empty() bool {
	return !s.NoSale && len(s.Consent) == 0 && len(s.Withdraw) == 0 && !s.All && !s.Marketing
}

// Headers that carry signals.
const (
	GPC  = "Sec-GPC"
	ADPC = "ADPC"
)

const (
	// marketing is the one objection that the draft of ADPC names.
	marketing = "direct-marketing"
	maxHeader = 4096
	maxIDs    = 64
	maxID     = 512
)

// Read reads the values of both headers. Sec-GPC has one valid value, "1"; everything else says nothing (W3C, Global Privacy Control §3). Of
// an ADPC header, what cannot be read says nothing: an expression of consent that is in doubt is none (GDPR Art. 4(11)). Somebody who
// consents to and withdraws the same has not consented.
func Read(gpc, adpc []string) Signals {
	s := Signals{NoSale: len(gpc) == 1 && gpc[0] == "1"}
	var said []string
	if s.NoSale {
		said = append(said, GPC+": 1")
	}
	for _, m := range members(strings.Join(adpc, ",")) {
		key, value, _ := strings.Cut(m, "=")
		ids := identifiers(value)
		switch strings.TrimSpace(key) {
		case "consent":
			s.Consent = append(s.Consent, ids...)
		case "withdraw":
			for _, id := range ids {
				if id == "*" {
					s.All = true
				} else {
					s.Withdraw = append(s.Withdraw, id)
				}
			}
		case "object":
			s.Marketing = s.Marketing || slices.Contains(ids, marketing)
		}
	}
	if s.Consent = slices.DeleteFunc(unique(s.Consent), func(id string) bool { return id == "*" || slices.Contains(s.Withdraw, id) }); len(s.Consent) == 0 {
		s.Consent = nil
	}
	s.Withdraw = unique(s.Withdraw)
	if line := s.line(); line != "" {
		said = append(said, ADPC+": "+line)
	}
	s.Evidence = strings.Join(said, "\n")
	return s
}

// line writes what an ADPC header said.
func (s Signals) line() string {
	var out []string
	add := func(key string, ids []string) {
		if len(ids) > 0 {
			out = append(out, key+`="`+strings.Join(ids, " ")+`"`)
		}
	}
	if s.All {
		out = append(out, "withdraw=*")
	}
	add("withdraw", s.Withdraw)
	if s.Marketing {
		out = append(out, "object="+marketing)
	}
	add("consent", s.Consent)
	return strings.Join(out, ", ")
}

// members cuts a header at the commas outside of quotation marks. One that is too long says nothing.
func members(header string) []string {
	if len(header) > maxHeader {
		return nil
	}
	var out []string
	quoted, from := false, 0
	for i := 0; i <= len(header); i++ {
		switch {
		case i == len(header), header[i] == ',' && !quoted:
			out = append(out, strings.TrimSpace(header[from:i]))
			from = i + 1
		case header[i] == '"':
			quoted = !quoted
		}
	}
	if quoted {
		return nil
	}
	return out
}

// identifiers reads one identifier, or several in quotation marks.
func identifiers(value string) []string {
	value = strings.TrimSpace(value)
	if inner, ok := strings.CutPrefix(value, `"`); ok {
		if inner, ok = strings.CutSuffix(inner, `"`); !ok {
			return nil
		}
		value = inner
	} else if strings.ContainsAny(value, " \t") {
		return nil
	}
	var out []string
	for _, id := range strings.Fields(value) {
		if len(out) < maxIDs && (id == "*" || unreserved(id)) {
			out = append(out, id)
		}
	}
	return out
}

// unreserved are the characters that an identifier may have (RFC 3986 §2.3).
func unreserved(id string) bool {
	return len(id) <= maxID && !strings.ContainsFunc(id, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._~", c)
	})
}

func unique(in []string) []string {
	slices.Sort(in)
	return slices.Compact(in)
}
