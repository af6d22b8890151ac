package credential

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ir"
)

const seeded = "SG.correct-horse-battery-staple"

// holder has a secret where no method can be called, because formatters may not reach fields that are not exported.
type holder struct {
	Open   Secret
	hidden Secret
	deep   *struct{ s []Secret }
	named  map[string]any
}

func held() holder {
	s := New(seeded)
	return holder{s, s, &struct{ s []Secret }{[]Secret{s}}, map[string]any{"k": s, "p": &s}}
}

// TestASecretSaysNothingOfItself: in every verb, encoding and log, alone and as part of others.
func TestASecretSaysNothingOfItself(t *testing.T) {
	s := New(seeded)
	var out bytes.Buffer
	for _, of := range []any{s, &s, held(), []Secret{s}, map[int]Secret{1: s}, errors.Join(fmt.Errorf("it is %v", s))} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U", "%b", "%o", "%e", "%t", "%p", "%T", "%w"} {
			fmt.Fprintf(&out, verb+"\n", of)
		}
		fmt.Fprintln(&out, of)
	}
	for _, logger := range []*slog.Logger{slog.New(slog.NewJSONHandler(&out, nil)), slog.New(slog.NewTextHandler(&out, nil))} {
		logger.Info("x", "s", s, "p", &s, "h", held(), "any", slog.AnyValue(s))
	}
	text, err := json.Marshal(map[string]any{"s": s, "p": &s, "h": held()})
	out.Write(text)
	markup, xerr := xml.Marshal(exported{s})
	out.Write(markup)
	gerr := gob.NewEncoder(&out).Encode(exported{s})
	if err := errors.Join(err, xerr, gerr); err != nil {
		t.Error(err)
	}
	for _, form := range []string{seeded, "correct", "636f7272656374", "636F7272656374", "99 111 114 114"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q is told: %s", form, out.String())
		}
	}
	if !strings.Contains(out.String(), Redacted) || s.Reveal() != seeded {
		t.Error("nothing was printed")
	}
}

type exported struct{ S Secret }

// TestAPanicSaysNothing: what the runtime prints when a goroutine dies with a secret in its hands.
func TestAPanicSaysNothing(t *testing.T) {
	if os.Getenv("OPTUP_PANIC") != "" {
		s := New(seeded)
		func(s Secret, h holder) { panic(any(h)) }(s, held())
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestAPanicSaysNothing$")
	cmd.Env = append(os.Environ(), "OPTUP_PANIC=1", "GOTRACEBACK=all")
	out, err := cmd.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("panic")) || bytes.Contains(out, []byte("correct")) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestValuesOnTheWire(t *testing.T) {
	var s Secret
	if err := json.Unmarshal([]byte(`"AP8K"`), &s); err != nil || s.Reveal() != "\x00\xff\n" {
		t.Errorf("%v", err)
	}
	for _, text := range []string{`"` + seeded + `"`, `{"` + seeded + `":1}`, `5`} {
		if err := json.Unmarshal([]byte(text), &s); err == nil || strings.Contains(err.Error(), "correct") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if !New("a").Equal(New("a")) || New("a").Equal(New("b")) || New("a").Equal(Secret{}) || !New("").Empty() || (Secret{}).Reveal() != "" {
		t.Error("values are compared wrongly")
	}
}

func TestAStore(t *testing.T) {
	a, b := ir.Value{Service: "esp/mail", ID: "mail/key"}, ir.Value{Service: "esp/other", ID: "mail/key"}
	s := &Store{}
	get := func(of ir.Value) string {
		v, ok := s.Get(of.Service, of.ID)
		if ok != !v.Empty() {
			t.Errorf("%v: there is %v", of, ok)
		}
		return v.Reveal()
	}
	if got := get(a); got != "" {
		t.Error("something is in a new store")
	}
	s.Put(map[ir.Value]Secret{a: New("1"), b: New("2")})
	s.Put(map[ir.Value]Secret{a: New("3")})
	if get(a) != "3" || get(b) != "2" {
		t.Errorf("%q and %q", get(a), get(b))
	}
	s.Put(map[ir.Value]Secret{a: {}})
	if get(a) != "" || get(b) != "2" {
		t.Errorf("%q and %q after one was taken away", get(a), get(b))
	}
	s.Keep([]ir.Value{a})
	if get(b) != "" {
		t.Error("what nobody wants is kept")
	}
	var none *Store
	if _, ok := none.Get("esp/mail", "mail/key"); ok {
		t.Error("no store has a value")
	}
}

func TestTexts(t *testing.T) {
	for name, c := range map[string]struct {
		value, want string
		err         error
	}{
		"as it is":            {"SG.a b", "SG.a b", nil},
		"an end of line":      {" SG.a\r\n", "SG.a", nil},
		"nothing":             {"", "", ErrEmpty},
		"a space":             {" \n", "", ErrEmpty},
		"two lines":           {"a\nHost: b", "", ErrNoText},
		"another script":      {"schlüssel", "", ErrNoText},
		"a zero":              {"a\x00b", "", ErrNoText},
		"as long as it goes":  {strings.Repeat("a", maxText), strings.Repeat("a", maxText), nil},
		"longer than it goes": {strings.Repeat("a", maxText+1), "", ErrTooLong},
	} {
		if s, err := Text([]byte(c.value)); s.Reveal() != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v", name, s.Reveal(), err)
		}
	}
}
