package client

import (
	"bytes"
	"io"
	"log/slog"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ledger/wire"
)

// FuzzIntake: whatever a ledger sends, nothing panics, and nothing is fresh without an answered ping.
func FuzzIntake(f *testing.F) {
	var sound []byte
	combination := facts.Encode(nil, map[consent.PurposeID]consent.Fact{"p": {AgeYears: 1}})
	for _, one := range []struct {
		t wire.Type
		v any
	}{
		{wire.TypeHello, wire.Hello{Version: wire.Version, Epoch: "e", Key: make([]byte, 32), Purposes: []consent.PurposeID{"p"}}},
		{wire.TypeSnapshotBegin, nil},
		{wire.TypeFacts, wire.AppendFacts(nil, combination)},
		{wire.TypePeople, wire.AppendPerson(nil, 0, []consent.Tag{{1}})},
		{wire.TypeSnapshotEnd, wire.At{Position: 1}},
		{wire.TypeChange, wire.Change{Position: 2, People: []wire.Person{{Tags: []wire.Tag{{1}}}}}},
		{wire.TypePosition, wire.At{Position: 9}},
		{wire.TypeAsk, wire.At{Position: 9}},
		{wire.TypePong, wire.Pong{Nonce: "n", Epoch: "e", Position: 9, Time: ledgerTime}},
	} {
		if raw, ok := one.v.([]byte); ok {
			sound, _ = wire.AppendRaw(sound, one.t, raw)
		} else {
			sound, _ = wire.Append(sound, one.t, one.v)
		}
		f.Add(sound)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		feed := New(Options{Logger: log})
		s := &session{feed: feed, pings: pings{now: make(chan struct{}, 1)}}
		in := intake{feed: feed, applied: s.pings.soon, pong: s.pong}
		r := wire.NewReader(bytes.NewReader(raw))
		for {
			typ, payload, err := r.Next()
			if err != nil || in.take(typ, payload) != nil {
				break
			}
		}
		if feed.Now().Age >= 0 {
			t.Fatal("fresh without a ping")
		}
		_, _, _ = feed.Lookup(email("ada@example.org"), "p")
	})
}
