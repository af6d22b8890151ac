package openapi

import (
	"slices"
	"strings"
	"unicode"
)

// words are the words of a name, in lower case and in the singular: "alternateEmails" gives alternate, email.
type words []string

// split takes a name apart at signs and at capitals. Numbers alone are dropped.
func split(name string) words {
	var out words
	var word []rune
	end := func() {
		if s := strings.ToLower(string(word)); s != "" && strings.Trim(s, "0123456789") != "" {
			out = append(out, singular(s))
		}
		word = word[:0]
	}
	rs := []rune(name)
	if len(rs) > 256 {
		rs = rs[:256]
	}
	for i, r := range rs {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
			continue
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(rs[i-1]) || unicode.IsDigit(rs[i-1]) ||
			(unicode.IsUpper(rs[i-1]) && i+1 < len(rs) && unicode.IsLower(rs[i+1]))):
			end()
		}
		word = append(word, r)
	}
	end()
	return join(out)
}

// pairs are words that are often written as two.
var pairs = map[[2]string]string{
	{"e", "mail"}: "email", {"post", "code"}: "postcode", {"zip", "code"}: "zipcode", {"sha", "256"}: "sha256", {"user", "name"}: "username",
	{"first", "name"}: "firstname", {"last", "name"}: "lastname", {"full", "name"}: "fullname", {"given", "name"}: "firstname",
	{"family", "name"}: "lastname", {"middle", "name"}: "middlename", {"birth", "date"}: "birthdate", {"birth", "day"}: "birthdate",
	{"date", "birth"}: "birthdate", {"user", "agent"}: "useragent", {"page", "view"}: "pageview", {"time", "zone"}: "timezone",
}

// join makes one word of what is often written as two.
func join(w words) words {
	var out words
	for i := 0; i < len(w); i++ {
		if i+2 < len(w) && w[i] == "date" && w[i+1] == "of" && w[i+2] == "birth" {
			out = append(out, "birthdate")
			i += 2
			continue
		}
		if i+1 < len(w) {
			if one := pairs[[2]string{w[i], w[i+1]}]; one != "" {
				out = append(out, one)
				i++
				continue
			}
		}
		out = append(out, w[i])
	}
	return out
}

func singular(s string) string {
	switch {
	case s == "ids" || s == "ips":
		return s[:2]
	case len(s) > 4 && strings.HasSuffix(s, "ies"):
		return s[:len(s)-3] + "y"
	case len(s) > 4 && strings.HasSuffix(s, "sses"):
		return s[:len(s)-2]
	case len(s) <= 3, strings.HasSuffix(s, "ss"), strings.HasSuffix(s, "us"), strings.HasSuffix(s, "is"), strings.HasSuffix(s, "news"):
		return s
	case strings.HasSuffix(s, "s"):
		return s[:len(s)-1]
	default:
		return s
	}
}

func (w words) has(list ...string) bool {
	return slices.ContainsFunc(w, func(s string) bool { return slices.Contains(list, s) })
}

func (w words) all(list ...string) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(w, s) })
}

func (w words) last() string {
	if len(w) == 0 {
		return ""
	}
	return w[len(w)-1]
}

func (w words) endsIn(list ...string) bool { return slices.Contains(list, w.last()) }

// are tells whether the words are exactly one of these.
func (w words) are(list ...string) bool { return len(w) == 1 && slices.Contains(list, w[0]) }
