package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ledger/wire"
	"github.com/optup/optup/internal/testkit"
)

const benchPeople = 333_334

// worth gives the facts of the nth kind of person for 8 purposes.
func worth(n int) map[consent.PurposeID]consent.Fact {
	out := map[consent.PurposeID]consent.Fact{}
	for p := range 8 {
		purpose := consent.PurposeID(fmt.Sprintf("purpose-%d", p))
		g := consent.Grant{Purpose: purpose, Status: consent.StatusWithdrawn}
		if n>>p&1 == 0 {
			g = consent.Grant{Purpose: purpose, Notice: "newsletter-2026-1", Status: consent.StatusGiven, Proof: consent.ProofMailboxConfirmed}
		}
		out[purpose] = consent.Fact{Untimed: true, Grants: []consent.Grant{g}}
	}
	return out
}

// snapshotOf gives the frames of a snapshot as a ledger sends it, and the same people as JSON.
func snapshotOf(tb testing.TB, people int) (frames, text []byte) {
	tb.Helper()
	must := func(raw []byte, err error) []byte {
		if err != nil {
			tb.Fatal(err)
		}
		return raw
	}
	var purposes []consent.PurposeID
	for p := range 8 {
		purposes = append(purposes, consent.PurposeID(fmt.Sprintf("purpose-%d", p)))
	}
	tagger, _ := consent.NewTagger(make([]byte, 32))
	frames = must(wire.Append(nil, wire.TypeHello, wire.Hello{Version: wire.Version, Epoch: "e", Key: make([]byte, 32), Purposes: purposes}))
	frames = must(wire.Append(frames, wire.TypeSnapshotBegin, nil))
	var combinations, list []byte
	for n := range 256 {
		combinations = wire.AppendFacts(combinations, facts.Encode(nil, worth(n)))
	}
	frames = must(wire.AppendRaw(frames, wire.TypeFacts, combinations))
	var part wire.People
	for n := range people {
		var tags []consent.Tag
		one := wire.Person{Facts: worth(n % 256)}
		for _, form := range consent.Forms {
			tag, err := tagger.Tag(consent.Identifier{Type: consent.IdentifierCustomer, Value: fmt.Sprint(form, n)})
			if err != nil {
				tb.Fatal(err)
			}
			tags = append(tags, tag)
			one.Tags = append(one.Tags, wire.Tag(tag))
		}
		list = wire.AppendPerson(list, uint32(n%256), tags)
		if part.People = append(part.People, one); len(part.People) == 1000 || n == people-1 {
			frames, list = must(wire.AppendRaw(frames, wire.TypePeople, list)), list[:0]
			text = must(wire.Append(text, wire.TypePeople, part))
			part.People = nil
		}
	}
	return must(wire.Append(frames, wire.TypeSnapshotEnd, wire.At{Position: 1})), text
}

func load(tb testing.TB, frames []byte) *Feed {
	tb.Helper()
	feed := New(Options{Logger: slog.New(slog.DiscardHandler)})
	in := intake{feed: feed}
	r := wire.NewReader(bytes.NewReader(frames))
	for {
		t, payload, err := r.Next()
		if err == io.EOF { //nolint:errorlint // the reader gives the very value
			return feed
		}
		if err == nil {
			err = in.take(t, payload)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// TestOnlyAPromiseSparesTheHashes: they are looked for unless the ledger said that there is nobody to find.
func TestOnlyAPromiseSparesTheHashes(t *testing.T) {
	fake := newFake(t)
	hash := consent.Derived(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: "bob@example.org"})[0]
	tags, err := fake.keys.Tags(hash)
	if err != nil {
		t.Fatal(err)
	}
	bob := wire.Person{Tags: []wire.Tag{wire.Tag(tags[0])}, Facts: fake.person("bob@example.org", 1).Facts}
	for promise, want := range map[bool]bool{false: true, true: false} {
		feed := New(Options{Logger: slog.New(slog.DiscardHandler)})
		in := intake{feed: feed}
		take := func(typ wire.Type, payload any) {
			t.Helper()
			raw, err := json.Marshal(payload)
			if err == nil {
				err = in.take(typ, raw)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		take(wire.TypeHello, wire.Hello{Version: wire.Version, Epoch: "e", Key: fake.keys.Bytes(), Purposes: []consent.PurposeID{"newsletter"}})
		take(wire.TypeSnapshotBegin, nil)
		take(wire.TypeSnapshotEnd, wire.At{Plain: promise})
		take(wire.TypeChange, wire.Change{Position: 1, People: []wire.Person{bob}})
		if _, known, err := feed.Lookup(email("bob@example.org"), "newsletter"); err != nil || known != want {
			t.Errorf("promised %v: known %v, %v", promise, known, err)
		}
		take(wire.TypeChange, wire.Change{Position: 2, Hashed: true, People: []wire.Person{bob}})
		if _, known, err := feed.Lookup(email("bob@example.org"), "newsletter"); err != nil || !known {
			t.Errorf("promised %v and taken back: %v, %v", promise, known, err)
		}
	}
}

func TestLookingUpDoesNotAllocate(t *testing.T) {
	frames, _ := snapshotOf(t, 1000)
	v := load(t, frames).View()
	var asked []Asked
	for n := range 100 {
		asked = append(asked, Asked{Type: consent.IdentifierCustomer, Value: fmt.Appendf(nil, "Plain%d", n)})
	}
	asked = append(asked, Asked{Type: consent.IdentifierEmail, Value: []byte("Nobody@Example.org")})
	out := make([]Result, len(asked))
	v.States(asked, out)
	for i := range 100 {
		if out[i].Err != nil || !out[i].State.Known() {
			t.Fatalf("%d: %+v", i, out[i])
		}
	}
	if testkit.Race {
		return
	}
	for name, f := range map[string]func(){
		"known":   func() { _, _ = v.State(asked[0]) },
		"unknown": func() { _, _ = v.State(asked[100]) },
		"batch":   func() { v.States(asked, out) },
		"facts":   func() { _, _, _ = v.Find(asked[0]) },
	} {
		if n := testing.AllocsPerRun(200, f); n >= 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestASnapshotComesIntoForceAtOnce: nobody sees a part of one.
func TestASnapshotComesIntoForceAtOnce(t *testing.T) {
	frames, _ := snapshotOf(t, 20_000)
	feed := New(Options{Logger: slog.New(slog.DiscardHandler)})
	in := intake{feed: feed}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			if v := feed.View(); v != nil {
				if n := v.table.Len(); n != 0 && n != 60_000 {
					t.Errorf("%d identifiers", n)
					return
				}
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	r := wire.NewReader(bytes.NewReader(frames))
	for {
		typ, payload, err := r.Next()
		if err != nil {
			break
		}
		if err := in.take(typ, payload); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	wg.Wait()
	if feed.Stats().Identifiers != 60_000 {
		t.Fatalf("%+v", feed.Stats())
	}
}

// BenchmarkStart compares the start with a million identifiers with decoding the same data as JSON.
func BenchmarkStart(b *testing.B) {
	frames, text := snapshotOf(b, benchPeople)
	b.Run("frames", func(b *testing.B) {
		b.ReportMetric(float64(len(frames))/1e6, "MB")
		for range b.N {
			load(b, frames)
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportMetric(float64(len(text))/1e6, "MB")
		for range b.N {
			r := wire.NewReader(bytes.NewReader(text))
			for {
				_, payload, err := r.Next()
				if err != nil {
					break
				}
				var p wire.People
				if err := json.Unmarshal(payload, &p); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
