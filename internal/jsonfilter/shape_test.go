package jsonfilter

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ir"
)

// TestObjectsThatDifferFromThoseBefore are read like any object: what was learned from others is about their speed only.
func TestObjectsThatDifferFromThoseBefore(t *testing.T) {
	m := &ir.Message{Records: &ir.Records{
		Each: "/*", Identifier: "/email", Identifies: email,
		Fields: []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}, {Pointer: "/o", Category: "pd:Name"}, {Pointer: "/p/a", Category: "pd:Name"}, {Pointer: "/p/d", Category: "pd:Name"}},
	}}
	const long = "a-name-that-is-longer-than-a-word-or-two"
	learned := `{"a":1,"b":"x","` + long + `":null,"ü":{"a":-0.5e3,"b":[true]},"c":"longer than a word"}`
	for _, one := range []string{
		learned, `{}`, `{"a":1}`, `{"b":"x"}`, `{"c":"x"}`,
		`{"a":1,"` + long + `":1,"b":2}`, `{"` + long + `":1,"a":1,"b":2}`, `{"` + long + `s":1,"` + long + `":2}`, `{"ü":1,"a":1}`,
		`{ "a" : 1 , "b" : "x" , "` + long + `" : null }`, "{\"a\":\n1,\t\"b\":\"x\"\r}", `{"a":"1","b":1,"` + long + `":{"a":1},"ü":[],"c":false}`,
		`{"a":1,"b":"x","d":3}`, `{"d":1,"a":1,"b":"x"}`, `{"a":1,"b":"x","` + long + `":1,"ü":2,"c":3,"d":4,"e":5}`,
		`{"\u0061":1,"b":"x"}`, `{"a":1,"\u0062":"x"}`, `{"a":"\u0062\\","b":"\"","c":"x\ud83d\ude00y"}`,
		// What nobody reads alike.
		`{"a":1,"a":2}`, `{"a":1,"b":"x","a":2}`, `{"a":1,"b":"x","b":2}`, `{"b":1,"b":2}`, `{"a":1,"\u0061":2}`, `{"\u0061":1,"a":2}`,
		`{"a":1,"b":"x","` + long + `":1,"ü":2,"c":3,"a":4}`, `{"a":1,"b":"x","` + long + `":1,"` + long + `":2}`, `{"d":1,"a":1,"d":2}`,
		`{"a":1,"b":"x","` + long + `":1,"ü":2,"c":3,"d":4,"d":5}`, `{"a":1,"b":"x","` + long + `":1,"ü":2,"c":3,}`,
		`{"a":1 "b":2}`, `{"a":1,}`, `{"a":1,"b"}`, `{"a":1,"b":}`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":1e}`, `{"a":+1}`, `{"a":nul}`, `{"a":"x}`,
		"{\"a\":\"\x01\"}", "{\"a\":\"\xc3\"}", "{\"a\":\"\x80\"}", "{\"b\":\"abcdef\xa2\"}", `{"a":"\x"}`, `{"a":"\ud800"}`, `{"a":1,"b":"x"`, `{"a":1]`,
	} {
		for _, records := range []string{
			`{"email":"y@x","o":` + learned + `},{"email":"y@x","o":` + one + `}`,
			`{"email":"y@x","o":[` + learned + `,` + learned + `,` + one + `,` + learned + `]}`,
			`{"email":"y@x","p":` + learned + `},{"email":"y@x","p":` + one + `},{"email":"y@x","p":` + learned + `}`,
			`{"email":"y@x","a":1,"b":2},` + strings.Replace(one, "{", `{"email":"y@x",`, 1) + `,{"email":"y@x","b":1,"a":2}`,
		} {
			body := []byte("[" + records + "]")
			same(t, m, ir.RedactionOmit, Options{}, body, whole(body))
			same(t, m, ir.RedactionMask, Options{}, body, single(body))
		}
	}
}

// TestWhatEndsThePlainPartOfAString: the lowest mark is that of the first byte that does, for each byte at each place, whatever follows.
func TestWhatEndsThePlainPartOfAString(t *testing.T) {
	for c := range 256 {
		ends := c == '"' || c == '\\' || c < ' ' || c >= 0x80
		for at := range 8 {
			for _, after := range []byte{0, ' ', '!', '"', '[', '\\', ']', 'x', 0x7f, 0x80, 0xa2, 0xdc, 0xff} {
				word := []byte("xxxxxxxx")
				word[at] = byte(c)
				for i := at + 1; i < 8; i++ {
					word[i] = after
				}
				want := 8
				if i := bytes.IndexFunc(word, func(r rune) bool { return r == '"' || r == '\\' || r < ' ' || r >= 0x80 }); i >= 0 {
					want = i
				}
				if ends && want != at {
					t.Fatal("the test is wrong")
				}
				if got := bits.TrailingZeros64(special(binary.LittleEndian.Uint64(word))) >> 3; got != want {
					t.Fatalf("%q ends at %d, want %d", word, got, want)
				}
			}
		}
	}
}
