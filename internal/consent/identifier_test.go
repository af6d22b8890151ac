package consent

import (
	"errors"
	"testing"
)

func TestNormalForms(t *testing.T) {
	for name, c := range map[string]struct {
		kind       IdentifierType
		from, want string // an empty want is none
	}{
		"case and spaces of an address do not count":         {IdentifierEmail, " Ada@Example.ORG ", "ada@example.org"},
		"a domain in another script is its ASCII form":       {IdentifierEmail, "ada@Bücher.example", "ada@xn--bcher-kva.example"},
		"composed and decomposed letters are one domain":     {IdentifierEmail, "ada@bu\u0308cher.example", "ada@xn--bcher-kva.example"},
		"a sharp s is no double s":                           {IdentifierEmail, "ada@straße.example", "ada@xn--strae-oqa.example"},
		"a wide full stop parts labels":                      {IdentifierEmail, "ada@example。org", "ada@example.org"},
		"a mailbox in another script has none":               {IdentifierEmail, "müller@example.org", ""},
		"a Kelvin sign in a mailbox is no k":                 {IdentifierEmail, "\u212aim@example.org", ""},
		"a domain that says it is ASCII and is not has none": {IdentifierEmail, "ada@xn--ü.example", ""},
		"a sub-address stays another address":                {IdentifierEmail, "ada+shop@example.org", "ada+shop@example.org"},
		"dots stay":                                          {IdentifierEmail, "a.da@example.org", "a.da@example.org"},
		"a second at has none":                               {IdentifierEmail, "ada@b@example.org", ""},
		"an empty domain has none":                           {IdentifierEmail, "ada@", ""},
		"an invisible domain has none":                       {IdentifierEmail, "ada@\u00ad", ""},
		"a number may be written with spaces and brackets":   {IdentifierPhone, "+49 (30) 123-45/67", "+49301234567"},
		"a number without its country has none":              {IdentifierPhone, "030 1234567", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Normalize(Identifier{Type: c.kind, Value: c.from})
			if got.Value != c.want || errors.Is(err, ErrIdentifier) != (c.want == "") {
				t.Fatalf("%q: %v; want %q", got.Value, err, c.want)
			}
			if c.want == "" {
				return
			}
			again, err := Normalize(got)
			if err != nil || again != got {
				t.Fatalf("the normal form has another normal form: %q, %v", again.Value, err)
			}
		})
	}
}
