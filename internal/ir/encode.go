package ir

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrBundle reports a bundle that must not be enforced.
var ErrBundle = errors.New("bundle refused")

// ErrTooLarge reports, together with ErrBundle, a bundle that is sound and has too many bytes.
var ErrTooLarge = errors.New("too large")

func limit(b *Bundle) int {
	if ForLedger(b) {
		return MaxLedgerBundleBytes
	}
	return MaxBundleBytes
}

// Encode gives the canonical encoding: one spelling for one content, so that hashes can be compared.
// It sets Critical to what the bundle uses, and fails on a bundle that Validate refuses or that is larger than it may be.
func Encode(b *Bundle) ([]byte, error) {
	b.Critical = critical(b)
	if err := Validate(b); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(b); err != nil {
		return nil, fmt.Errorf("encode bundle: %w", err)
	}
	out := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if len(out) > limit(b) {
		return nil, fmt.Errorf("%w: %w: %d bytes, at most %d", ErrBundle, ErrTooLarge, len(out), limit(b))
	}
	return out, nil
}

// Decode reads a bundle of any supported schema and validates it.
func Decode(data []byte) (*Bundle, error) {
	if len(data) > MaxLedgerBundleBytes {
		return nil, fmt.Errorf("%w: %w: %d bytes, at most %d", ErrBundle, ErrTooLarge, len(data), MaxLedgerBundleBytes)
	}
	var b Bundle
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	if len(data) > limit(&b) {
		return nil, fmt.Errorf("%w: %w: %d bytes, at most %d", ErrBundle, ErrTooLarge, len(data), limit(&b))
	}
	if b.Schema < OldestSchema || b.Schema > Schema {
		return nil, fmt.Errorf("%w: schema %d, this version reads %d to %d", ErrBundle, b.Schema, OldestSchema, Schema)
	}
	for _, c := range b.Critical {
		if !known[c] {
			return nil, fmt.Errorf("%w: critical element %q is unknown to this version; upgrade it", ErrBundle, c)
		}
	}
	if err := Validate(&b); err != nil {
		return nil, err
	}
	return &b, nil
}

// Hash is the SHA-256 of a canonical encoding, in lower-case hexadecimal.
func Hash(encoded []byte) string {
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}
