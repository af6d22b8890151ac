package journal_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/storetest"
)

// expecting is a database that is told before the head what is going to be loaded. Head may fail.
type expecting struct {
	*storetest.Memory
	head     func() error
	expected [][]consent.Tag
	loaded   [][]consent.Tag
}

type expectingTx struct {
	journal.Tx
	d *expecting
}

func (d *expecting) Begin(ctx context.Context) (journal.Tx, error) {
	tx, err := d.Memory.Begin(ctx)
	return &expectingTx{tx, d}, err
}

func (t *expectingTx) Expect(tags []consent.Tag) { t.d.expected = append(t.d.expected, tags) }

func (t *expectingTx) Head(ctx context.Context) (journal.Head, error) {
	if err := t.d.head(); err != nil {
		return journal.Head{}, fmt.Errorf("%w: %w", journal.ErrAgain, err)
	}
	return t.Tx.Head(ctx)
}

func (t *expectingTx) Load(ctx context.Context, tags []consent.Tag, keys []string) (journal.Loaded, error) {
	t.d.loaded = append(t.d.loaded, tags)
	return t.Tx.Load(ctx, tags, keys)
}

// TestWhatWasExpectedIsLoadedAfterAFailure: a batch whose head could not be had has asked for nothing. What it rests on is asked for again, or
// somebody who is known would be taken for new.
func TestWhatWasExpectedIsLoadedAfterAFailure(t *testing.T) {
	d := &expecting{Memory: storetest.NewMemory(), head: func() error { return nil }}
	j := journal.New(d, time.Now)
	defer j.Close()
	if _, err := appendOne(t, j, 1); err != nil {
		t.Fatal(err)
	}
	d.head = once() // nobody appends
	if _, err := appendOne(t, j, 1); err != nil {
		t.Fatal(err)
	}
	want := storetest.Given(1).Identities[0].Tags
	for name, got := range map[string][][]consent.Tag{"expected": d.expected, "loaded": d.loaded} {
		if !slices.Equal(got[len(got)-1], want) {
			t.Errorf("in the end %v was %s", got[len(got)-1], name)
		}
	}
	if len(d.expected) != 3 || len(d.loaded) != 2 {
		t.Errorf("expected %d times, loaded %d times", len(d.expected), len(d.loaded))
	}
	if r := d.Record(want[0]); len(r.Grants) != 2 {
		t.Errorf("two grants came to %+v", r)
	}
}
