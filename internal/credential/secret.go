package credential

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Redacted stands for a value wherever a Secret is printed, logged or encoded.
const Redacted = "[redacted]"

// Secret is a value that prints, logs and encodes as Redacted, whatever it is part of. The zero Secret is empty. The value is behind a
// function, because formatters that reach fields by reflection, which no method keeps out, stop there.
type Secret struct{ reveal func() string }

// New returns a Secret with a value.
func New(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{func() string { return value }}
}

// Reveal gives the value.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Empty tells whether there is no value.
func (s Secret) Empty() bool { return s.reveal == nil }

// Equal tells whether two values are the same, in a time that does not depend on where they differ.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

// String implements fmt.Stringer.
func (s Secret) String() string { return Redacted }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return Redacted }

// Format implements fmt.Formatter, for verbs that ask for neither.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText implements encoding.TextMarshaler, which XML, YAML and flags go by.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalBinary implements encoding.BinaryMarshaler, which gob goes by.
func (s Secret) MarshalBinary() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalJSON implements json.Unmarshaler for values on the config stream, which are bytes in base64. Its error does not quote them.
func (s *Secret) UnmarshalJSON(text []byte) error {
	var encoded string
	if json.Unmarshal(text, &encoded) != nil {
		return errNotBase64
	}
	value, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return errNotBase64
	}
	*s = New(string(value))
	return nil
}

var errNotBase64 = errors.New("a credential is not spelled in base64")
