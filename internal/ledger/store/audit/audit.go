package audit

import (
	"context"
	"fmt"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

// Head is the end of a log as it is stored.
type Head struct {
	store.Head
	// KeyID names the key that tags were made with.
	KeyID string
	// Frontier is that of the log, as it is encoded.
	Frontier []byte
}

// Row is one place of the log. Named are the numbers of the identities that it is about, where the source knows them.
type Row struct {
	store.Logged
	Named []int64
	// Previous is the place before that is about the first of Named. Chained tells that the source keeps it.
	Previous consent.Position
	Chained  bool
}

// Identity is one identity as it is stored. Record is its own, in JSON.
type Identity struct {
	ID, Cluster int64
	Type        consent.IdentifierType
	Tags        []consent.Tag
	Record      []byte
	// Latest is the newest place that is about it first; 0 where the source does not keep it.
	Latest consent.Position
}

// Log is what every source has: the log itself, from its first entry to its last.
type Log interface {
	Head(ctx context.Context) (Head, error)
	// Entries visits the log in the order of positions.
	Entries(ctx context.Context, visit func(Row) error) error
}

// Database is a source that also has what follows from the log, all of it as of one moment.
type Database interface {
	Log
	// Nodes visits the nodes of the tree by level and index.
	Nodes(ctx context.Context, visit func(proof.Node) error) error
	// Tags visits what tags lead to, in no order.
	Tags(ctx context.Context, visit func(consent.Tag, int64) error) error
	// Identities visits identities by number.
	Identities(ctx context.Context, visit func(Identity) error) error
	// Links visits links in no order.
	Links(ctx context.Context, visit func(consent.Link) error) error
}

// Options say what to check a log against.
type Options struct {
	// Checkpoints were signed by the ledger earlier, and kept elsewhere. Their signatures are verified already.
	Checkpoints []proof.Checkpoint
	// Progress is told of what was done, some times a second at most. It may be nil.
	Progress func(step string, done, of consent.Position)
}

// Finding is something wrong.
type Finding struct {
	// Position is where it begins; 0 where it is not about one place.
	Position consent.Position `json:"position,omitempty"`
	What     string           `json:"what"`
}

// Report is what an audit came to.
type Report struct {
	Epoch  string           `json:"epoch"`
	KeyID  string           `json:"keyID,omitempty"`
	Size   consent.Position `json:"size"`
	Root   string           `json:"root"`
	Erased int              `json:"erased"`
	// People are the identities whose record was folded again.
	People int `json:"people,omitempty"`
	// Checkpoints are those that the log was compared with.
	Checkpoints int `json:"checkpoints"`
	// Findings are the first of them, those of the log in its order; More counts the others.
	Findings []Finding `json:"findings,omitempty"`
	More     int       `json:"more,omitempty"`
}

// Sound tells that nothing was found.
func (r *Report) Sound() bool { return len(r.Findings) == 0 }

// maxFindings bounds a report: whoever has to restore does not need the rest.
const maxFindings = 20

func (r *Report) add(p consent.Position, format string, args ...any) {
	if len(r.Findings) == maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, Finding{Position: p, What: fmt.Sprintf(format, args...)})
}

// Verify checks a log, and what follows from it where the source has that. An error means that it could not be read; what is wrong with
// it stands in the report.
func Verify(ctx context.Context, from Log, o Options) (*Report, error) {
	if o.Progress == nil {
		o.Progress = func(string, consent.Position, consent.Position) {}
	}
	head, err := from.Head(ctx)
	if err != nil {
		return nil, err
	}
	r := &Report{Epoch: head.Epoch, KeyID: head.KeyID, Checkpoints: len(o.Checkpoints)}
	t := &tree{report: r, head: head, options: o}
	db, isDatabase := from.(Database)
	if isDatabase {
		t.replay = newReplay(r)
		if err := t.replay.load(ctx, db); err != nil {
			return nil, err
		}
	}
	if err := from.Entries(ctx, t.row); err != nil {
		return nil, err
	}
	t.end()
	if !isDatabase {
		return r, nil
	}
	if err := t.nodes(ctx, db); err != nil {
		return nil, err
	}
	return r, t.replay.end(ctx, db)
}
