package consent

import (
	"errors"
	"testing"
)

func tagger(tb testing.TB) *Tagger {
	tb.Helper()
	t, err := NewTagger(make([]byte, 32))
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

var kinds = []IdentifierType{IdentifierEmail, IdentifierPhone, IdentifierCustomer, IdentifierDevice, "other"}

// FuzzTagBytes: bytes have the tag of the same text, or none if that has none; and the derived forms those of Derived.
func FuzzTagBytes(f *testing.F) {
	for _, s := range []string{
		" Ada@Example.org ", "ada@example", "a@b@c", "@b", "a@", "a@.b", "a@b.", "\u212a@example.org", "+49 (170) 123-45/67", "+0123456789",
		"customer 1", "c-1", "", "A0b1", "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08", "098f6bcd4621d373cade4e832627b4f6", "\u00a0x@y.z\u2003",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		a, b := tagger(t), tagger(t)
		for _, kind := range kinds {
			for _, form := range []Form{"", FormPlain, FormSHA256, FormMD5, "other"} {
				want, err := a.Tag(Identifier{Type: kind, Form: form, Value: value})
				got, errBytes := b.TagBytes(kind, form, []byte(value))
				if got != want || errors.Is(err, ErrIdentifier) != errors.Is(errBytes, ErrIdentifier) || (err == nil) != (errBytes == nil) {
					t.Fatalf("%q %q %q: %v and %v", kind, form, value, err, errBytes)
				}
				if err != nil {
					continue
				}
				n, _ := Normalize(Identifier{Type: kind, Form: form, Value: value})
				for _, other := range Derived(n) {
					want, _ := a.Tag(other)
					if got, err := b.Derived(kind, other.Form, []byte(value)); got != want || err != nil {
						t.Fatalf("%q %q: another tag for %s", kind, value, other.Form)
					}
				}
			}
		}
	})
}

func TestTagBytesDoesNotAllocate(t *testing.T) {
	g := tagger(t)
	value := []byte(" Ada.Lovelace@Example.org")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := g.TagBytes(IdentifierEmail, FormPlain, value); err != nil {
			t.Fatal(err)
		}
		_, _ = g.Derived(IdentifierEmail, FormSHA256, value)
		_, _ = g.Derived(IdentifierEmail, FormMD5, value)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkTagBytes(b *testing.B) {
	g := tagger(b)
	value := []byte("Ada.Lovelace@Example.org")
	b.Run("address", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			_, _ = g.TagBytes(IdentifierEmail, FormPlain, value)
		}
	})
	b.Run("bare hash", func(b *testing.B) {
		for range b.N {
			g.mac.Reset()
			g.mac.Write(value)
			g.sum = g.mac.Sum(g.sum[:0])
		}
	})
}
