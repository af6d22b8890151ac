package postgres

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/testkit/postgres"
)

// TestAUsedKeyIsFoundByBeingRefused, whichever replica it was used with, and fails nobody who is in the same batch.
func TestAUsedKeyIsFoundByBeingRefused(t *testing.T) {
	url := postgres.Shared(t).Database(t)
	s, other := open(t, url), open(t, url)
	first := append1(t, s, keyed(1, 1))
	if looked := s.database.keys.looked.Load(); looked != 0 {
		t.Fatalf("%d batches were looked at", looked)
	}
	fresh := keyed(2, 2)
	r, errs, err := other.Append(t.Context(), fresh, keyed(1, 1), fresh)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
	if r[0].Position != 2 || r[0].Replayed || !r[1].Replayed || r[1].Position != first.Position || r[1].Leaf != first.Leaf || !r[2].Replayed || r[2].Position != 2 {
		t.Errorf("%+v", r)
	}
	k := &other.database.keys
	if refused, looked := k.refused.Load(), k.looked.Load(); refused != 1 || looked != 1 {
		t.Errorf("%d batches were refused, %d looked at", refused, looked)
	}
	another := keyed(1, 1)
	another.Digest = [32]byte{0xff}
	if _, errs, err := other.Append(t.Context(), another); err != nil || !errors.Is(errs[0], store.ErrIdempotency) {
		t.Error(errs, err)
	}
	// For a while keys are looked at, so that nothing is refused, and then no more.
	if r := append1(t, other, keyed(1, 1)); !r.Replayed {
		t.Errorf("%+v", r)
	}
	if k.looks != careful {
		t.Errorf("%d more batches are looked at", k.looks)
	}
	k.looks = 2 // nobody appends
	for n := range 4 {
		append1(t, other, keyed(3, consent.Position(1000+n)))
	}
	if refused, looked := k.refused.Load(), k.looked.Load(); refused != 1 || looked != 5 {
		t.Errorf("%d batches were refused, %d looked at", refused, looked)
	}
	storetest.Consistent(t, other)
}

// TestWhatIsRefusedMayHaveBeenAppended: a grant that comes again after the person took it back is the one from before, not a new one, which would
// be refused.
func TestWhatIsRefusedMayHaveBeenAppended(t *testing.T) {
	url := postgres.Shared(t).Database(t)
	s := open(t, url)
	first := append1(t, s, keyed(1, 1))
	append1(t, s, storetest.About(1, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"}))
	var events []store.Append
	for n := range 200 { // some of them are on their way to the database when one is refused
		events = append(events, keyed(10+n, consent.Position(10+n)))
	}
	r, errs, err := s.Append(t.Context(), append(events, keyed(1, 1), keyed(1, 5))...)
	if err != nil || errs[200] != nil || !errors.Is(errs[201], consent.ErrConflict) {
		t.Fatal(errs, err)
	}
	if again := r[200]; !again.Replayed || again.Position != first.Position || again.Leaf != first.Leaf || r[199].Position != 202 {
		t.Errorf("%+v, %+v", again, r[199])
	}
	if refused, looked := s.database.keys.refused.Load(), s.database.keys.looked.Load(); refused != 0 || looked != 1 {
		t.Errorf("%d batches were refused, %d looked at", refused, looked)
	}
	storetest.Consistent(t, s)
}

// TestWritersThatTryAgainAppendOnce although all of them try at the same time, through two replicas.
func TestWritersThatTryAgainAppendOnce(t *testing.T) {
	url := postgres.Shared(t).Database(t)
	replicas := []*Store{open(t, url), open(t, url)}
	var all sync.WaitGroup
	const writers, each, keys = 32, 8, 40
	for w := range writers {
		all.Go(func() {
			for n := range each {
				a := storetest.Given(w)
				a.Key = fmt.Sprint((w*each + n*7) % keys)
				if _, errs, err := replicas[w%2].Append(t.Context(), a); err != nil || errs[0] != nil {
					t.Errorf("%v, %v", errs, err)
				}
			}
		})
	}
	all.Wait()
	h, err := replicas[0].Head(t.Context())
	if err != nil || h.Position > keys || h.Position == 0 {
		t.Errorf("%d events of %d keys, %v", h.Position, keys, err)
	}
	if refused := replicas[0].database.keys.refused.Load() + replicas[1].database.keys.refused.Load(); refused == 0 {
		t.Error("nothing was refused, so that nothing is shown")
	}
	storetest.Consistent(t, replicas[0])
}
