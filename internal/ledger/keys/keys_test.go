package keys

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
)

func TestParseRoot(t *testing.T) {
	r := NewRoot()
	for name, c := range map[string]struct {
		stored []byte
		ok     bool
	}{
		"text with a line feed":     {r.Text(), true},
		"text without one":          {bytes.TrimSpace(r.Text()), true},
		"the bytes themselves":      {r.key[:], true},
		"half a key is refused":     {[]byte("c2hvcnQ="), false},
		"what is no key is refused": {[]byte("correct horse battery staple!"), false},
		"nothing is refused":        {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseRoot(c.stored)
			if (err == nil) != c.ok || (c.ok && got != r) {
				t.Fatalf("err = %v", err)
			}
		})
	}
}

func TestAKeyIsNeverReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	if err := CreateRoot(path); err != nil {
		t.Fatal(err)
	}
	first, err := ReadRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := CreateRoot(path); !errors.Is(err, ErrExists) {
		t.Fatalf("err = %v", err)
	}
	if again, err := ReadRoot(path); err != nil || again != first {
		t.Fatalf("the key changed, %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
}

func stream(t *testing.T, r Root, controller string) *Stream {
	t.Helper()
	s, err := r.Stream(controller)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestControllersHaveKeysOfTheirOwn(t *testing.T) {
	r := NewRoot()
	a, again, b, foreign := stream(t, r, "a"), stream(t, r, "a"), stream(t, r, "b"), stream(t, NewRoot(), "a")
	if a.ID() != again.ID() || !bytes.Equal(a.Bytes(), again.Bytes()) {
		t.Fatal("the same controller has another key")
	}
	for _, other := range []*Stream{b, foreign} {
		if a.ID() == other.ID() || bytes.Equal(a.Bytes(), other.Bytes()) || a.Name("x") == other.Name("x") {
			t.Fatal("keys are shared")
		}
	}
	if bytes.Contains(a.Bytes(), r.key[:]) || a.Name("ab", "c") == a.Name("a", "bc") {
		t.Fatal("the root key shows, or names run together")
	}
	if _, err := r.Stream(""); err == nil {
		t.Fatal("a key for nobody")
	}
}

// Sidecars compute tags with the stream key alone.
func TestTagsAreThoseOfSubscribers(t *testing.T) {
	s := stream(t, NewRoot(), "a")
	id := consent.Identifier{Type: consent.IdentifierEmail, Value: " Ada@Example.org"}
	tags, err := s.Tags(id)
	if err != nil || len(tags) != 3 {
		t.Fatalf("%d tags, %v", len(tags), err)
	}
	tagger, err := consent.NewTagger(s.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	n, _ := consent.Normalize(id)
	for i, form := range append([]consent.Identifier{n}, consent.Derived(n)...) {
		if tag, err := tagger.Tag(form); err != nil || tag != tags[i] {
			t.Fatalf("form %s has another tag, %v", form.Form, err)
		}
	}
	if _, err := s.Tags(consent.Identifier{Type: consent.IdentifierEmail, Value: "nobody"}); !errors.Is(err, consent.ErrIdentifier) {
		t.Fatalf("err = %v", err)
	}
}

func TestKeysPrintRedacted(t *testing.T) {
	r := NewRoot()
	s := stream(t, r, "a")
	text := fmt.Sprintf("%v %+v %#v %s %v %+v %#v %s", r, r, r, r, s, s, s, s)
	if strings.Contains(text, string(bytes.TrimSpace(r.Text()))) || strings.Contains(text, fmt.Sprint(r.key[:4])[1:9]) || !strings.Contains(text, "redacted") {
		t.Fatal(text)
	}
}
