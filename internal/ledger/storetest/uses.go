package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// decided is a decision with people of some numbers.
func decided(id byte, effect string, first int, people ...int) wire.Decided {
	d := wire.Decided{
		ID: wire.DecisionID{0, id}, At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Effect: effect, Purpose: "newsletter", Service: "shop/esp",
		Policies: []string{"shop/mail/newsletter"}, Generation: 3, Position: 7, First: first,
	}
	for _, n := range people {
		tag := wire.Tag(Tag(n))
		d.Uses = append(d.Uses, wire.Use{Tag: &tag, Reason: "OK_CONSENT", Grant: 2})
	}
	return d
}

func report(t *testing.T, s store.Store, key, workload string, all ...wire.Decided) store.Recorded {
	t.Helper()
	r, err := s.RecordUses(timeout(t), store.UseBatch{Key: key, Namespace: "shop", Workload: workload, Lost: 1, Decisions: all})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func usesOf(t *testing.T, s store.Store, tag consent.Tag, before wire.DecisionID, limit int) []store.Use {
	t.Helper()
	out, err := s.UsesOf(timeout(t), []consent.Tag{tag}, before, limit)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// useRecords: batches count once, parts come together, uses take no position, and they are found by whatever tag names the person.
func useRecords(t *testing.T, open Factory) {
	s := open(t)
	if r := report(t, s, "a", "mailer", decided(1, "", 1, 1, 2), decided(1, "permit", 3, 3)); r.Replayed || r.Refused != 0 {
		t.Fatalf("%+v", r)
	}
	if r := report(t, s, "a", "mailer", decided(1, "deny", 9, 9)); !r.Replayed {
		t.Error("a batch counts twice")
	}
	if r := report(t, s, "b", "thief", decided(1, "deny", 4, 4), decided(2, "deny", 1, 1)); r.Refused != 1 {
		t.Errorf("another workload changed a decision: %+v", r)
	}
	report(t, s, "c", "mailer", decided(1, "deny", 1)) // complete already
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t)
	defer s.Close()
	d, err := s.Decision(timeout(t), wire.DecisionID{0, 1}, 1, 10)
	if err != nil || d.Effect != "permit" || d.Workload != "mailer" || len(d.Uses) != 3 || d.First != 1 || d.Generation != 3 || *d.Uses[2].Tag != wire.Tag(Tag(3)) {
		t.Fatalf("%+v, %v", d, err)
	}
	if d, err := s.Decision(timeout(t), wire.DecisionID{0, 1}, 2, 1); err != nil || d.First != 2 || len(d.Uses) != 1 {
		t.Errorf("a page: %+v, %v", d, err)
	}
	if _, err := s.Decision(timeout(t), wire.DecisionID{9}, 1, 10); !errors.Is(err, store.ErrNoDecision) {
		t.Errorf("an unknown id: %v", err)
	}
	if p := position(t, s); p != 0 {
		t.Errorf("uses took positions up to %d", p)
	}
	uses := usesOf(t, s, Tag(1), wire.DecisionID{}, 10)
	if len(uses) != 2 || uses[0].Decision.ID != (wire.DecisionID{0, 2}) || uses[1].Number != 1 || uses[1].Reason != "OK_CONSENT" || uses[1].Grant != 2 {
		t.Fatalf("%+v", uses)
	}
	if older := usesOf(t, s, Tag(1), uses[0].Decision.ID, 10); len(older) != 1 || older[0].Decision.ID != (wire.DecisionID{0, 1}) {
		t.Errorf("older ones: %+v", older)
	}
	if len(usesOf(t, s, Tag(9), wire.DecisionID{}, 10)) != 0 {
		t.Error("a replayed batch was recorded")
	}
	// Number 1 and number 50 turn out to be one person.
	both := Given(1)
	both.Identities = append(both.Identities, Email(50))
	must(t, s, both)
	if len(usesOf(t, s, Tag(50), wire.DecisionID{}, 10)) != 2 {
		t.Error("uses under another tag of the person are not found")
	}
	for id, want := range map[byte]int{1: 3, 2: 0} {
		if tags, err := s.Permitted(timeout(t), wire.DecisionID{0, id}, "OK_CONSENT"); err != nil || len(tags) != want {
			t.Errorf("decision %d permitted %d people, %v", id, len(tags), err)
		}
	}
	if lost, err := s.LostUses(timeout(t)); err != nil || lost != 3 {
		t.Errorf("%d lost, %v", lost, err)
	}
}

// retention: what is older than its retention goes, with its people.
func retention(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	for i := range 120 {
		report(t, s, string(rune('A'+i)), "mailer", decided(byte(i+1), "permit", 1, 1, 2))
	}
	if n, err := s.ForgetUses(timeout(t), time.Now().Add(-time.Hour)); err != nil || n != 0 {
		t.Fatalf("%d were forgotten too early, %v", n, err)
	}
	if n, err := s.ForgetUses(timeout(t), time.Now().Add(time.Hour)); err != nil || n != 120 {
		t.Fatalf("%d were forgotten, %v", n, err)
	}
	if len(usesOf(t, s, Tag(1), wire.DecisionID{}, 10)) != 0 {
		t.Error("people of forgotten decisions are still there")
	}
}
