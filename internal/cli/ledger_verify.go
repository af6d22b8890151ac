package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/receipt"
	"github.com/optup/optup/internal/ledger/store/audit"
	"github.com/optup/optup/internal/ledger/store/postgres"
	"github.com/optup/optup/internal/ledger/store/sqlite"
)

// VerifyOptions say what to verify, and with what.
type VerifyOptions struct {
	// Database (SQLite), DatabaseURL (a PostgreSQL URL), Export and Receipt are files, of which one is given.
	Database, DatabaseURL, Export, Receipt string
	// PublicKey is the file of the ledger's public key. Checkpoints are files with checkpoints that were kept.
	PublicKey   string
	Checkpoints []string
	// Wording is a file with a text that the receipt's notice should have; empty for none.
	Wording string
	// Progress is told what was done so far. It may be nil.
	Progress func(step string, done, of consent.Position)
}

func (o *VerifyOptions) key() (string, error) {
	if o.PublicKey == "" {
		return "", errors.New("what is signed needs the ledger's public key: give --public-key with the file that `optup-ledger public-key` writes")
	}
	raw, err := os.ReadFile(o.PublicKey)
	return string(bytes.TrimSpace(raw)), err
}

func (o *VerifyOptions) checkpoints() ([]proof.Checkpoint, error) {
	if len(o.Checkpoints) == 0 {
		return nil, nil
	}
	key, err := o.key()
	if err != nil {
		return nil, err
	}
	var out []proof.Checkpoint
	for _, name := range o.Checkpoints {
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		c, err := proof.OpenCheckpoint(raw, key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, c)
	}
	return out, nil
}

// VerifyLog verifies a database or an export.
func VerifyLog(ctx context.Context, o VerifyOptions) (*audit.Report, error) {
	if o.Wording != "" {
		return nil, errors.New("--wording is compared with a receipt: give --receipt")
	}
	checkpoints, err := o.checkpoints()
	if err != nil {
		return nil, err
	}
	if o.Export == "" && o.PublicKey != "" && len(checkpoints) == 0 {
		return nil, errors.New("nothing in a database is signed, so --public-key verifies nothing by itself: give --checkpoint with a checkpoint that was kept, or leave the key out")
	}
	with := audit.Options{Checkpoints: checkpoints, Progress: o.Progress}
	switch {
	case o.Database != "":
		db, err := sqlite.OpenAudit(ctx, o.Database)
		if err != nil {
			return nil, err
		}
		defer func() { _ = db.Close() }() // it was only read
		return audit.Verify(ctx, db, with)
	case o.DatabaseURL != "":
		db, err := postgres.OpenAudit(ctx, func() (string, error) {
			raw, err := os.ReadFile(o.DatabaseURL)
			return string(bytes.TrimSpace(raw)), err
		})
		if err != nil {
			return nil, err
		}
		defer func() { _ = db.Close() }() // it was only read
		return audit.Verify(ctx, db, with)
	}
	key, err := o.key()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(o.Export)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	x, err := audit.OpenExport(f, key)
	if err != nil {
		return nil, err
	}
	return audit.Verify(ctx, x, with)
}

// VerifiedReceipt is what a receipt proves.
type VerifiedReceipt struct {
	// Holds tells that everything in it is as the ledger signed it; Why says what is not.
	Holds    bool              `json:"holds"`
	Why      string            `json:"why,omitempty"`
	ID       string            `json:"receipt_id,omitempty"`
	Position consent.Position  `json:"position,omitempty"`
	At       time.Time         `json:"event_time,omitzero"`
	Event    consent.EventType `json:"event_type,omitempty"`
	State    string            `json:"event_state,omitempty"`
	Purposes []string          `json:"purposes,omitempty"`
	Notice   consent.NoticeID  `json:"notice,omitempty"`
	Origin   string            `json:"origin,omitempty"`
	// Language is that of the receipt's wording that the given text is.
	Language string `json:"language,omitempty"`
}

// VerifyReceipt verifies a receipt offline.
func VerifyReceipt(o VerifyOptions) (VerifiedReceipt, error) {
	var out VerifiedReceipt
	if len(o.Checkpoints) > 0 {
		return out, errors.New("--checkpoint is compared with a database or an export; a receipt brings its own")
	}
	key, err := o.key()
	if err != nil {
		return out, err
	}
	raw, err := os.ReadFile(o.Receipt)
	if err != nil {
		return out, err
	}
	r, err := receipt.Parse(raw)
	var c proof.Checkpoint
	if err == nil {
		c, err = receipt.Verify(r, key)
	}
	if errors.Is(err, receipt.ErrReceipt) {
		out.Why = err.Error()
		return out, nil
	}
	if err != nil {
		return out, err
	}
	e := r.Record.Event
	out = VerifiedReceipt{Holds: true, ID: r.ReceiptID, Position: r.Proof.Position, At: e.Time, Event: e.Type, State: e.State, Origin: c.Origin}
	for _, p := range r.Record.Processing.Purposes {
		out.Purposes = append(out.Purposes, string(p.Purpose))
	}
	if n := r.Record.Processing.Notice; n != nil {
		out.Notice = n.Name
	}
	if o.Wording == "" {
		return out, nil
	}
	text, err := os.ReadFile(o.Wording)
	if err != nil {
		return out, err
	}
	if out.Language, out.Holds = receipt.Words(r, text); !out.Holds {
		out.Why = "the text is not the wording that the receipt names, byte for byte"
	}
	return out, nil
}

// PrintReport writes what an audit came to.
func PrintReport(w io.Writer, r *audit.Report) error {
	p := &printer{w: w}
	p.line("%d entries, epoch %s", r.Size, r.Epoch)
	p.line("root %s", r.Root)
	if r.Erased > 0 {
		p.line("%d entries were erased with their people; their leaves are left, and hold", r.Erased)
	}
	if r.People > 0 {
		p.line("%d records were compared with what their events come to", r.People)
	}
	if r.Checkpoints == 0 {
		p.line("compared with no checkpoint: a log that was rewritten or cut as a whole looks sound by itself")
	} else {
		p.line("compared with %d checkpoints", r.Checkpoints)
	}
	if r.Sound() {
		p.line("sound")
		return p.err
	}
	p.line("NOT SOUND")
	for _, f := range r.Findings {
		if f.Position == 0 {
			p.line("  %s", f.What)
		} else {
			p.line("  position %d: %s", f.Position, f.What)
		}
	}
	if r.More > 0 {
		p.line("  and %d more", r.More)
	}
	return p.err
}

// PrintReceipt writes what a receipt proves.
func PrintReceipt(w io.Writer, r VerifiedReceipt) error {
	p := &printer{w: w}
	if r.ID != "" {
		p.line("%s", r.ID)
		p.line("position %d of %s, %s", r.Position, r.Origin, r.At.Format(time.RFC3339))
		p.line("%s %s, notice %s: %s", r.Event, r.Purposes, r.Notice, r.State)
	}
	if r.Language != "" {
		p.line("the text is its wording in %q, byte for byte", r.Language)
	}
	if r.Holds {
		p.line("holds")
	} else {
		p.line("DOES NOT HOLD: %s", r.Why)
	}
	return p.err
}
