package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// noon is the time of tests about what is due: not that of the machine.
var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// vault are the tests of a vault.
var vault = map[string]func(*testing.T, Factory){
	"attachments come with their event, or not at all":          attached,
	"attachments are the identity's, and survive opening again": attachedTo,
	"an attachment without an event needs somebody":             attachedAlone,
	"what is due is handed to one of many, and never lost":      leased,
	"what was shredded stays so, and a new start has a new key": shredded,
	"an erased event shreds for every identity of the person":   shreddedByErasure,
	"an id is spent once, and again after it expired":           spent,
	"64 who want the same id agree on one":                      spentAtOnce,
	"a request for erasure leaves word of itself":               remembered,
}

// with gives an append with attachments.
func with(a store.Append, more ...store.Attachment) store.Append {
	a.Attachments = more
	return a
}

func evidence(text string) store.Attachment {
	return store.Attachment{Kind: store.KindEvidence, Body: []byte(text)}
}

func mail(text string, due time.Time) store.Attachment {
	return store.Attachment{Kind: store.KindMail, Body: []byte(text), Due: due}
}

func attachments(t *testing.T, s store.Store, n int, kinds ...string) []store.Attached {
	t.Helper()
	all, err := s.Attachments(timeout(t), Tag(n), kinds...)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func bodies(all []store.Attached) (out []string) {
	for _, a := range all {
		out = append(out, a.Kind+" "+string(a.Body))
	}
	return out
}

func wantBodies(t *testing.T, got []store.Attached, want ...string) {
	t.Helper()
	b := bodies(got)
	if len(b) != len(want) {
		t.Fatalf("attachments %q, want %q", b, want)
	}
	for i := range b {
		if b[i] != want[i] {
			t.Fatalf("attachments %q, want %q", b, want)
		}
	}
}

func attached(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	a := with(Given(1), evidence("one"))
	a.Key, a.Digest = "key-1", [32]byte{1}
	first := must(t, s, a)
	must(t, s, a) // again, with the same key
	got := attachments(t, s, 1)
	wantBodies(t, got, "evidence one")
	if got[0].Position != first.Position || got[0].Tag != Tag(1) || !got[0].Due.Equal(first.At.Add(store.EvidenceLook)) {
		t.Fatalf("position %d, due %v", got[0].Position, got[0].Due)
	}
	must(t, s, About(1, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"}))
	if err := refusal(t, s, with(Given(1), evidence("refused"))); !errors.Is(err, consent.ErrConflict) {
		t.Fatal(err)
	}
	if err := refusal(t, s, with(About(2, consent.Event{Type: "nonsense"}), evidence("nonsense"))); !errors.Is(err, consent.ErrInvalid) {
		t.Fatal(err)
	}
	wantBodies(t, attachments(t, s, 1), "evidence one")
	wantBodies(t, attachments(t, s, 2))
}

func attachedTo(t *testing.T, open Factory) {
	s := open(t)
	address := store.Attachment{Kind: store.KindAddress, Body: []byte("ada")}
	must(t, s, with(Given(1), address, evidence("one")))
	both := Given(2)
	both.Identities = append(both.Identities, Email(3))
	must(t, s, with(both, evidence("two")))
	must(t, s, with(Given(1), address, evidence("three"))) // an address is kept once
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t)
	defer s.Close()
	wantBodies(t, attachments(t, s, 1), "address ada", "evidence one", "evidence three")
	wantBodies(t, attachments(t, s, 1, store.KindAddress, store.KindMail), "address ada")
	wantBodies(t, attachments(t, s, 2), "evidence two")
	wantBodies(t, attachments(t, s, 3)) // linked, and still somebody else's
	wantBodies(t, attachments(t, s, 4))
	must(t, s, with(Given(1), evidence("four")))
	wantBodies(t, attachments(t, s, 1, store.KindEvidence), "evidence one", "evidence three", "evidence four")
}

func attachedAlone(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	if known, err := s.Attach(timeout(t), Tag(1), mail("nobody", noon)); err != nil || known {
		t.Fatalf("%v, %v", known, err)
	}
	must(t, s, Given(1))
	if known, err := s.Attach(timeout(t), Tag(1), mail("somebody", noon)); err != nil || !known {
		t.Fatalf("%v, %v", known, err)
	}
	got := attachments(t, s, 1)
	wantBodies(t, got, "mail somebody")
	if got[0].Position != 0 || !got[0].Due.Equal(noon) {
		t.Fatalf("%d, %v", got[0].Position, got[0].Due)
	}
}

func due(t *testing.T, s store.Store, now time.Time, limit int) []store.Attached {
	t.Helper()
	all, err := s.Due(timeout(t), store.KindMail, now, time.Minute, limit)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func leased(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	const mails = 40
	for n := range mails {
		must(t, s, with(Given(n), mail("hello", noon.Add(time.Duration(n)*time.Second)), evidence("never due")))
	}
	if early := due(t, s, noon.Add(-time.Second), mails); len(early) != 0 {
		t.Fatalf("%d are handed out early", len(early))
	}
	if first := due(t, s, noon.Add(time.Second), mails); len(first) != 2 || first[0].Tries != 1 || first[0].Tag != Tag(0) {
		t.Fatalf("%d are handed out", len(first))
	}
	now := noon.Add(mails * time.Second)
	if b, err := s.Backlog(timeout(t), store.KindMail, now); err != nil || b.Waiting != mails || !b.Oldest.Equal(noon) {
		t.Fatalf("%+v, %v", b, err)
	}
	var mu sync.Mutex
	seen := map[store.AttachmentID]int{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				got, err := s.Due(t.Context(), store.KindMail, now, time.Minute, 3)
				if err != nil || len(got) > 3 {
					t.Errorf("%d, %v", len(got), err)
					return
				}
				if len(got) == 0 {
					return
				}
				mu.Lock()
				for _, a := range got {
					seen[a.ID]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, n := range seen {
		if n != 1 {
			t.Fatalf("one was handed to %d", n)
		}
	}
	if len(seen) != mails-2 {
		t.Fatalf("%d were handed out, want %d", len(seen), mails-2)
	}
	// Nobody settled: they come again, once their lease is over.
	if again := due(t, s, now.Add(2*time.Minute), mails); len(again) != mails || again[0].Tries != 2 {
		t.Fatalf("%d come again", len(again))
	}
	got := attachments(t, s, 1, store.KindMail)
	for id, next := range map[store.AttachmentID]time.Time{got[0].ID: {}, attachments(t, s, 2, store.KindMail)[0].ID: now.Add(time.Hour)} {
		if err := errors.Join(s.Settle(timeout(t), id, next), s.Settle(timeout(t), id, next)); err != nil {
			t.Fatal(err)
		}
	}
	wantBodies(t, attachments(t, s, 1), "evidence never due")
	if rest := due(t, s, now.Add(10*time.Minute), mails); len(rest) != mails-2 {
		t.Fatalf("%d are left", len(rest))
	}
	if late := due(t, s, now.Add(time.Hour), 1); len(late) != 1 {
		t.Fatal("what was put off is gone")
	}
	if b, err := s.Backlog(timeout(t), store.KindMail, noon); err != nil || b.Waiting != 1 {
		t.Fatalf("%+v, %v", b, err)
	}
}

func shredded(t *testing.T, open Factory) {
	s := open(t)
	must(t, s, with(Given(1), evidence("one"), mail("one", noon)))
	must(t, s, with(Given(2), evidence("two")))
	if err := s.Shred(timeout(t), Tag(1), Tag(77)); err != nil {
		t.Fatal(err)
	}
	wantBodies(t, attachments(t, s, 1))
	if all := due(t, s, noon, 10); len(all) != 0 {
		t.Fatalf("a message to somebody who was erased is due: %d", len(all))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t)
	defer s.Close()
	wantBodies(t, attachments(t, s, 1))
	wantBodies(t, attachments(t, s, 2), "evidence two")
	must(t, s, with(Given(1), evidence("anew")))
	wantBodies(t, attachments(t, s, 1), "evidence anew")
	if r := lookup(t, s, Tag(1)); len(r.Grants) != 2 {
		t.Fatalf("shredding changed the record: %d grants", len(r.Grants))
	}
}

func shreddedByErasure(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	both := Given(1)
	both.Identities = append(both.Identities, Email(2))
	must(t, s, with(both, evidence("one")))
	must(t, s, with(Given(2), evidence("two")))
	must(t, s, with(Given(3), evidence("three")))
	must(t, s, About(1, consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer}))
	wantBodies(t, attachments(t, s, 1))
	wantBodies(t, attachments(t, s, 2))
	wantBodies(t, attachments(t, s, 3), "evidence three")
}

func spend(t *testing.T, s store.Store, id, by byte, now, expires time.Time) bool {
	t.Helper()
	mine, err := s.Spend(timeout(t), [16]byte{id}, [16]byte{by}, now, expires)
	if err != nil {
		t.Fatal(err)
	}
	return mine
}

func spent(t *testing.T, open Factory) {
	s := open(t)
	later := noon.Add(time.Hour)
	if !spend(t, s, 1, 1, noon, later) || !spend(t, s, 1, 1, noon, later.Add(time.Hour)) {
		t.Fatal("the first one does not get it")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t)
	defer s.Close()
	if spend(t, s, 1, 2, later.Add(-time.Nanosecond), later.Add(time.Hour)) {
		t.Fatal("it is spent twice")
	}
	if !spend(t, s, 2, 2, noon, later) {
		t.Fatal("another id is taken with it")
	}
	if !spend(t, s, 1, 2, later, later.Add(time.Hour)) || spend(t, s, 1, 1, later, later.Add(time.Hour)) {
		t.Fatal("it is not free after it expired, or free for both")
	}
}

func spentAtOnce(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	var first atomic.Int32
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			mine, err := s.Spend(t.Context(), [16]byte{1}, [16]byte{byte(n)}, noon, noon.Add(time.Hour))
			if err != nil {
				t.Error(err)
			}
			if mine {
				first.Add(1)
			}
		})
	}
	wg.Wait()
	if first.Load() != 1 {
		t.Fatalf("%d got it", first.Load())
	}
}

func remembered(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	must(t, s, Given(1))
	r := must(t, s, About(1, consent.Event{Type: consent.EventErasureRequested}))
	got, err := s.Due(timeout(t), store.KindErasure, r.At, time.Minute, 10)
	if err != nil || len(got) != 1 || got[0].Tag != Tag(1) || got[0].Position != r.Position {
		t.Fatalf("%d are due, %v", len(got), err)
	}
}
