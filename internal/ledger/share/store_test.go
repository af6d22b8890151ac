package share

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/sqlite"
)

// With a real database, what it tells of changes has to be enough: identities that are named together become one person, and separate.
func TestWhatIsKeptRightFromADatabase(t *testing.T) {
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 7))
		now := start
		db, err := sqlite.Open(t.Context(), t.TempDir(), "key", make([]byte, 32), func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		all := store.Store(db)
		var changes []store.Change
		all.Watch(func(c []store.Change) { changes = append(changes, c...) })
		w := newWorld(seed)
		b := testBundle(int(seed))
		p, _, err := read(t.Context(), From(all), newWays(newRules(b)), now)
		if err != nil {
			t.Fatal(err)
		}
		kinds := []consent.IdentifierType{consent.IdentifierEmail, consent.IdentifierPhone, consent.IdentifierCustomer, consent.IdentifierDevice}
		for step := range 300 {
			one := store.Append{}
			for range 1 + random.IntN(3) {
				id := random.IntN(30)
				var forms [3]consent.Tag
				for form := range forms {
					binary.LittleEndian.PutUint64(forms[form][:], uint64(id*3+form)+1)
				}
				tags := forms[:]
				if random.IntN(4) == 0 {
					tags = forms[1+random.IntN(2):][:1]
				}
				one.Identities = append(one.Identities, store.Identity{Tags: tags, Type: kinds[id%4], Plain: len(tags) == 3})
			}
			if random.IntN(3) > 0 {
				one.Identities = one.Identities[:1]
			}
			w.own[0], w.position, w.now = &consent.Record{}, consent.Position(len(changes)), now
			one.Event = w.act(0)
			one.Event.OccurredAt = time.Time{}
			if random.IntN(10) == 0 {
				one.Event = consent.Event{Type: consent.EventUnlinked}
			}
			before := len(changes)
			if _, _, err := all.Append(t.Context(), one); err != nil {
				t.Fatal(err)
			}
			for _, c := range appendChanges(nil, changes[before:]) {
				p.apply(c)
			}
			if random.IntN(8) == 0 {
				now = now.Add(time.Duration(random.Int64N(int64(20 * 24 * time.Hour))))
				p.advance(now)
			}
			if step%10 != 9 {
				continue
			}
			anew, head, err := read(t.Context(), From(all), newWays(newRules(b)), p.now)
			if err != nil {
				t.Fatal(err)
			}
			if p.total != anew.total || p.position != head.Position {
				t.Fatalf("seed %d, step %d: %d people at position %d, want %d at %d", seed, step, p.total, p.position, anew.total, head.Position)
			}
			same(t, seed, int(p.position), describe(p.ways, p.counts), describe(anew.ways, anew.counts))
		}
		if len(changes) < 100 || p.total < 5 || int(p.total) == len(p.rows) {
			t.Fatalf("%d changes, %d people, %d identities", len(changes), p.total, len(p.rows))
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
