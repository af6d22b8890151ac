package sqlite

import (
	"errors"
	"fmt"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/storetest"
)

func keyed(n int) store.Append {
	a := storetest.Given(n)
	a.Key, a.Digest = fmt.Sprint("key-", n), [32]byte{byte(n), byte(n >> 8)}
	return a
}

// TestKeysAreKnownWhereverTheyStand: those that wait, after a restart as well, and those in the index, which fills more than once.
func TestKeysAreKnownWhereverTheyStand(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	last := 0
	add := func(n int) {
		t.Helper()
		for n > 0 {
			var all []store.Append
			for range min(n, 500) {
				last++
				all = append(all, keyed(last))
			}
			n -= len(all)
			r, errs, err := s.Append(t.Context(), all...)
			if err := errors.Join(append(errs, err)...); err != nil || r[len(r)-1].Position != consent.Position(last) {
				t.Fatalf("%v, %+v", err, r[len(r)-1])
			}
		}
	}
	known := func(when string) {
		t.Helper()
		for n := 1; n <= last; n += 37 {
			other := keyed(n)
			other.Digest[31] = 1
			r, errs, err := s.Append(t.Context(), keyed(n), other)
			if err != nil || errs[0] != nil || !r[0].Replayed || r[0].Position != consent.Position(n) || !errors.Is(errs[1], store.ErrIdempotency) {
				t.Fatalf("%s, key %d of %d: %+v, %v, %v", when, n, last, r, errs, err)
			}
		}
	}
	index := func() int64 { return pragmaOf(t, s, `SELECT count(*) FROM hashed_keys`) }
	reopen := func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openIn(t, dir)
	}
	add(700)
	known("while they wait")
	if index() != 0 {
		t.Fatalf("%d keys are in the index at once", index())
	}
	reopen()
	known("after a restart")
	add(lateKeys)
	known("as they begin to go into the index")
	add(lateKeys / 2)
	known("while they go into the index")
	if n := index(); n < lateKeys/2 || n > lateKeys || pragmaOf(t, s, `SELECT keyed FROM head`) != 0 {
		t.Fatalf("%d keys are in the index", n)
	}
	reopen()
	known("after a restart with some in the index")
	add(2*lateKeys + 100)
	known("in the index, and waiting again")
	if n, at := index(), pragmaOf(t, s, `SELECT keyed FROM head`); n < lateKeys || at < lateKeys {
		t.Fatalf("%d keys are in the index, all up to position %d", n, at)
	}
	reopen()
	add(2 * lateKeys)
	known("in the index that filled again")
	if got := index(); got < 3*lateKeys {
		t.Fatalf("%d keys are in the index", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestKeysGoOnIntoTheIndexWithEventsThatHaveNone, so that a start has few to remember.
func TestKeysGoOnIntoTheIndexWithEventsThatHaveNone(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	n := 0
	add := func(events int, of func(int) store.Append) {
		t.Helper()
		for range events / 500 {
			all := make([]store.Append, 500)
			for i := range all {
				n++
				all[i] = of(n)
			}
			if _, errs, err := s.Append(t.Context(), all...); errors.Join(append(errs, err)...) != nil {
				t.Fatal(errs, err)
			}
		}
	}
	add(2000, keyed)
	add(2*lateKeys+1000, storetest.Given)
	if got := pragmaOf(t, s, `SELECT keyed FROM head`); got != int64(n) {
		t.Fatalf("keys are in the index up to position %d of %d", got, n)
	}
	if got := pragmaOf(t, s, `SELECT count(*) FROM hashed_keys`); got != 2000 {
		t.Fatalf("%d keys are in the index", got)
	}
}

// TestAKeyThatIsInTheIndexForAnotherEventIsRefused: it is never two events' that are there.
func TestAKeyThatIsInTheIndexForAnotherEventIsRefused(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	add := func(from, to int) error {
		var all []store.Append
		for n := from; n < to; n++ {
			all = append(all, keyed(n))
		}
		_, errs, err := s.Append(t.Context(), all...)
		return errors.Join(append(errs, err)...)
	}
	if err := add(0, lateKeys); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.ExecContext(t.Context(), `INSERT INTO hashed_keys SELECT min(key), 1000 FROM events`); err != nil {
		t.Fatal(err)
	}
	if err := add(lateKeys, lateKeys+10); err == nil {
		t.Fatal("the key of one event is taken for that of another")
	}
}

// TestEventsWithoutKeysLeaveNothingToRemember: a start after many of them does not look at them all.
func TestEventsWithoutKeysLeaveNothingToRemember(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	for n := range 3 {
		if _, errs, err := s.Append(t.Context(), storetest.Given(n)); errors.Join(append(errs, err)...) != nil {
			t.Fatal(errs, err)
		}
	}
	if got := pragmaOf(t, s, `SELECT keyed FROM head`); got != 3 {
		t.Fatalf("keys are in the index up to position %d of 3", got)
	}
}

// TestAKeyOfAnEventThatFailedIsNotRemembered, neither as one that waits nor in the index.
func TestAKeyOfAnEventThatFailedIsNotRemembered(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	n := 0
	for range 2*lateKeys/500 + 2 {
		pages := pragmaOf(t, s, `PRAGMA page_count`)
		pragmaOf(t, s, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+1))
		all := make([]store.Append, 500)
		for i := range all {
			n++
			all[i] = keyed(n)
		}
		if _, _, err := s.Append(t.Context(), all...); !errors.Is(err, store.ErrFull) {
			t.Fatalf("err = %v, want full", err)
		}
		pragmaOf(t, s, `PRAGMA max_page_count = 1073741823`)
		r, errs, err := s.Append(t.Context(), all...)
		if err := errors.Join(append(errs, err)...); err != nil || r[0].Replayed || r[499].Replayed {
			t.Fatalf("%v, %+v", err, r[0])
		}
		if r, errs, err := s.Append(t.Context(), all[7]); err != nil || errs[0] != nil || !r[0].Replayed || r[0].Position != consent.Position(n-492) {
			t.Fatalf("%+v, %v, %v", r, errs, err)
		}
	}
	storetest.Consistent(t, s)
	for i := 1; i <= n; i += 41 {
		if r, errs, err := s.Append(t.Context(), keyed(i)); err != nil || errs[0] != nil || !r[0].Replayed || r[0].Position != consent.Position(i) {
			t.Fatalf("key %d of %d: %+v, %v, %v", i, n, r, errs, err)
		}
	}
}
