package cli

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
)

// ErrUnsound reports that a ledger is not what it was said to be.
var ErrUnsound = errors.New("the ledger's log is not the one that was signed")

// Checkpoint asks for the newest checkpoint. If a public key is given, it is verified with it; if an older checkpoint is, too, the log has
// to begin with the log of that one. It fails with ErrUnsound.
func (l *Ledger) Checkpoint(ctx context.Context, key, older string) (string, error) {
	body, err := l.send(ctx, http.MethodGet, "/v1/checkpoint", "", nil, "")
	if err != nil {
		return "", err
	}
	note, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err := errors.Join(err, body.Close()); err != nil {
		return "", fmt.Errorf("the ledger's answer broke off: %w", err)
	}
	if key == "" {
		return string(note), nil
	}
	newest, err := proof.OpenCheckpoint(note, key)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnsound, err)
	}
	if older == "" {
		return string(note), nil
	}
	before, err := proof.OpenCheckpoint([]byte(older), key)
	if err != nil {
		return "", err
	}
	return string(note), l.since(ctx, before, newest)
}

// since checks that the newest log begins with an older one.
func (l *Ledger) since(ctx context.Context, before, newest proof.Checkpoint) error {
	if before.Size > newest.Size {
		return fmt.Errorf("%w: it had %d entries and has %d; it was cut, or an older backup was restored", ErrUnsound, before.Size, newest.Size)
	}
	var answer struct {
		Path []string `json:"path"`
	}
	if err := l.call(ctx, http.MethodGet, fmt.Sprintf("/v1/consistency?from=%d&to=%d", before.Size, newest.Size), "", nil, "", &answer); err != nil {
		return err
	}
	path := make([]proof.Hash, len(answer.Path))
	for i, h := range answer.Path {
		b, err := hex.DecodeString(h)
		if err != nil || len(b) != len(path[i]) {
			return fmt.Errorf("%w: its proof holds no hashes", ErrUnsound)
		}
		path[i] = proof.Hash(b)
	}
	if err := proof.VerifyConsistency(before.Size, newest.Size, path, before.Root, newest.Root); err != nil {
		return fmt.Errorf("%w: between %d and %d entries: %w", ErrUnsound, before.Size, newest.Size, err)
	}
	return nil
}

// Receipt asks for the receipt of an event. It needs the role officer.
func (l *Ledger) Receipt(ctx context.Context, p consent.Position) (json.RawMessage, error) {
	var out json.RawMessage
	return out, l.call(ctx, http.MethodGet, fmt.Sprintf("/v1/receipts/%d", p), "", nil, "", &out)
}

// Export writes the whole log to a file that must not exist yet. It needs the role officer.
func (l *Ledger) Export(ctx context.Context, to string) error {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists, and an export is never written over another; give another name with --out: %w", to, err)
	}
	if err != nil {
		return err
	}
	body, err := l.send(ctx, http.MethodGet, "/v1/export", "", nil, "")
	if err == nil {
		_, err = io.Copy(f, body)
		err = errors.Join(err, body.Close())
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(to) // half of an export is of no use
	}
	return err
}
