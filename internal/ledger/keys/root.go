package keys

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// RootSize is the size of a root key in bytes.
const RootSize = 32

// Root is a root key. It prints redacted.
type Root struct{ key [RootSize]byte }

// String never shows the key.
func (Root) String() string { return "root key:redacted" }

// GoString never shows the key.
func (r Root) GoString() string { return r.String() }

// NewRoot makes a random root key.
func NewRoot() Root {
	var r Root
	_, _ = rand.Read(r.key[:]) // never fails; the program ends instead
	return r
}

// Text is the key as it is stored: base64 with a line feed.
func (r Root) Text() []byte { return append(base64.StdEncoding.AppendEncode(nil, r.key[:]), '\n') }

// ParseRoot reads a stored key: base64 text, or the 32 bytes themselves.
func ParseRoot(stored []byte) (Root, error) {
	var r Root
	if len(stored) == RootSize {
		copy(r.key[:], stored)
		return r, nil
	}
	raw, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(stored)))
	if err != nil || len(raw) != RootSize {
		return r, fmt.Errorf("the root key is not %d bytes in base64; create one with `optup-ledger keygen`, or restore the one that the data was written with", RootSize)
	}
	copy(r.key[:], raw)
	return r, nil
}

// ReadRoot reads a stored key from a file.
func ReadRoot(path string) (Root, error) {
	stored, err := os.ReadFile(path)
	if err != nil {
		return Root{}, fmt.Errorf("the root key cannot be read: %w", err)
	}
	return ParseRoot(stored)
}

// ErrExists reports that there is a key already, which must not be replaced.
var ErrExists = errors.New("a root key exists there; it is never replaced, because a new one loses the link to every consent")

// CreateRoot writes a new key to a file that must not exist yet, readable by its owner only.
func CreateRoot(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return ErrExists
	}
	if err != nil {
		return fmt.Errorf("the root key cannot be written: %w", err)
	}
	_, err = f.Write(NewRoot().Text())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
		return fmt.Errorf("the root key cannot be written: %w", err)
	}
	return nil
}
