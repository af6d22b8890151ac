package storetest

import (
	"errors"
	"testing"

	"github.com/optup/optup/internal/ledger/store"
)

// adopted: positions, roots and people stay, the name of the log does not, also for whoever opens it again.
func adopted(t *testing.T, open Factory) {
	s := open(t)
	must(t, s, Given(1))
	before, err := s.Head(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Adopt(timeout(t), "another"); !errors.Is(err, store.ErrEpoch) {
		t.Fatalf("err = %v, want ErrEpoch", err)
	}
	after, err := s.Adopt(timeout(t), before.Epoch)
	if err != nil || after.Epoch == before.Epoch || after.Epoch == "" || after.Position != before.Position || after.Root != before.Root {
		t.Fatalf("before %+v, after %+v, %v", before, after, err)
	}
	if _, err := s.Adopt(timeout(t), before.Epoch); !errors.Is(err, store.ErrEpoch) {
		t.Fatalf("adopted twice: %v", err)
	}
	must(t, s, Given(2))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t)
	defer s.Close()
	if h, err := s.Head(timeout(t)); err != nil || h.Epoch != after.Epoch || h.Position != before.Position+1 {
		t.Fatalf("%+v, %v", h, err)
	}
}

// roots: the last change that is handed on has the root of the log at its position, as the store proves it later.
func roots(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	var handed [][]store.Change
	s.Watch(func(changes []store.Change) { handed = append(handed, changes) })
	must(t, s, Given(1))
	if _, errs, err := s.Append(timeout(t), Given(2), Given(3), Given(4)); errors.Join(append(errs, err)...) != nil {
		t.Fatal(errs, err)
	}
	must(t, s, Given(5))
	for _, changes := range handed {
		last := changes[len(changes)-1]
		if want, err := s.RootAt(timeout(t), last.Event.Position); err != nil || last.Root != want || last.Root == [32]byte{} {
			t.Errorf("at %d: %x, want %x, %v", last.Event.Position, last.Root, want, err)
		}
	}
	if len(handed) == 0 {
		t.Fatal("nobody was told")
	}
}
