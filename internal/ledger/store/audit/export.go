package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

// ErrExport reports what is no whole export.
var ErrExport = errors.New("the export cannot be used")

const (
	exportFormat  = "optup ledger export"
	exportVersion = 1
	// maxLine bounds a line in bytes. An event has at most 64 KiB.
	maxLine = 1 << 20
	// pageSize is how many entries are read at a time.
	pageSize = 1000
)

// Exported is the first line of an export: which log it is of, and up to where.
type Exported struct {
	Format     string           `json:"format"`
	Version    int              `json:"version"`
	Controller string           `json:"controller"`
	KeyID      string           `json:"keyID"`
	Epoch      string           `json:"epoch"`
	Size       consent.Position `json:"size"`
	// Scheme and RootKeys are those of the log, where its key has changed.
	Scheme   store.Scheme    `json:"scheme,omitzero"`
	RootKeys []store.RootKey `json:"rootKeys,omitempty"`
}

// ReadHeader reads the first line of an export. Nothing of it is verified.
func ReadHeader(from io.ReadSeeker) (Exported, error) {
	f := &File{from: from}
	_, err := f.lines()
	return f.Exported, err
}

// line is one place of the log. Entry is text within JSON, because its bytes are what was hashed.
type line struct {
	Position consent.Position `json:"position"`
	Leaf     string           `json:"leaf"`
	Salt     string           `json:"salt,omitempty"`
	Entry    string           `json:"entry,omitempty"`
}

// lastLine ends an export. The checkpoint signs the log, and the statement every byte before: that an entry is gone because its person
// was erased can be seen in no tree.
type lastLine struct {
	Checkpoint string `json:"checkpoint"`
	Statement  string `json:"statement"`
}

// Signer signs as a ledger does. It is keys.Signer.
type Signer interface {
	Checkpoint(epoch string, size consent.Position, root proof.Hash) ([]byte, error)
	Statement(text string) ([]byte, error)
}

func statement(lines hash.Hash) string {
	return "optup.dev/export/v1\n" + hex.EncodeToString(lines.Sum(nil)) + "\n"
}

// Pages reads a log by pages, as store.Proofs does.
type Pages interface {
	Entries(ctx context.Context, from consent.Position, limit int) ([]store.Logged, error)
}

// Export writes a log up to a size as lines of JSON, and signs them. Root is that of the size. What is readable about people besides
// (evidence, addresses) is not in the log, and not in the export.
func Export(ctx context.Context, w io.Writer, x Exported, root proof.Hash, log Pages, signer Signer) error {
	x.Format, x.Version = exportFormat, exportVersion
	lines := sha256.New()
	out := json.NewEncoder(io.MultiWriter(w, lines))
	out.SetEscapeHTML(false)
	if err := out.Encode(x); err != nil {
		return err
	}
	for next := consent.Position(1); next <= x.Size; {
		page, err := log.Entries(ctx, next, int(min(pageSize, x.Size-next+1)))
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return fmt.Errorf("the log ends before position %d; verify the database", next)
		}
		for _, l := range page {
			if l.Position != next {
				return fmt.Errorf("position %d is missing in the log; verify the database", next)
			}
			next++
			if err := out.Encode(line{l.Position, proof.Format(l.Leaf), hex.EncodeToString(l.Salt), string(l.Entry)}); err != nil {
				return err
			}
		}
	}
	checkpoint, err := signer.Checkpoint(x.Epoch, x.Size, root)
	if err != nil {
		return err
	}
	signed, err := signer.Statement(statement(lines))
	if err != nil {
		return err
	}
	return out.Encode(lastLine{string(checkpoint), string(signed)})
}

// File is an export to be read. It is a Log.
type File struct {
	Exported
	// Checkpoint is the one at its end, verified.
	Checkpoint proof.Checkpoint

	from io.ReadSeeker
}

// OpenExport reads an export once and verifies the signatures at its end with the ledger's public key. It fails with ErrExport.
func OpenExport(from io.ReadSeeker, key string) (*File, error) {
	f := &File{from: from}
	lines, err := f.lines()
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	last := bytes.Clone(lines.Bytes())
	for lines.Scan() {
		sum.Write(append(last, '\n'))
		last = append(last[:0], lines.Bytes()...)
	}
	var end lastLine
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrExport, err)
	}
	if json.Unmarshal(last, &end) != nil || end.Checkpoint == "" {
		return nil, fmt.Errorf("%w: it does not end with a checkpoint, so it is not whole; export again", ErrExport)
	}
	c, err := proof.OpenCheckpoint([]byte(end.Checkpoint), key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrExport, err)
	}
	if c.Size != f.Size || c.Origin != proof.Origin(f.KeyID, f.Epoch) {
		return nil, fmt.Errorf("%w: its checkpoint is that of another log", ErrExport)
	}
	if text, err := proof.OpenStatement([]byte(end.Statement), key); err != nil || text != statement(sum) {
		return nil, fmt.Errorf("%w: it was changed after the ledger signed it", ErrExport)
	}
	f.Checkpoint = c
	return f, nil
}

// lines begins to read after the first line.
func (f *File) lines() (*bufio.Scanner, error) {
	if _, err := f.from.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(f.from)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	if !lines.Scan() {
		return nil, fmt.Errorf("%w: it is empty or unreadable", ErrExport)
	}
	var x Exported
	if err := json.Unmarshal(lines.Bytes(), &x); err != nil || x.Format != exportFormat {
		return nil, fmt.Errorf("%w: its first line is not that of an export", ErrExport)
	}
	if x.Version != exportVersion {
		return nil, fmt.Errorf("%w: it is of version %d, this program reads %d", ErrExport, x.Version, exportVersion)
	}
	f.Exported = x
	return lines, nil
}

// Head implements Log.
func (f *File) Head(context.Context) (Head, error) {
	return Head{Head: store.Head{Epoch: f.Epoch, Position: f.Size, Root: f.Checkpoint.Root}, KeyID: f.KeyID}, nil
}

// Entries implements Log.
func (f *File) Entries(ctx context.Context, visit func(Row) error) error {
	lines, err := f.lines()
	if err != nil {
		return err
	}
	for n := 2; lines.Scan(); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		row, last, err := parseLine(lines.Bytes())
		if err != nil {
			return fmt.Errorf("%w: line %d: %w", ErrExport, n, err)
		}
		if last {
			if lines.Scan() {
				return fmt.Errorf("%w: something follows the checkpoint", ErrExport)
			}
			return lines.Err()
		}
		if err := visit(row); err != nil {
			return err
		}
	}
	return errors.Join(lines.Err(), fmt.Errorf("%w: it does not end with a checkpoint", ErrExport))
}

func parseLine(raw []byte) (row Row, last bool, err error) {
	if bytes.HasPrefix(raw, []byte(`{"checkpoint"`)) {
		return row, true, nil
	}
	var l line
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return row, false, fmt.Errorf("it is no place of the log: %w", err)
	}
	leaf, err := hex.DecodeString(l.Leaf)
	if err != nil || len(leaf) != len(row.Leaf) {
		return row, false, errors.New("its leaf is no hash")
	}
	row.Logged = store.Logged{Position: l.Position, Leaf: proof.Hash(leaf)}
	if l.Entry != "" {
		row.Entry = []byte(l.Entry)
	}
	if l.Salt != "" {
		if row.Salt, err = hex.DecodeString(l.Salt); err != nil {
			return row, false, errors.New("its salt is not hexadecimal")
		}
	}
	return row, false, nil
}
