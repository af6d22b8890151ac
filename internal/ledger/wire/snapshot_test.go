package wire

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/optup/optup/internal/consent"
)

func TestSnapshotFramesRoundTrip(t *testing.T) {
	payload := AppendFacts(AppendFacts(nil, []byte("one")), []byte("another"))
	var got []string
	if err := EachFacts(payload, func(c []byte) error { got = append(got, string(c)); return nil }); err != nil || !slices.Equal(got, []string{"one", "another"}) {
		t.Fatal(got, err)
	}
	payload = AppendPerson(AppendPerson(nil, 1, []consent.Tag{{1}, {2}}), 700, []consent.Tag{{3}})
	var people Tags
	for range 2 {
		if err := people.Read(payload); err != nil || !slices.Equal(people.Tags, []consent.Tag{{1}, {2}, {3}}) || !slices.Equal(people.Numbers, []uint32{1, 1, 700}) {
			t.Fatal(people.Numbers, err)
		}
	}
	for cut := 1; cut < len(payload); cut++ {
		if err := people.Read(payload[:cut]); err == nil && cut != len(AppendPerson(nil, 1, make([]consent.Tag, 2))) || err != nil && !errors.Is(err, ErrFrame) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

// FuzzSnapshot: a hostile payload is ErrFrame, and what is read is in proportion to it.
func FuzzSnapshot(f *testing.F) {
	f.Add(AppendPerson(nil, 1, []consent.Tag{{1}, {2}}))
	f.Add(AppendFacts(nil, []byte("one")))
	f.Add(bytes.Repeat([]byte{0xff}, 12))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var people Tags
		if err := people.Read(payload); err != nil && !errors.Is(err, ErrFrame) {
			t.Fatal(err)
		}
		if len(people.Tags)*tagSize > len(payload) {
			t.Fatal("more tags than bytes")
		}
		n := 0
		if err := EachFacts(payload, func(c []byte) error { n += len(c); return nil }); (err != nil && !errors.Is(err, ErrFrame)) || n > len(payload) {
			t.Fatal(n, err)
		}
	})
}
