package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

var shift atomic.Int64

// Now is the clock that stores of this suite are opened with. It jumps.
func Now() time.Time { return time.Now().Add(time.Duration(shift.Load())) }

// jumps: time in the log never goes back, whatever the clock does.
func jumps(t *testing.T, open Factory) {
	defer shift.Store(0)
	s := open(t)
	defer s.Close()
	first := must(t, s, Given(1))
	shift.Store(int64(-time.Hour))
	back := must(t, s, Given(2))
	if back.At.Before(first.At) {
		t.Errorf("%s after %s", back.At, first.At)
	}
	shift.Store(int64(time.Hour))
	ahead := must(t, s, Given(3))
	if ahead.At.Sub(first.At) < time.Hour {
		t.Errorf("the clock went ahead to %s, the log to %s", Now(), ahead.At)
	}
	shift.Store(0)
	if r := must(t, s, Given(4)); r.At.Before(ahead.At) {
		t.Errorf("%s after %s", r.At, ahead.At)
	}
	if h, err := s.Head(timeout(t)); err != nil || h.At.Before(ahead.At) {
		t.Errorf("the head is of %s, %v", h.At, err)
	}
}

// poisoned: an event that cannot be written, and callers who go away, fail nobody else.
func poisoned(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := range 4 {
				a, ctx := Given(w*10+i), timeout(t)
				switch w % 8 {
				case 0: // JSON has no such year
					a.Event.OccurredAt = time.Date(-20_000, 1, 1, 0, 0, 0, 0, time.UTC)
					if _, errs, err := s.Append(ctx, a); err == nil && errs[0] == nil {
						t.Error("an event of no year was appended")
					}
					continue
				case 1:
					gone, cancel := context.WithCancel(ctx)
					go cancel()
					_, _, _ = s.Append(gone, a)
					continue
				case 2: // some databases take no such text; what becomes of it is its own affair
					a.Key = fmt.Sprintf("key\x00%d", w*10+i)
					_, _, _ = s.Append(ctx, a)
					continue
				}
				if _, errs, err := s.Append(ctx, a); errors.Join(append(errs, err)...) != nil {
					t.Errorf("a sound event failed with others: %v, %v", errs, err)
				}
			}
		})
	}
	wg.Wait()
	for w := range 64 {
		if w%8 > 2 && len(lookup(t, s, Tag(w*10)).Grants) != 1 {
			t.Errorf("the grant of writer %d is not there", w)
		}
	}
	Consistent(t, s)
}

// Full is what has to hold while a database has no room left: writes are refused with store.ErrFull, reads go on, and so does the log once
// there is room again. Fill makes it full and gives what makes room.
func Full(t *testing.T, s store.Store, fill func() (room func())) {
	t.Helper()
	must(t, s, Given(1))
	room := fill()
	wide := Given(2)
	for range consentGoods {
		wide.Event.Goods = append(wide.Event.Goods, "goods that take room, of which there is none")
	}
	refused := error(nil)
	for n := 0; refused == nil && n < 10_000; n++ {
		wide.Identities = []store.Identity{Email(1000 + n)}
		_, errs, err := s.Append(timeout(t), wide)
		refused = errors.Join(append(errs, err)...)
	}
	if !errors.Is(refused, store.ErrFull) {
		t.Fatalf("a full database says %v, want ErrFull", refused)
	}
	full := Sound(t, s)
	if r := lookup(t, s, Tag(1)); len(r.Grants) != 1 {
		t.Errorf("nobody can be read: %+v", r)
	}
	if _, err := s.Snapshot(timeout(t), func(store.Person) error { return nil }); err != nil {
		t.Errorf("no snapshot: %v", err)
	}
	room()
	if r := must(t, s, Given(3)); r.Position != consent.Position(len(full)+1) {
		t.Errorf("the log goes on at %d after %d entries", r.Position, len(full))
	}
	Consistent(t, s)
}

const consentGoods = 200
