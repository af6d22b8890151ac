package proof

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/optup/optup/internal/consent"
)

// ErrCheckpoint reports what is no checkpoint, or none of the ledger that it should be of.
var ErrCheckpoint = errors.New("the checkpoint is not valid")

// Checkpoint says which root a log had at a size. Signed, it is a note of three lines: origin, size, and root in base64.
type Checkpoint struct {
	// Origin names the log; see Origin.
	Origin string
	Size   consent.Position
	Root   Hash
}

const originPrefix = "optup.dev/ledger/"

// KeyName names the key that signs the checkpoints of a ledger. It stays the same as long as the root key does, so that it can be pinned.
func KeyName(keyID string) string { return originPrefix + keyID }

// Origin names a log: that of the ledger with a key, in an epoch. A database that was restored goes on in another epoch.
func Origin(keyID, epoch string) string { return KeyName(keyID) + "/" + epoch }

// Epoch is that of the origin.
func (c Checkpoint) Epoch() string { return c.Origin[strings.LastIndexByte(c.Origin, '/')+1:] }

// Text is what is signed.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatUint(uint64(c.Size), 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// Sign signs a checkpoint.
func (c Checkpoint) Sign(by note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.Text()}, by)
}

func open(signed []byte, key string) (text, name string, err error) {
	verifier, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return "", "", fmt.Errorf("the public key is not readable; give it as `optup-ledger public-key` prints it: %w", err)
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	return n.Text, verifier.Name(), nil
}

// OpenStatement verifies something else that a ledger signed, and gives its text. It fails with ErrCheckpoint.
func OpenStatement(signed []byte, key string) (string, error) {
	text, _, err := open(signed, key)
	return text, err
}

// OpenCheckpoint verifies a signed checkpoint with the ledger's public key. It fails with ErrCheckpoint.
func OpenCheckpoint(signed []byte, key string) (Checkpoint, error) {
	text, name, err := open(signed, key)
	if err != nil {
		return Checkpoint{}, err
	}
	c, err := parseCheckpoint(text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != name+"/"+c.Epoch() {
		return Checkpoint{}, fmt.Errorf("%w: the key %s does not sign for %s", ErrCheckpoint, name, c.Origin)
	}
	return c, nil
}

// parseCheckpoint reads the one spelling of a checkpoint.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return Checkpoint{}, fmt.Errorf("%w: it has not three lines", ErrCheckpoint)
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	root, errRoot := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || errRoot != nil || len(root) != len(Hash{}) || !strings.HasPrefix(lines[0], originPrefix) {
		return Checkpoint{}, fmt.Errorf("%w: its lines are not origin, size and root", ErrCheckpoint)
	}
	c := Checkpoint{Origin: lines[0], Size: consent.Position(size), Root: Hash(root)}
	if c.Text() != text {
		return Checkpoint{}, fmt.Errorf("%w: it is not spelled as it is signed", ErrCheckpoint)
	}
	return c, nil
}
