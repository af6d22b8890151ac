package token

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
)

var (
	clock = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	whole = Token{
		Kind: Confirm, Tags: []consent.Tag{{1, 2, 3}, {4}}, Purpose: "newsletter", Language: "de", Issued: clock, Expires: clock.Add(72 * time.Hour),
		Grants: []Grant{{Position: 7, Purpose: "newsletter", Notice: "newsletter-v1"}, {Position: 1 << 40, Purpose: "profiling", Notice: "profiling-v3"}},
	}
)

func sealer(t *testing.T, key byte, ledger string, now *time.Time) *Sealer {
	t.Helper()
	s, err := New(bytes.Repeat([]byte{key}, 32), ledger, func() time.Time { return *now })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sealed(t *testing.T, s *Sealer, tok Token) string {
	t.Helper()
	text, err := s.Seal(tok)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTokensCarryWhatTheyAreFor(t *testing.T) {
	now := clock
	s := sealer(t, 1, "ledger", &now)
	for name, tok := range map[string]Token{"a whole one": whole, "one without end": {Kind: Withdraw, Tags: []consent.Tag{{9}}, Purpose: "newsletter", Issued: clock}} {
		text := sealed(t, s, tok)
		got, err := sealer(t, 1, "ledger", &now).Open(text, Page, tok.Kind)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if tok.ID = got.ID; !reflect.DeepEqual(got, tok) || got.ID == [16]byte{} {
			t.Errorf("%s: not what was sealed", name)
		}
		if again := sealed(t, s, tok); again == text {
			t.Errorf("%s: two tokens are the same", name)
		}
		if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("%s: %q does not fit into a URL", name, text)
		}
		if raw, err := base64.RawURLEncoding.DecodeString(text); err != nil || bytes.Contains(raw, []byte("newsletter")) {
			t.Errorf("%s: it is not opaque, %v", name, err)
		}
	}
}

func TestTokensThatDoNotHold(t *testing.T) {
	now := clock
	s := sealer(t, 1, "ledger", &now)
	text := sealed(t, s, whole)
	refuse := func(name string, by *Sealer, text string, kinds ...Kind) {
		t.Helper()
		if got, err := by.Open(text, kinds...); !errors.Is(err, Err) || !reflect.DeepEqual(got, Token{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	refuse("of another root key", sealer(t, 2, "ledger", &now), text, Confirm)
	refuse("of another ledger", sealer(t, 1, "other", &now), text, Confirm)
	refuse("of another kind", s, text, Withdraw, Page, Session)
	refuse("for no kind", s, text)
	refuse("nothing", s, "", Confirm)
	refuse("a word", s, "confirm", Confirm)
	refuse("too long", s, text+strings.Repeat("A", maxText), Confirm)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		changed := bytes.Clone(raw)
		changed[i] ^= 0x10
		refuse(fmt.Sprintf("with byte %d changed", i), s, base64.RawURLEncoding.EncodeToString(changed), Confirm)
		refuse(fmt.Sprintf("cut at byte %d", i), s, base64.RawURLEncoding.EncodeToString(raw[:i]), Confirm)
	}
	refuse("with padding", s, base64.URLEncoding.EncodeToString(append(raw, 0)), Confirm)
	now = whole.Expires.Add(-time.Second)
	if _, err := s.Open(text, Confirm); err != nil {
		t.Errorf("in its last second: %v", err)
	}
	now = whole.Expires
	refuse("expired", s, text, Confirm)
}

// One token has one spelling: what looks different is not the same link.
func TestTokensHaveOneSpelling(t *testing.T) {
	now := clock
	s := sealer(t, 1, "ledger", &now)
	seen := 0
	for n := range 3 {
		tok := whole
		tok.Language = strings.Repeat("x", n)
		text := sealed(t, s, tok)
		for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
			if _, err := s.Open(text[:len(text)-1]+string(last), Confirm); err == nil {
				seen++
			}
		}
	}
	if seen != 3 {
		t.Errorf("3 tokens have %d spellings", seen)
	}
}

func TestTokensPrintRedacted(t *testing.T) {
	now := clock
	s := sealer(t, 1, "ledger", &now)
	if text := fmt.Sprintf("%v %+v %#v %v %#v", whole, whole, &whole, s, s); strings.Contains(text, "newsletter") || strings.Count(text, "redacted") != 5 {
		t.Error(text)
	}
	if _, err := New([]byte("short"), "ledger", time.Now); err == nil {
		t.Error("a short key")
	}
	if _, err := s.Seal(Token{Kind: Confirm}); err == nil {
		t.Error("a token for nobody")
	}
	many := whole
	for range 1000 {
		many.Grants = append(many.Grants, whole.Grants[0])
	}
	if _, err := s.Seal(many); err == nil {
		t.Error("a token of any length")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(whole.encode())
	f.Add(Token{Kind: Withdraw}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		tok, ok := decode(b)
		if !ok {
			return
		}
		if again, ok := decode(tok.encode()); !ok || !reflect.DeepEqual(again, tok) {
			t.Error("what was read is written differently")
		}
	})
}
