package seal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func ring(t *testing.T, key byte, ledger string) *Ring {
	t.Helper()
	r, err := NewRing(bytes.Repeat([]byte{key}, keySize), ledger)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSealedBodiesOpenInTheirPlaceOnly(t *testing.T) {
	r := ring(t, 1, "ledger")
	k, wrapped, err := r.New()
	if err != nil {
		t.Fatal(err)
	}
	place, body := Place{Identity: 7, Kind: "address", ID: [16]byte{1}}, []byte("ada@example.org")
	sealed := k.Seal(place, body)
	if bytes.Contains(sealed, body) || bytes.Equal(sealed, k.Seal(place, body)) {
		t.Fatal("the body shows, or the same body looks the same twice")
	}
	again, err := ring(t, 1, "ledger").Unwrap(k.ID, wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(place, sealed); err != nil || !bytes.Equal(got, body) {
		t.Fatalf("%q, %v", got, err)
	}
	for name, other := range map[string]Place{
		"another identity":   {Identity: 8, Kind: "address", ID: [16]byte{1}},
		"another kind":       {Identity: 7, Kind: "mail", ID: [16]byte{1}},
		"another attachment": {Identity: 7, Kind: "address", ID: [16]byte{2}},
	} {
		if _, err := again.Open(other, sealed); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := again.Open(place, changed); !errors.Is(err, ErrSealed) {
			t.Fatalf("byte %d was changed: %v", i, err)
		}
	}
	if _, err := again.Open(place, sealed[:8]); !errors.Is(err, ErrSealed) {
		t.Errorf("cut short: %v", err)
	}
}

func TestKeysUnwrapInTheirLedgerOnly(t *testing.T) {
	r := ring(t, 1, "ledger")
	a, wrapped, err := r.New()
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := r.New()
	if err != nil || a.ID == b.ID {
		t.Fatalf("keys share an id, %v", err)
	}
	for name, c := range map[string]struct {
		ring *Ring
		id   KeyID
	}{
		"another root key": {ring(t, 2, "ledger"), a.ID},
		"another ledger":   {ring(t, 1, "other"), a.ID},
		"another key's id": {r, b.ID},
	} {
		if _, err := c.ring.Unwrap(c.id, wrapped); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.Open(Place{}, a.Seal(Place{}, []byte("x"))); !errors.Is(err, ErrSealed) {
		t.Errorf("another person's key: %v", err)
	}
	if _, err := NewRing([]byte("short"), "ledger"); err == nil {
		t.Error("a short key")
	}
	if text := fmt.Sprintf("%v %+v %#v %v %#v", r, r, r, a, a); strings.Count(text, "redacted") != 5 {
		t.Error(text)
	}
}
