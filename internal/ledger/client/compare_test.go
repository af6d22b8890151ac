package client

import (
	"encoding/json"
	"errors"
	"log/slog"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/wire"
)

// told hands one frame to an intake.
func told(t *testing.T, in *intake, typ wire.Type, payload any) error {
	t.Helper()
	raw, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	return in.take(typ, raw)
}

func all(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func helloOf(f *fake, proven consent.Position) wire.Hello {
	return wire.Hello{
		Version: 3, Epoch: "a", KeyID: "k", Key: f.keys.Bytes(), Purposes: []consent.PurposeID{"newsletter"}, Timed: []consent.PurposeID{"newsletter"}, Proven: proven,
	}
}

// followed is a feed at position 2 of the log a, with the checkpoint of that.
func followed(t *testing.T) (*fake, *Feed, *intake) {
	t.Helper()
	f := newFake(t)
	feed := New(Options{Logger: slog.New(slog.DiscardHandler)})
	in := &intake{feed: feed, applied: func() {}}
	all(t, told(t, in, wire.TypeHello, helloOf(f, 0)), told(t, in, wire.TypeSnapshotBegin, nil),
		told(t, in, wire.TypeSnapshotEnd, wire.At{Position: 2, Checkpoint: "of 2"}))
	return f, feed, in
}

// TestALedgerHasToProveWhatItSaid as a stream begins, and with each answer, whatever else it does.
func TestALedgerHasToProveWhatItSaid(t *testing.T) {
	f, feed, _ := followed(t)
	for proven, doubtful := range map[consent.Position]bool{0: true, 1: true, 2: false, 3: true} {
		if err := told(t, &intake{feed: feed}, wire.TypeHello, helloOf(f, proven)); errors.Is(err, errDoubt) != doubtful {
			t.Errorf("a stream that proves %d begins: %v", proven, err)
		}
		s := &session{feed: feed, in: intake{hello: helloOf(f, 2)}}
		err := s.settle(sent{epoch: "a", known: 2, held: feed.holding("a")}, wire.Pong{Epoch: "a", Position: 2, Time: ledgerTime, Proven: proven})
		if errors.Is(err, errDoubt) != doubtful {
			t.Errorf("an answer that proves %d counts: %v", proven, err)
		}
	}
}

// TestAStreamGoesOnFromTheSameOnly: facts for other purposes, of another key, log or position, or that are in doubt, are not what the ledger means.
func TestAStreamGoesOnFromTheSameOnly(t *testing.T) {
	for name, change := range map[string]func(feed *Feed, h *wire.Hello, at *wire.At){
		"":                   func(*Feed, *wire.Hello, *wire.At) {},
		"in doubt":           func(feed *Feed, _ *wire.Hello, _ *wire.At) { feed.distrust() },
		"another log":        func(_ *Feed, h *wire.Hello, _ *wire.At) { h.Epoch = "b" },
		"another key":        func(_ *Feed, h *wire.Hello, _ *wire.At) { h.KeyID = "l" },
		"other purposes":     func(_ *Feed, h *wire.Hello, _ *wire.At) { h.Purposes = []consent.PurposeID{"newsletter", "survey"} },
		"other times":        func(_ *Feed, h *wire.Hello, _ *wire.At) { h.Timed = nil },
		"an earlier place":   func(_ *Feed, _ *wire.Hello, at *wire.At) { at.Position = 1 },
		"a later place":      func(_ *Feed, _ *wire.Hello, at *wire.At) { at.Position = 3 },
		"doubt, another log": func(feed *Feed, h *wire.Hello, _ *wire.At) { feed.distrust(); h.Epoch = "b" },
	} {
		t.Run(name, func(t *testing.T) {
			f, feed, _ := followed(t)
			hello, at := helloOf(f, 2), wire.At{Position: 2}
			change(feed, &hello, &at)
			in := &intake{feed: feed, applied: func() {}}
			all(t, told(t, in, wire.TypeHello, hello))
			if err := told(t, in, wire.TypeResumed, at); errors.Is(err, errDoubt) == (name == "") {
				t.Fatalf("it goes on: %v", err)
			}
			if feed.distrust(); name == "another log" {
				return
			}
			if held, ok := feed.holds(); !ok || held.Resume {
				t.Fatal("facts in doubt are to go on")
			}
		})
	}
}

// TestResumeChecksTheLogItself: greet would have put facts of another log in doubt before.
func TestResumeChecksTheLogItself(t *testing.T) {
	f, feed, _ := followed(t)
	hello := helloOf(f, 2)
	hello.Epoch = "b"
	if _, err := feed.resume(hello, 2); !errors.Is(err, errDoubt) {
		t.Fatalf("facts of one log go on with another: %v", err)
	}
}

// TestAPartOfACommitIsHeldWithItsProof: who is cut in the middle holds the checkpoint of the whole, asks for a snapshot and is told no other log.
func TestAPartOfACommitIsHeldWithItsProof(t *testing.T) {
	f, feed, in := followed(t)
	all(t, told(t, in, wire.TypeChange, wire.Change{Position: 3, People: []wire.Person{f.person("ada@example.org", 3)}, Checkpoint: "of 5", Covers: 5}))
	held, ok := feed.holds()
	if !ok || held.Position != 3 || held.Checkpoint != "of 5" || held.Resume {
		t.Fatalf("%+v", held)
	}
	if err := told(t, &intake{feed: feed}, wire.TypeHello, helloOf(f, 3)); !errors.Is(err, errDoubt) {
		t.Fatalf("a ledger that cannot prove the commit is followed: %v", err)
	}
	all(t, told(t, &intake{feed: feed}, wire.TypeHello, helloOf(f, 5)))
	for at := consent.Position(4); at <= 5; at++ {
		all(t, told(t, in, wire.TypeChange, wire.Change{Position: at, People: []wire.Person{f.person("ada@example.org", at)}}))
	}
	if held, _ = feed.holds(); held.Position != 5 || held.Checkpoint != "of 5" || !held.Resume {
		t.Fatalf("%+v", held)
	}
}

// TestAnAnswerOfAnotherLogIsForgottenWithItsConnection: one that waited for its position does not count for the log that is read next.
func TestAnAnswerOfAnotherLogIsForgottenWithItsConnection(t *testing.T) {
	f := newFake(t)
	feed := New(Options{Logger: slog.New(slog.DiscardHandler)})
	all(t, told(t, &intake{feed: feed}, wire.TypeHello, helloOf(f, 0)), feed.answered("a", 0, moment{ledger: ledgerTime, position: 1}))
	in := &intake{feed: feed, applied: func() {}}
	hello := helloOf(f, 0)
	hello.Epoch = "b"
	all(t, told(t, in, wire.TypeHello, hello), told(t, in, wire.TypeSnapshotBegin, nil), told(t, in, wire.TypeSnapshotEnd, wire.At{Position: 5}))
	if !never(feed)() {
		t.Fatal("facts of one log are fresh by an answer of another")
	}
}

// TestAnAskConfirmsNothingByItself: the ledger is told once the position is reached, and then what was applied.
func TestAnAskConfirmsNothingByItself(t *testing.T) {
	f, feed, in := followed(t)
	said := 0
	in.applied = func() { said++ }
	all(t, told(t, in, wire.TypeAsk, wire.At{Position: 4}), told(t, in, wire.TypeChange, wire.Change{Position: 3, People: []wire.Person{f.person("ada@example.org", 3)}}))
	if said != 0 || feed.known("a") != 3 || feed.known("b") != 0 {
		t.Fatalf("%d, %d", said, feed.known("a"))
	}
	all(t, told(t, in, wire.TypeChange, wire.Change{Position: 4, People: []wire.Person{f.person("ada@example.org", 4)}}))
	if said != 1 || feed.known("a") != 4 {
		t.Fatalf("%d, %d", said, feed.known("a"))
	}
	feed.distrust()
	if feed.known("a") != 0 {
		t.Fatal("facts in doubt are said to be applied")
	}
}

// TestAnAnswerCountsOnce, and those to pings before it no more.
func TestAnAnswerCountsOnce(t *testing.T) {
	var p pings
	for _, nonce := range []string{"one", "two", "three"} {
		p.note(sent{nonce: nonce})
	}
	for _, c := range []struct {
		nonce string
		found bool
	}{{"other", false}, {"two", true}, {"two", false}, {"one", false}, {"three", true}} {
		if one, ok := p.find(c.nonce); ok != c.found || ok && one.nonce != c.nonce {
			t.Errorf("%s: %v %v", c.nonce, one.nonce, ok)
		}
	}
}
