package keys

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
)

// Signer signs what a ledger states about its log, with an Ed25519 key of one controller. It is safe for concurrent use, and prints
// redacted.
type Signer struct {
	id, public string
	signer     note.Signer
}

// Signer derives the signing key of a controller.
func (r Root) Signer(controller string) (*Signer, error) {
	s, err := r.Stream(controller)
	if err != nil {
		return nil, err
	}
	seed, err := hkdf.Key(sha256.New, r.key[:], nil, "optup ledger v1 checkpoint key\x00"+controller, ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	name := proof.KeyName(s.ID())
	public, err := note.NewEd25519VerifierKey(name, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return nil, err
	}
	// The library takes private keys as text alone.
	const ed25519Note = 1
	text := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, verifier.KeyHash(), base64.StdEncoding.EncodeToString(append([]byte{ed25519Note}, seed...)))
	signer, err := note.NewSigner(text)
	if err != nil {
		return nil, err
	}
	return &Signer{id: s.ID(), public: public, signer: signer}, nil
}

// String never shows the key.
func (*Signer) String() string { return "signing key:redacted" }

// GoString never shows the key.
func (s *Signer) GoString() string { return s.String() }

// PublicKey is what verifies, in the form of signed notes: name, hash and key.
func (s *Signer) PublicKey() string { return s.public }

// Checkpoint signs which root the log of an epoch has at a size. The caller has seen that it is committed.
func (s *Signer) Checkpoint(epoch string, size consent.Position, root proof.Hash) ([]byte, error) {
	return proof.Checkpoint{Origin: proof.Origin(s.id, epoch), Size: size, Root: root}.Sign(s.signer)
}

// Statement signs a text of other than a checkpoint. Its first line says what it is, and is none of a log.
func (s *Signer) Statement(text string) ([]byte, error) {
	return note.Sign(&note.Note{Text: text}, s.signer)
}
