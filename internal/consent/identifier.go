package consent

import (
	"crypto/md5" //nolint:gosec // a form that ad networks and mail services use, never a protection
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/idna"
)

// IdentifierType says what an identifier is.
type IdentifierType string

// Identifier types.
const (
	IdentifierEmail    IdentifierType = "email"
	IdentifierPhone    IdentifierType = "phone"
	IdentifierCustomer IdentifierType = "customer"
	IdentifierDevice   IdentifierType = "device"
)

// Form is how an identifier is written in a request. Hashed forms are pseudonyms, still personal data (GDPR Art. 4(5), Recital 26).
type Form string

// Forms. Hashes are lower-case hexadecimal of the normalised value.
const (
	FormPlain  Form = "Plain"
	FormSHA256 Form = "SHA256"
	FormMD5    Form = "MD5"
)

// Forms lists every form for which the ledger keeps a tag.
var Forms = []Form{FormPlain, FormSHA256, FormMD5}

// Identifier names a person in the clear. It prints redacted; use Value deliberately.
type Identifier struct {
	Type  IdentifierType `json:"type"`
	Form  Form           `json:"form,omitempty"`
	Value string         `json:"value"`
}

// String never shows the value.
func (i Identifier) String() string { return string(i.Type) + ":redacted" }

// GoString never shows the value.
func (i Identifier) GoString() string { return i.String() }

// Tag is the keyed pseudonym of an identifier: the first 128 bits of an HMAC-SHA256. It prints redacted.
type Tag [16]byte

// String never shows the tag, which would link log lines to a person.
func (Tag) String() string { return "tag:redacted" }

// GoString never shows the tag.
func (t Tag) GoString() string { return t.String() }

// ErrIdentifier reports an identifier that cannot be normalised. Nobody can be found by it, so decisions deny.
var ErrIdentifier = errors.New("identifier cannot be normalised")

// maxIdentifier bounds an identifier in bytes; RFC 5321 allows 254 for an address.
const maxIdentifier = 320

// Normalize gives the one spelling under which an identifier is tagged.
//
// E-mail addresses: surrounding spaces removed, lower case, exactly one "@", printable ASCII without spaces, quotes, commas or
// angle brackets; a domain in another script becomes its ASCII form (UTS #46), so that both spellings are one address. A mailbox in
// another script (RFC 6531) has no normal form. Sub-addresses (name+tag) and dots stay distinct, because some mail systems deliver them to
// different people, and neither consent nor objection may pass to somebody else.
// Hashed forms: lower-case hexadecimal of the right length. Phone numbers: E.164 with spaces, dots, dashes and brackets removed.
func Normalize(i Identifier) (Identifier, error) {
	v := strings.TrimSpace(i.Value)
	if i.Form == "" {
		i.Form = FormPlain
	}
	if v == "" || len(v) > maxIdentifier {
		return Identifier{}, fmt.Errorf("%w: length %d", ErrIdentifier, len(v))
	}
	var ok bool
	switch i.Form {
	case FormSHA256:
		v, ok = normalHex(v, sha256.Size)
	case FormMD5:
		v, ok = normalHex(v, md5.Size)
	case FormPlain:
		switch i.Type {
		case IdentifierEmail:
			v, ok = normalEmail(v)
		case IdentifierPhone:
			v, ok = normalPhone(v)
		case IdentifierCustomer, IdentifierDevice:
			ok = printableASCII(v)
		}
	}
	if !ok {
		return Identifier{}, fmt.Errorf("%w: type %q, form %q", ErrIdentifier, i.Type, i.Form)
	}
	i.Value = v
	return i, nil
}

// Hashed tells that an identifier is given in another form than the plain one.
func (i Identifier) Hashed() bool { return i.Form != FormPlain && i.Form != "" }

// Derived gives the other forms of a normalised plain identifier; a hashed one derives nothing.
func Derived(i Identifier) []Identifier {
	if i.Form != FormPlain {
		return nil
	}
	s := sha256.Sum256([]byte(i.Value))
	m := md5.Sum([]byte(i.Value)) //nolint:gosec // see import
	return []Identifier{
		{Type: i.Type, Form: FormSHA256, Value: hex.EncodeToString(s[:])},
		{Type: i.Type, Form: FormMD5, Value: hex.EncodeToString(m[:])},
	}
}

func normalHex(v string, size int) (string, bool) {
	v = strings.ToLower(v)
	b, err := hex.DecodeString(v)
	return v, err == nil && len(b) == size
}

func normalEmail(v string) (string, bool) {
	at := strings.IndexByte(v, '@')
	if at <= 0 || strings.IndexByte(v[at+1:], '@') >= 0 {
		return "", false
	}
	// Folding beyond ASCII would make one mailbox of two: the Kelvin sign becomes a k.
	local, domain := v[:at], v[at+1:]
	if !printableASCII(local) {
		return "", false
	}
	if !printableASCII(domain) {
		ascii, err := domains.ToASCII(domain)
		if err != nil {
			return "", false
		}
		domain = ascii
	}
	v = strings.ToLower(local + "@" + domain)
	if domain == "" || !printableASCII(v) || strings.ContainsAny(v, ` "(),:;<>[\]`) {
		return "", false
	}
	return v, !strings.HasPrefix(domain, ".") && !strings.HasSuffix(domain, ".")
}

// domains maps a domain in another script to the ASCII form in which the domain name system knows it (UTS #46, not transitional; RFC 5891).
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.VerifyDNSLength(true))

func normalPhone(v string) (string, bool) {
	v = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "/", "").Replace(v)
	if len(v) < 8 || len(v) > 16 || v[0] != '+' || v[1] == '0' {
		return "", false
	}
	for _, c := range v[1:] {
		if c < '0' || c > '9' {
			return "", false
		}
	}
	return v, true
}

func printableASCII(v string) bool {
	for i := range len(v) {
		if v[i] <= ' ' || v[i] > '~' {
			return false
		}
	}
	return true
}
