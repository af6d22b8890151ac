package sqlite

import (
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/storetest"
)

// TestNothingIsBegunOnceATransactionIsSettled: whoever uses the connection then is alone with it, also where nobody waited for what was loaded.
func TestNothingIsBegunOnceATransactionIsSettled(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	for range 2000 {
		tx, err := s.database.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all, _ := tx.(*transaction)
		if _, err := all.Head(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := all.WriteEvents(t.Context(), &journal.Delta{}); err != nil {
			t.Fatal(err)
		}
		ran := false
		all.LoadAhead(t.Context(), []consent.Tag{storetest.Tag(1)}, nil)
		all.loads <- func() { ran = true }
		if err := all.settle(); err != nil {
			t.Fatal(err)
		}
		if !ran || all.idle != nil {
			t.Fatalf("loaded %v, idle %v", ran, all.idle != nil)
		}
		tx.Rollback()
	}
}
