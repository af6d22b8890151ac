package receipt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

// ErrReceipt reports a receipt that does not hold.
var ErrReceipt = errors.New("the receipt does not hold")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrReceipt}, args...)...)
}

// statement is what is signed about a receipt: what it is, and the hash of its canonical form (RFC 8785) without the statement.
func statement(r Receipt) (string, error) {
	r.Statement = ""
	raw, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	canonical := jsontext.Value(raw)
	if err := canonical.Canonicalize(); err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return "optup.dev/receipt/v1\n" + r.ReceiptID + "\n" + hex.EncodeToString(sum[:]) + "\n", nil
}

// Parse reads a receipt. What it does not know it refuses, because it could not tell whether that holds.
func Parse(raw []byte) (Receipt, error) {
	var r Receipt
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, refuse("it is no receipt of this version: %w", err)
	}
	if d.More() {
		return r, refuse("something follows it")
	}
	return r, nil
}

// Verify checks a receipt with the public key of its ledger and gives the checkpoint that it rests on. It fails with ErrReceipt.
func Verify(r Receipt, key string) (proof.Checkpoint, error) {
	c, err := proof.OpenCheckpoint([]byte(r.Proof.Checkpoint), key)
	if err != nil {
		return c, refuse("%w", err)
	}
	if err := verifyEntry(&r, c); err != nil {
		return c, err
	}
	return c, verifyStatement(r, key)
}

// verifyEntry checks that the entry is in the log, and that what is told about the event is what the entry says.
func verifyEntry(r *Receipt, c proof.Checkpoint) error {
	salt, err := hex.DecodeString(r.Proof.Salt)
	if err != nil || len(salt) != proof.SaltSize {
		return refuse("the salt is not 16 bytes in hexadecimal")
	}
	leaf := proof.Leaf(proof.Salt(salt), []byte(r.Proof.Entry))
	path := make([]proof.Hash, len(r.Proof.Path))
	for i, h := range r.Proof.Path {
		b, err := hex.DecodeString(h)
		if err != nil || len(b) != len(path[i]) {
			return refuse("step %d of the path is no hash", i)
		}
		path[i] = proof.Hash(b)
	}
	if err := proof.VerifyInclusion(r.Proof.Position, c.Size, leaf, path, c.Root); err != nil {
		return refuse("the entry is not at position %d of the log: %w", r.Proof.Position, err)
	}
	entry, err := store.DecodeEntry([]byte(r.Proof.Entry))
	if err != nil || entry.Event.Position != r.Proof.Position || len(r.Record.Parties) != 1 {
		return refuse("the entry is not that of the position")
	}
	told, want := r.Record, record(entry, r.Record.Parties[0].PartyID)
	if told.Processing.Notice != nil && want.Processing.Notice != nil {
		want.Processing.Notice.Wordings = told.Processing.Notice.Wordings
	}
	want.Processing.Purposes = told.Processing.Purposes
	if purpose := entry.Event.Purpose; purpose != "" && (len(told.Processing.Purposes) != 1 || told.Processing.Purposes[0].Purpose != purpose) {
		return refuse("the purpose is not that of the entry")
	}
	if r.ReceiptID != receiptID(leaf) || !reflect.DeepEqual(told, want) {
		return refuse("what it says of the event is not what the log says")
	}
	return nil
}

// verifyStatement checks the signature over everything else.
func verifyStatement(r Receipt, key string) error {
	text, err := proof.OpenStatement([]byte(r.Statement), key)
	if err != nil {
		return refuse("the statement: %w", err)
	}
	if want, err := statement(r); err != nil || text != want {
		return refuse("it was changed after the ledger signed it")
	}
	return nil
}

// Words tells in which language of the receipt's wording a text is, word for word.
func Words(r Receipt, text []byte) (language string, ok bool) {
	if r.Record.Processing.Notice == nil {
		return "", false
	}
	sum := sha256.Sum256(text)
	i := slices.IndexFunc(r.Record.Processing.Notice.Wordings, func(w Wording) bool { return w.SHA256 == hex.EncodeToString(sum[:]) })
	if i < 0 {
		return "", false
	}
	return r.Record.Processing.Notice.Wordings[i].Language, true
}
