package sqlite

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
)

func bytesOf(id journal.KeyID) []byte { return id[:] }

func idOf(n int) journal.KeyID {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return journal.KeyIDOf(string(b[:]))
}

// index is one of so many keys, whose scans wait for what is sent.
type index struct {
	keys    int
	begun   chan struct{}
	release chan error
}

func newIndex(keys int) (*index, *keyFilter) {
	x := &index{keys: keys, begun: make(chan struct{}), release: make(chan error)}
	return x, &keyFilter{scan: x.scan}
}

func (x *index) scan(stop <-chan struct{}, show func([]byte)) error {
	keys := x.keys
	x.begun <- struct{}{}
	select {
	case err := <-x.release:
		for n := range keys {
			id := idOf(n)
			show(id[:])
		}
		return err
	case <-stop:
		return store.ErrClosed
	}
}

// read has the filter read in, and do something meanwhile.
func (x *index) read(t *testing.T, f *keyFilter, err error, meanwhile func()) {
	t.Helper()
	f.prepare(int64(x.keys))
	select {
	case <-x.begun:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing is read in")
	}
	meanwhile()
	coming := f.coming
	x.release <- err
	for len(coming) == 0 {
		time.Sleep(time.Millisecond)
	}
	f.prepare(int64(x.keys))
}

// TestAFilterLacksNothingThatIsInTheIndex: not what came while it was read in, and not what came later. And it lacks nearly all else.
func TestAFilterLacksNothingThatIsInTheIndex(t *testing.T) {
	x, f := newIndex(5000)
	defer f.close()
	if f.lacks(idOf(1)) {
		t.Error("a key is not in an index of which nothing is known")
	}
	x.read(t, f, nil, func() {
		for ; x.keys < 7000; x.keys++ {
			f.add(idOf(x.keys))
			f.prepare(int64(x.keys))
			if f.lacks(idOf(x.keys)) {
				t.Fatal("a key is not in an index of which nothing is known yet")
			}
		}
		x.keys = 5000 // those that are shown
	})
	for n := 7000; n < 9000; n++ {
		f.add(idOf(n))
	}
	wrong, unsure := 0, 0
	for n := range 9000 {
		if f.lacks(idOf(n)) {
			wrong++
		}
		if !f.lacks(idOf(n + 1_000_000)) {
			unsure++
		}
	}
	if wrong > 0 || unsure > 90 {
		t.Errorf("%d keys are lacking that are there, and %d may be there that are not", wrong, unsure)
	}
}

// TestAFilterThatIsTooSmallIsReadInAgain, and says meanwhile what it said.
func TestAFilterThatIsTooSmallIsReadInAgain(t *testing.T) {
	x, f := newIndex(10)
	defer f.close()
	x.read(t, f, nil, func() {})
	for ; x.keys <= leastRoom+leastRoom/2; x.keys++ {
		f.add(idOf(x.keys))
	}
	room := f.room
	x.read(t, f, nil, func() {
		f.add(idOf(x.keys))
		if f.lacks(idOf(x.keys)) || !f.lacks(idOf(1_000_003)) {
			t.Error("the one of before says something else")
		}
	})
	for n := range x.keys + 1 {
		if f.lacks(idOf(n)) {
			t.Fatalf("key %d is lacking", n)
		}
	}
	if f.room <= room || f.held > f.room {
		t.Errorf("there is room for %d keys instead of %d, and it holds %d", f.room, room, f.held)
	}
}

func TestAFilterThatCannotBeReadInIsTriedAgainLater(t *testing.T) {
	x, f := newIndex(10)
	defer f.close()
	x.read(t, f, errors.New("no"), func() {})
	if f.prepare(10); f.coming != nil || f.lacks(idOf(100)) {
		t.Error("it is there, or tried at once")
	}
	f.add(idOf(10))
	x.read(t, f, nil, func() {})
	if f.lacks(idOf(3)) || !f.lacks(idOf(100)) {
		t.Error("it is not there")
	}
}

// TestAFilterIsForgotten where others may have changed the index, whether it is there or is being read in.
func TestAFilterIsForgotten(t *testing.T) {
	x, f := newIndex(10)
	x.read(t, f, nil, func() {})
	if f.forget(); f.lacks(idOf(100)) {
		t.Error("it goes on to say what the index lacks")
	}
	f.prepare(10)
	<-x.begun
	f.forget()
	x.keys = 20
	x.read(t, f, nil, func() {})
	if f.lacks(idOf(15)) || !f.lacks(idOf(100)) {
		t.Error("it is what was read in before")
	}
	f.prepare(10)
	if f.held = f.room + 1; f.room == 0 {
		t.Fatal("no room")
	}
	f.prepare(10)
	<-x.begun
	f.close() // ends, although nobody lets the scan go on
}

// TestAStoreDoesNotSearchItsIndexForNewKeys, but for some, and finds all that were used.
func TestAStoreDoesNotSearchItsIndexForNewKeys(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	last := 0
	add := func(events int) {
		t.Helper()
		var all []store.Append
		for range events {
			last++
			all = append(all, keyed(last))
		}
		if _, errs, err := s.Append(t.Context(), all...); errors.Join(append(errs, err)...) != nil {
			t.Fatal(errs, err)
		}
	}
	for range 6 {
		add(lateKeys / 2)
	}
	for end := time.Now().Add(20 * time.Second); s.database.filter.filter == nil; add(1) {
		if time.Now().After(end) {
			t.Fatal("there is no filter")
		}
	}
	if pragmaOf(t, s, `SELECT count(*) FROM hashed_keys`) < lateKeys {
		t.Fatal("the index is empty")
	}
	rows, err := s.reader.QueryContext(t.Context(), `SELECT key FROM hashed_keys`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		if s.database.filter.lacks(journal.KeyID(id)) {
			t.Fatal("the filter lacks a key of the index")
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	// Somebody else appended an event with a key, and put that into the index.
	if _, err := s.writer.ExecContext(t.Context(), `INSERT INTO hashed_keys (key, position) VALUES (?, 5)`, bytesOf(journal.KeyIDOf("of others"))); err != nil {
		t.Fatal(err)
	}
	of := keyed(last + 1)
	of.Key = "of others"
	before := s.database.filter.filter
	s.database.waiting.root[0]++
	if _, errs, err := s.Append(t.Context(), of); err != nil || !errors.Is(errs[0], store.ErrIdempotency) {
		t.Errorf("a key that somebody else used: %v, %v", errs, err)
	}
	searched := 0
	for n := range 1000 {
		if id := idOf(n); before.Test(id[:]) {
			searched++
		}
	}
	if searched > 50 {
		t.Errorf("the index is searched for %d of 1,000 keys that were never used", searched)
	}
}
