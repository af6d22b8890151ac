package shares

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/share"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/test/bench/people"
)

// distinct is how many records there are. Many people have the same, which saves the memory of the benchmark and nothing else: nobody
// compares records.
const distinct = 1 << 16

// ledger is a ledger in memory: records as a store gives them, and changes.
type ledger struct {
	records  []*consent.Record
	count    int
	position consent.Position
	changes  chan []store.Change
}

func newLedger(p people.Population) *ledger {
	l := &ledger{count: p.Count, position: consent.Position(p.Count), changes: make(chan []store.Change, 64)}
	for i := range min(distinct, p.Count) {
		x := p.Person(i)
		r := &consent.Record{Position: consent.Position(i + 1)}
		for n := range people.Purposes {
			r.Grants = append(r.Grants, x.Facts()[people.Purpose(n)].Grants...)
		}
		for g := range r.Grants {
			r.Grants[g].Touchpoint = "shop/form"
		}
		l.records = append(l.records, r)
	}
	return l
}

func (l *ledger) record(i int) *consent.Record { return l.records[i%len(l.records)] }

// tags are those of the three forms of an address.
func tags(i int) []consent.Tag {
	out := make([]consent.Tag, 3)
	r := rand.NewPCG(uint64(i), 1)
	for n := range out {
		binary.LittleEndian.PutUint64(out[n][:], r.Uint64())
		binary.LittleEndian.PutUint64(out[n][8:], r.Uint64())
	}
	return out
}

// Head implements share.Source.
func (l *ledger) Head(context.Context) (store.Head, error) {
	return store.Head{Epoch: "benchmark", Position: l.position, At: people.Now}, nil
}

// Snapshot implements share.Source.
func (l *ledger) Snapshot(ctx context.Context, visit func(share.Identity) error) (store.Head, error) {
	for i := range l.count {
		if err := visit(share.Identity{Tags: tags(i), Group: uint64(i) + 1, Type: consent.IdentifierEmail, Record: l.record(i)}); err != nil {
			return store.Head{}, err
		}
	}
	return l.Head(ctx)
}

// Next implements share.Changes.
func (l *ledger) Next(ctx context.Context) ([]store.Change, error) {
	select {
	case c := <-l.changes:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// change makes so many changes, each of somebody to whatever record another one has.
func (l *ledger) change(n int, seed uint64) []store.Change {
	random := rand.New(rand.NewPCG(seed, 2))
	out := make([]store.Change, n)
	for i := range out {
		l.position++
		who := random.IntN(l.count)
		out[i] = store.Change{Event: consent.Event{Position: l.position, At: people.Now, Type: consent.EventGiven}, People: []store.Person{{
			Group: int64(who) + 1, Tags: tags(who), Type: consent.IdentifierEmail, Record: l.record(random.IntN(distinct)),
		}}}
	}
	return out
}
