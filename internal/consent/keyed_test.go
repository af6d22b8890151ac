package consent

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"
)

// tagsOf gives the tags of two values as a tagger makes them.
func tagsOf(t *testing.T, kind IdentifierType, key []byte, later [][]byte, values *[2][]byte) [2]Tag {
	t.Helper()
	g, err := NewTagger(key, later...)
	if err != nil {
		t.Fatal(err)
	}
	tags := [2]Tag{{1}, {2}}
	errs := g.TagPair(kind, FormPlain, values, &tags)
	for i, v := range values {
		one, err := g.TagBytes(kind, FormPlain, v)
		if (err == nil) != (errs[i] == nil) || one != tags[i] {
			t.Fatalf("%q: %v %v, and %v %v in a pair", v, one, err, tags[i], errs[i])
		}
	}
	return tags
}

// FuzzPairs: a tag is HMAC-SHA256, whatever else is in the pair, and whether or not the processor hashes two at once.
func FuzzPairs(f *testing.F) {
	f.Add([]byte("a key of at least as many bytes as there have to be"), "c-1", "c-2", 0)
	f.Add(bytes.Repeat([]byte("k"), 100), strings.Repeat("a", 40), strings.Repeat("b", 41), 2)
	f.Add(bytes.Repeat([]byte("k"), 64), strings.Repeat("a", 39), "", 1)
	f.Add(bytes.Repeat([]byte("k"), 65), " x ", "\u00e4", 0)
	f.Add(bytes.Repeat([]byte("k"), 32), "Ada@Example.org", "a@b@c", 0)
	f.Add(bytes.Repeat([]byte("k"), 32), "@Example.org", "a@.b", 0)
	f.Add(bytes.Repeat([]byte("k"), 32), "\"a\"@b", "a@b.", 0)
	f.Fuzz(func(t *testing.T, key []byte, first, second string, rotated int) {
		if len(key) < 32 {
			return
		}
		var later [][]byte
		for i := range min(max(rotated, 0), 3) {
			later = append(later, bytes.Repeat([]byte{byte(i)}, 32))
		}
		values := [2][]byte{[]byte(first), []byte(second)}
		before := pairs
		defer func() { pairs = before }()
		for _, kind := range kinds {
			pairs = before
			got := tagsOf(t, kind, key, later, &values)
			pairs = false
			if want := tagsOf(t, kind, key, later, &values); got != want {
				t.Errorf("%s: two at once: %v, one by one: %v", kind, got, want)
			}
		}
	})
}

// TestATagIsAKeyedHash holds tags to HMAC-SHA256 as the standard library has it, for messages of every length around a block.
func TestATagIsAKeyedHash(t *testing.T) {
	for _, keyed := range []int{32, 63, 64, 65, 200} {
		key := bytes.Repeat([]byte{0xa5, 1, byte(keyed)}, keyed)[:keyed]
		for n := 1; n < 80; n++ {
			values := [2][]byte{bytes.Repeat([]byte("x"), n), bytes.Repeat([]byte("y"), max(1, 50-n))}
			got := tagsOf(t, IdentifierCustomer, key, nil, &values)
			for i, v := range values {
				mac := hmac.New(sha256.New, key)
				mac.Write([]byte("customer\x00Plain\x00" + string(v)))
				if want := Tag(mac.Sum(nil)[:16]); got[i] != want {
					t.Fatalf("key of %d, message of %d: %x, want %x", keyed, len(v), got[i], want)
				}
			}
		}
	}
}

// TestAddressesInPairs: every byte at every place of an address, and every length, has the tag, or none, that it has alone.
func TestAddressesInPairs(t *testing.T) {
	g := tagger(t)
	same := func(a, b string) {
		t.Helper()
		var tags [2]Tag
		errs := g.TagPair(IdentifierEmail, FormPlain, &[2][]byte{[]byte(a), []byte(b)}, &tags)
		for i, v := range []string{a, b} {
			want, err := g.Tag(Identifier{Type: IdentifierEmail, Form: FormPlain, Value: v})
			if tags[i] != want || (err == nil) != (errs[i] == nil) {
				t.Fatalf("%q in a pair: %v %v, want %v %v", v, tags[i], errs[i], want, err)
			}
		}
	}
	for _, n := range []int{3, 8, 20, 36, 43} {
		for _, at := range []int{0, 1, n / 2, n - 2, n - 1} {
			address := []byte(strings.Repeat("aZ", n))[:n]
			address[at] = '@'
			other := string(address)
			for place := range n {
				for c := range 256 {
					one := []byte(other)
					one[place] = byte(c)
					same(string(one), other)
					if c == '.' || c == '@' || c == '(' {
						same(other, string(one))
					}
				}
			}
		}
	}
	for n := 60; n >= 0; n-- { // nothing of a longer one is left in a shorter one
		same(strings.Repeat("X", n)+"@b.c", "a@"+strings.Repeat("y", n))
	}
}

func BenchmarkTagPair(b *testing.B) {
	g := tagger(b)
	values := [2][]byte{[]byte("Ada.Lovelace@Example.org"), []byte("Grace.Hopper@example.org")}
	var tags [2]Tag
	for range b.N {
		_ = g.TagPair(IdentifierEmail, FormPlain, &values, &tags)
	}
}
