package client

import (
	"errors"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/wire"
)

func fresh(f *Feed) func() bool { return func() bool { return f.Now().Age >= 0 } }

func never(f *Feed) func() bool {
	return func() bool { return f.Now().Age < 0 && f.Now().Ledger.IsZero() }
}

func TestFreshnessNeedsTheAppliedPosition(t *testing.T) {
	f, c := newFake(t), &clock{}
	f.head(2)
	feed := f.follow(c, nil)
	if !never(feed)() {
		t.Fatal("a feed is fresh before it began")
	}
	f.snapshot(1, "ada@example.org")
	eventually(t, "the snapshot is applied", func() bool { return feed.Position() == 1 })
	settle()
	if !never(feed)() {
		t.Fatal("a ping that was answered with position 2 made facts of position 1 fresh")
	}
	c.advance(3 * time.Second)
	settle()
	f.answer(func(string) any { return nil }) // so that only the answers from before can count
	settle()
	c.advance(4 * time.Second)
	f.change(2, "ada@example.org")
	eventually(t, "an answer from before counts once its position is applied", fresh(feed))
	if now := feed.Now(); now.Age != 4*time.Second || !now.Ledger.Equal(ledgerTime.Add(4*time.Second)) || now.Position != 2 {
		t.Fatalf("now %+v: age counts from when the ping was sent", now)
	}
}

func TestAgeGrowsWhileTheStreamIsAway(t *testing.T) {
	f, c := newFake(t), &clock{}
	f.head(1)
	feed := f.follow(c, nil)
	f.snapshot(1, "ada@example.org")
	eventually(t, "facts are fresh", fresh(feed))
	f.end()
	eventually(t, "it connects again", func() bool { return f.opened.Load() == 2 })
	settle()
	c.advance(time.Minute)
	settle()
	if now := feed.Now(); now.Age != time.Minute {
		t.Fatalf("age %v, want a minute: nothing proved anything since", now.Age)
	}
	if _, known, err := feed.Lookup(email("ada@example.org"), "newsletter"); err != nil || !known {
		t.Fatalf("the facts are gone: %v, %v", known, err)
	}
	f.snapshot(1, "ada@example.org")
	eventually(t, "facts are fresh again", func() bool { return feed.Now().Age == 0 })
}

func TestDoubtEndsFreshnessUntilANewSnapshot(t *testing.T) {
	for name, c := range map[string]struct {
		doubt func(f *fake)
		epoch string
	}{
		"a gap":                          {doubt: func(f *fake) { f.change(3, "ada@example.org") }},
		"a change that came before":      {doubt: func(f *fake) { f.change(1, "ada@example.org") }},
		"a position that goes back":      {doubt: func(f *fake) { f.send(wire.TypePosition, wire.At{}) }},
		"an unknown critical frame":      {doubt: func(f *fake) { f.send(wire.Critical, nil) }},
		"the last of the critical":       {doubt: func(f *fake) { f.send(255, nil) }},
		"a payload that is no JSON":      {doubt: func(f *fake) { f.frames <- []byte{0, 0, 0, 1, byte(wire.TypeChange), '{'} }},
		"a payload of another shape":     {doubt: func(f *fake) { f.send(wire.TypeChange, []int{1}) }},
		"a change about nobody":          {doubt: func(f *fake) { f.send(wire.TypeChange, wire.Change{Position: 2}) }},
		"a change about one without tag": {doubt: func(f *fake) { f.send(wire.TypeChange, wire.Change{Position: 2, People: make([]wire.Person, 1)}) }},
		"a change that finds no place":   {doubt: func(f *fake) { f.send(wire.TypeChange, wire.Change{Position: 2, People: []wire.Person{f.alike()}}) }},
		"a snapshot that finds no place": {doubt: func(f *fake) {
			f.end()
			f.greet()
			f.send(wire.TypeSnapshotBegin, nil)
			f.people(0, f.alike())
			f.send(wire.TypeSnapshotEnd, wire.At{Position: 2})
		}},
		"a stream that goes on anywhere":  {doubt: func(f *fake) { f.send(wire.TypeResumed, wire.At{Position: 1}) }},
		"a frame beyond limits":           {doubt: func(f *fake) { f.frames <- []byte{0xff, 0, 0, 0, byte(wire.TypePeople)} }},
		"a frame out of order":            {doubt: func(f *fake) { f.greet() }},
		"a snapshot within changes":       {doubt: func(f *fake) { f.send(wire.TypeSnapshotBegin, nil) }},
		"a ping of another log":           {doubt: func(f *fake) { f.epoch = "epoch-2"; f.head(1) }, epoch: "epoch-2"},
		"a ping that stands further back": {doubt: func(f *fake) { f.head(0) }},
	} {
		t.Run(name, func(t *testing.T) {
			f, clk := newFake(t), &clock{}
			f.head(1)
			feed := f.follow(clk, nil)
			f.snapshot(1, "ada@example.org")
			eventually(t, "facts are fresh", fresh(feed))
			c.doubt(f)
			eventually(t, "nothing is fresh", never(feed))
			eventually(t, "it connects again", func() bool { return f.opened.Load() >= 2 })
			settle()
			if !never(feed)() {
				t.Fatal("facts became fresh without a new snapshot")
			}
			if _, known, err := feed.Lookup(email("ada@example.org"), "newsletter"); err != nil || !known {
				t.Fatalf("the facts are gone: %v, %v", known, err)
			}
			f.head(1)
			f.snapshot(1, "bob@example.org")
			eventually(t, "facts are fresh after a new snapshot", fresh(feed))
			if _, known, _ := feed.Lookup(email("ada@example.org"), "newsletter"); known {
				t.Fatal("the old facts are still there")
			}
		})
	}
}

func TestAnotherLogIsNeverMixedWithTheOld(t *testing.T) {
	f, c := newFake(t), &clock{}
	f.head(5)
	feed := f.follow(c, nil)
	f.snapshot(5, "ada@example.org")
	eventually(t, "facts are fresh", fresh(feed))
	f.end()
	eventually(t, "it connects again", func() bool { return f.opened.Load() == 2 })
	f.epoch = "epoch-2"
	f.head(2)
	f.greet()
	eventually(t, "nothing is fresh", never(feed))
	settle()
	if !never(feed)() {
		t.Fatal("facts of the old log are fresh by a ping of the new one")
	}
	f.send(wire.TypeSnapshotBegin, nil)
	f.send(wire.TypeSnapshotEnd, wire.At{Position: 2})
	eventually(t, "the new log counts, from a lower position", func() bool { return fresh(feed)() && feed.Position() == 2 && feed.Epoch() == "epoch-2" })
}

func TestALogThatForgotIsNotFollowed(t *testing.T) {
	f, c := newFake(t), &clock{}
	f.head(5)
	feed := f.follow(c, nil)
	f.snapshot(5, "ada@example.org")
	eventually(t, "facts are fresh", fresh(feed))
	f.end()
	f.snapshot(4)
	eventually(t, "nothing is fresh", never(feed))
	if _, known, err := feed.Lookup(email("ada@example.org"), "newsletter"); !known || err != nil {
		t.Fatal("what a restored ledger forgot was forgotten here, too")
	}
}

func TestAnswersThatProveNothing(t *testing.T) {
	for name, pong := range map[string]func(string) any{
		"to another ping":  func(string) any { return wire.Pong{Nonce: "other", Epoch: "epoch-1", Position: 1, Time: ledgerTime} },
		"without a time":   func(n string) any { return wire.Pong{Nonce: n, Epoch: "epoch-1", Position: 1} },
		"that are refused": func(string) any { return nil },
		"without sense":    func(string) any { return []int{1} },
	} {
		t.Run(name, func(t *testing.T) {
			f, c := newFake(t), &clock{}
			f.answer(pong)
			feed := f.follow(c, nil)
			f.snapshot(1)
			eventually(t, "the snapshot is applied", func() bool { return feed.Position() == 1 })
			settle()
			if !never(feed)() {
				t.Fatal("facts are fresh")
			}
		})
	}
}

func TestUnknownFramesThatAreNotCriticalAreIgnored(t *testing.T) {
	f, c := newFake(t), &clock{}
	f.head(2)
	feed := f.follow(c, nil)
	f.snapshot(1)
	f.send(100, map[string]int{"novel": 1})
	f.send(wire.TypeHeartbeat, nil)
	f.send(wire.TypePosition, wire.At{Position: 2})
	eventually(t, "facts are fresh at position 2", func() bool { return fresh(feed)() && feed.Position() == 2 })
	if f.opened.Load() != 1 {
		t.Fatal("the stream began again")
	}
}

func TestASilentLedgerIsLeft(t *testing.T) {
	f, c := newFake(t), &clock{}
	feed := f.follow(c, func(o *Options) { o.Silence = 30 * time.Millisecond })
	f.snapshot(0)
	eventually(t, "it connects again", func() bool { return f.opened.Load() >= 3 })
	_ = feed
}

func TestLookup(t *testing.T) {
	f, c := newFake(t), &clock{}
	f.head(100)
	feed := f.follow(c, nil)
	if _, _, err := feed.Lookup(email("ada@example.org"), "newsletter"); !errors.Is(err, ErrNotReady) {
		t.Fatalf("before the key: %v", err)
	}
	f.greet()
	eventually(t, "there is a key", func() bool {
		_, known, err := feed.Lookup(email("ada@example.org"), "newsletter")
		return err == nil && !known
	})
	f.send(wire.TypeSnapshotBegin, nil)
	ada := f.person("ada@example.org", 1)
	bySHA, byMD5 := f.person("bob@example.org", 2), f.person("bob@example.org", 3)
	bySHA.Tags, byMD5.Tags = bySHA.Tags[1:2], byMD5.Tags[2:]
	eve := f.person("eve@example.org", 4)
	eve.Tags = eve.Tags[1:2]
	alike, alikeToo := f.person("mia@example.org", 5), f.person("mia@example.org", 5)
	alike.Tags, alikeToo.Tags = alike.Tags[1:2], alikeToo.Tags[2:]
	f.people(0, ada, bySHA, byMD5, eve, alike, alikeToo)
	f.send(wire.TypeSnapshotEnd, wire.At{Position: 4})
	eventually(t, "the snapshot is applied", func() bool { return feed.Position() == 4 })
	if n := feed.Stats().Identifiers; n != 8 {
		t.Fatalf("%d identifiers, want 8", n)
	}
	sha := consent.Derived(email2("ada@example.org"))[0]
	for name, c := range map[string]struct {
		who     consent.Identifier
		purpose consent.PurposeID
		at      int
		err     error
	}{
		"in the clear":                         {email(" ADA@example.org"), "newsletter", 1, nil},
		"by a hash":                            {sha, "newsletter", 1, nil},
		"somebody known by a hash only":        {email("eve@example.org"), "newsletter", 4, nil},
		"somebody unknown":                     {email("zoe@example.org"), "newsletter", 0, nil},
		"hashes of different people":           {email("bob@example.org"), "newsletter", 0, ErrAmbiguous},
		"hashes of people who stand alike":     {email("mia@example.org"), "newsletter", 5, nil},
		"what is no identifier":                {email("nobody"), "newsletter", 0, consent.ErrIdentifier},
		"a purpose that the ledger leaves out": {email("ada@example.org"), "profiling", 0, ErrPurpose},
	} {
		t.Run(name, func(t *testing.T) {
			fact, known, err := feed.Lookup(c.who, c.purpose)
			if !errors.Is(err, c.err) || known != (c.at != 0) || fact.AgeYears != c.at {
				t.Fatalf("fact %d, known %v, %v", fact.AgeYears, known, err)
			}
			// Many at once find the same, whoever else is among them.
			var out [3]Result
			one := Asked{Type: c.who.Type, Form: c.who.Form, Value: []byte(c.who.Value)}
			feed.View().States([]Asked{{Type: "email", Value: []byte("ada@example.org")}, one, {Type: "email"}}, out[:])
			state, err := feed.View().State(one)
			if errors.Is(c.err, ErrPurpose) {
				return
			}
			if out[1].State != state || !errors.Is(out[1].Err, c.err) || !errors.Is(err, c.err) || out[0].Err != nil || !errors.Is(out[2].Err, consent.ErrIdentifier) {
				t.Fatalf("%v, want %v %v", out, state, err)
			}
		})
	}
	// Both turn out to be one person, who then is forgotten.
	both := f.person("bob@example.org", 5)
	f.send(wire.TypeChange, wire.Change{Position: 5, People: []wire.Person{both}})
	eventually(t, "people merged", func() bool { return feed.Position() == 5 })
	if _, known, err := feed.Lookup(email("bob@example.org"), "newsletter"); !known || err != nil || feed.Stats().Identifiers != 9 {
		t.Fatalf("known %v, %v, %d identifiers", known, err, feed.Stats().Identifiers)
	}
	both.Facts = nil
	f.send(wire.TypeChange, wire.Change{Position: 6, People: []wire.Person{both}})
	eventually(t, "one person less", func() bool { return feed.Position() == 6 })
	if _, known, err := feed.Lookup(email("bob@example.org"), "newsletter"); known || err != nil || feed.Stats().Identifiers != 6 {
		t.Fatalf("known %v, %v, %d identifiers", known, err, feed.Stats().Identifiers)
	}
}

func email2(address string) consent.Identifier {
	n, _ := consent.Normalize(email(address))
	return n
}

func TestBootTimeGoesForward(t *testing.T) {
	if a := bootTime(); a <= 0 || bootTime() < a {
		t.Fatal("the clock stands or goes back")
	}
}
