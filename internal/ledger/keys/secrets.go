package keys

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
)

// Secrets are the keys of one controller that never leave the ledger, other than the stream key. They print redacted.
type Secrets struct{ wrapping, tokens []byte }

// Secrets derives the keys of a controller (HKDF-SHA256, RFC 5869). What another controller sealed says nothing here.
func (r Root) Secrets(controller string) (*Secrets, error) {
	if controller == "" {
		return nil, errors.New("the keys of a ledger need a controller")
	}
	derive := func(what string) ([]byte, error) {
		return hkdf.Key(sha256.New, r.key[:], nil, "optup ledger v1 "+what+"\x00"+controller, 32)
	}
	wrapping, err := derive("wrapping key")
	if err != nil {
		return nil, err
	}
	tokens, err := derive("token key")
	if err != nil {
		return nil, err
	}
	return &Secrets{wrapping: wrapping, tokens: tokens}, nil
}

// String never shows the keys.
func (*Secrets) String() string { return "ledger keys:redacted" }

// GoString never shows the keys.
func (s *Secrets) GoString() string { return s.String() }

// Wrapping is the key that wraps the keys of people (see internal/ledger/store/seal).
func (s *Secrets) Wrapping() []byte { return s.wrapping }

// Tokens is the key that seals the tokens in links (see internal/ledger/token).
func (s *Secrets) Tokens() []byte { return s.tokens }
