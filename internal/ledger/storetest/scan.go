package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// scannerOf gives a store's way to show everybody to who keeps nothing, which is a snapshot for one goroutine where it has no other.
func scannerOf(s store.Store) store.Scanner {
	if scans, ok := s.(store.Scanner); ok {
		return scans
	}
	return snapshots{s}
}

type snapshots struct{ store.Store }

// Scan implements store.Scanner.
func (s snapshots) Scan(ctx context.Context, begin func() func(store.Person) error) (store.Head, error) {
	return s.Snapshot(ctx, begin())
}

// scanned: several goroutines together see whom a snapshot shows, as a snapshot shows them. Of a store that has nothing else, a snapshot
// shows the same twice, and nobody twice.
func scanned(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	scans := scannerOf(s)
	Fill(t, s)
	var many []store.Append
	for n := range 2000 {
		many = append(many, Given(n))
	}
	appendAll(t, s, many)
	want := map[consent.Tag]string{}
	whole, err := s.Snapshot(timeout(t), func(p store.Person) error {
		want[p.Tags[0]] = shown(t, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	got := map[consent.Tag]string{}
	h, err := scans.Scan(timeout(t), func() func(store.Person) error {
		group, seen := int64(0), map[int64]bool{}
		return func(p store.Person) error {
			mu.Lock()
			defer mu.Unlock()
			if got[p.Tags[0]] != "" || (p.Group != group && seen[p.Group]) {
				t.Errorf("%v is shown twice, or apart from the same person's others", p.Tags[0])
			}
			group, seen[p.Group] = p.Group, true
			got[p.Tags[0]] = shown(t, p)
			return nil
		}
	})
	if err != nil || h != whole || len(got) != len(want) {
		t.Fatalf("%d people at %+v, want %d at %+v, %v", len(got), h, len(want), whole, err)
	}
	for tag, p := range want {
		if got[tag] != p {
			t.Errorf("a scan shows %s, a snapshot %s", got[tag], p)
		}
	}
	stop := errors.New("stop")
	if _, err := scans.Scan(timeout(t), func() func(store.Person) error { return func(store.Person) error { return stop } }); !errors.Is(err, stop) {
		t.Errorf("the scan was stopped, and says %v", err)
	}
}

// scannedAtOnce: whatever is appended meanwhile, all goroutines see one moment.
func scannedAtOnce(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	scans := scannerOf(s)
	var many []store.Append
	for n := range 4000 {
		many = append(many, Given(n))
	}
	appendAll(t, s, many)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			default:
				for _, a := range []store.Append{Given(4000 + n), About(n%4000, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"})} {
					if _, errs, err := s.Append(t.Context(), a); err != nil || errs[0] != nil {
						t.Error(errs, err)
						return
					}
				}
			}
		}
	})
	for range 30 {
		var mu sync.Mutex
		people, newest := 0, consent.Position(0)
		h, err := scans.Scan(timeout(t), func() func(store.Person) error {
			return func(p store.Person) error {
				mu.Lock()
				defer mu.Unlock()
				people, newest = people+1, max(newest, p.Record.Position)
				return nil
			}
		})
		// One in two events after the first 4,000 is about somebody new, and the newest event is about somebody.
		if err != nil || newest != h.Position || people != 4000+int(h.Position-4000+1)/2 {
			t.Errorf("%d people, the newest record of %d, at position %d, %v", people, newest, h.Position, err)
		}
	}
	close(done)
	wg.Wait()
}

func shown(t *testing.T, p store.Person) string {
	t.Helper()
	return fmt.Sprint(p.Group, p.Type, p.Tags, text(t, p.Record))
}

func appendAll(t *testing.T, s store.Store, all []store.Append) {
	t.Helper()
	_, errs, err := s.Append(timeout(t), all...)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
}
