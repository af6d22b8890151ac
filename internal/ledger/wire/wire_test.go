package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
)

func frames(t *testing.T, add ...any) []byte {
	t.Helper()
	var out []byte
	for i := 0; i < len(add); i += 2 {
		var err error
		if out, err = Append(out, add[i].(Type), add[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestFramesRoundTrip(t *testing.T) {
	want := Change{Position: 7, People: []Person{{
		Tags: []Tag{{1, 2, 3}, {0xff}}, Facts: map[consent.PurposeID]consent.Fact{"newsletter": {Position: 7, Restricted: true}},
	}}}
	r := NewReader(bytes.NewReader(frames(t, TypeHeartbeat, nil, TypeChange, want)))
	if typ, body, err := r.Next(); err != nil || typ != TypeHeartbeat || len(body) != 0 {
		t.Fatalf("%d %d %v", typ, len(body), err)
	}
	typ, body, err := r.Next()
	if err != nil || typ != TypeChange {
		t.Fatalf("%d %v", typ, err)
	}
	got, err := Decode[Change](body)
	if err != nil || len(got.People) != 1 || fmt.Sprint(got.People[0].Facts) != fmt.Sprint(want.People[0].Facts) || got.Position != 7 ||
		len(got.People[0].Tags) != 2 || got.People[0].Tags[1] != want.People[0].Tags[1] {
		t.Fatalf("%+v %v", got, err)
	}
	if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("err = %v", err)
	}
}

func TestBrokenFrames(t *testing.T) {
	whole := frames(t, TypePosition, At{Position: 1})
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"cut within the header":  {whole[:3], io.ErrUnexpectedEOF},
		"cut after the header":   {whole[:5], io.ErrUnexpectedEOF},
		"cut within the payload": {whole[:len(whole)-1], io.ErrUnexpectedEOF},
		"a length beyond limits": {[]byte{0xff, 0xff, 0xff, 0xff, 5}, ErrFrame},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := NewReader(bytes.NewReader(c.raw)).Next(); !errors.Is(err, c.want) {
				t.Fatalf("err = %v, want %v", err, c.want)
			}
		})
	}
	if _, err := Append(nil, TypePeople, strings.Repeat("a", MaxPayload)); !errors.Is(err, ErrFrame) {
		t.Fatalf("err = %v", err)
	}
}

func TestTagsAreStrict(t *testing.T) {
	for _, text := range []string{`""`, `"AAAA"`, `"AAAAAAAAAAAAAAAAAAAAAB"`, `"AAAAAAAAAAAAAAAAAAAAAA=="`, `"AAAAAAAAAAAAAAAAAAA\n\nA"`, `[1]`, `"` + strings.Repeat("A", 64) + `"`} {
		var tag Tag
		if err := json.Unmarshal([]byte(text), &tag); err == nil {
			t.Errorf("%s became a tag", text)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", Tag{1}, Tag{1}, []Tag{{1}}); strings.Contains(text, "1") {
		t.Errorf("a tag shows: %s", text)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 7})
	f.Add([]byte{0, 0, 0, 2, 6, '{', '}'})
	f.Fuzz(func(_ *testing.T, raw []byte) {
		r := NewReader(bytes.NewReader(raw))
		for {
			_, body, err := r.Next()
			if err != nil {
				return
			}
			_, _ = Decode[People](body)
		}
	})
}
