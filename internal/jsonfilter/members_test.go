package jsonfilter

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ir"
)

// walkers are messages in whose records members stay, are taken out and are noted.
var walkers = &ir.Message{Records: &ir.Records{
	Each: "/*", Identifier: "/email", Identifies: email, Time: "/at",
	Fields: []ir.Field{
		{Pointer: "/email", Category: "pd:EmailAddress"},
		{Pointer: "/o", Category: "pd:Name"},
		{Pointer: "/n", Category: "pd:Name"},
		{Pointer: "/health", Category: "pd:MedicalHealth"},
		{Pointer: "/p/n", Category: "pd:Name"},
	},
	NotPersonal: []string{"/z"},
}}

// between puts a member with a name and a value where members are walked, after others have taught the shape: in a record, in what is
// declared in one as a whole and in part, in lists, and, last, where nothing is walked. Each body has it once: what is refused in one place
// would hide that it passes in another.
func between(name, value string) (bodies []string) {
	member, other := name+`:`+value, name+`:"x"`
	for place := range 5 {
		at := func(n int) string {
			if n == place {
				return member
			}
			return other
		}
		record := func(at func(int) string) string {
			return `{"email":"y@x","at":"2026-01-10T10:00:00Z","health":1,` + at(0) + `,"z":true,"o":{"a":1,` + at(1) + `,"b":"x"},"n":[{"c":"x",` + other + `,"d":2},{"c":"x",` + at(2) +
				`,"d":2},{"c":"x",` + other + `,"d":2}],"p":{"n":1,` + at(3) + `,"q":"x"},"health2":[]}`
		}
		plain := record(func(int) string { return other })
		bodies = append(bodies, `[`+strings.Join([]string{plain, plain, record(at), `{` + at(4) + `,"email":"y@x"}`, plain}, ",")+`]`)
	}
	return bodies
}

func walked(t *testing.T, name, value string) {
	t.Helper()
	for i, one := range between(name, value) {
		body := []byte(one)
		same(t, walkers, redactions[i%3], Options{}, body, whole(body))
		same(t, walkers, ir.RedactionMask, Options{}, body, random(body, uint64(len(body))))
		byWords(func() { same(t, walkers, ir.RedactionNullify, Options{}, body, whole(body)) })
	}
}

// TestMembersThatAreWalked: each value is read as where nothing is walked, sound or not.
func TestMembersThatAreWalked(t *testing.T) {
	long := strings.Repeat("x", 61)
	values := []string{
		`"x"`, `""`, `"M\u00fcller"`, `"Müller"`, `"ü"`, `"üü"`, `"ß€"`, `"€"`, `"𝄞"`, `"\""`, `"\\"`, `"` + long + `"`, `"` + long + `ü` + long + `"`,
		"\"\xc3\"", "\"\xc3\x28\"", "\"\xc1\x80\"", "\"\xc0\xaf\"", "\"\xe0\x80\xaf\"", "\"\xe0\x80\"", "\"\xe1\x80\"", "\"\xed\xa0\x80\"", "\"\xdf\xbf\"", "\"\xc2\x80\"", "\"\xdf\xc0\"", "\"\x80\"", "\"\xff\"", "\"a\x1f\"", "\"a\x00\"", `"x`, `x"`,
		"0", "-0", "7", "-7", "10", "1234567890123456", "123456789012345", "12345678901234567", "-123456789012345", "0.5", "-0.5", "12.75", "1.23456789012345", "1.234567890123", "0.0", "00", "01", "-01", "00.5", "-00.5",
		".5", "-.5", "1.", "-1.", "1..2", "1.2.3", "1.2.", "-", "--1", "+1", "1-2", "1e5", "1E+5", "1.5e-7", "1e", "1e+", "0x1", "1 ", " 1", "1a",
		"true", "false", "null", "-true", "-null", "-false", "tru", "truE", "nul", "nulll", "fals", "falsy", "falsee", "trueu", "True",
		"{}", "[]", `{"a":1}`, `[1,{"a":2}]`, `{"a":1,"a":2}`, "{", "[", "}", "]", "", ",", `"x":1`, `"x","z":1`, `1,"d":3`, `1,"z":2`,
		`"ab`, `ab"`, `1"2`, `1],"q":{"r":2`, `1},["c":"x"`, `1},{"c":"x"`, `"x"}],"q":[{"c":1`,
	}
	names := []string{
		`"m"`, `"ü"`, `"a b"`, `"` + strings.Repeat("n", 28) + `"`, `"` + strings.Repeat("n", 29) + `"`, `"` + strings.Repeat("n", 30) + `"`, `"` + strings.Repeat("n", 64) + `"`,
		`"\u006d"`, `"email2"`, `"z"`, `"d"`, `"a"`, `"m" `, ` "m"`, `m`, `"m`,
	}
	few := []string{`"x"`, `"Mü"`, "\"\xc3\"", `"ab`, "-12.5", "00", "true", `{"a":1}`, `1,"z":2`}
	for i, name := range names {
		accepted = 0
		if i > 0 {
			values = few
		}
		for _, v := range values {
			walked(t, name, v)
		}
		if i < 9 && i != 7 && accepted == 0 {
			t.Errorf("%s: nobody is kept", name)
		}
	}
	for pad := range 34 { // at each place of a block
		for _, v := range []string{`"Mü"`, "\"\xc3\"", "-12.5", `"ab`} {
			walked(t, `"`+strings.Repeat("k", 1+pad)+`"`, v)
		}
	}
}

// TestALongNameIsNotWalked: where one was learned that is too long for it, nothing passes without a name.
func TestALongNameIsNotWalked(t *testing.T) {
	long := `"` + strings.Repeat("n", 40) + `"`
	for _, one := range []string{long + `:1`, `"x":1`, `"x"`, `1`, `{}`, long, ``} {
		body := []byte(`[{"email":"y@x","o":{"a":1,` + long + `:2,"b":3}},{"email":"y@x","o":{"a":1,` + one + `,"b":3}}]`)
		same(t, walkers, ir.RedactionOmit, Options{}, body, whole(body))
	}
}

// TestMembersThatGoAreWalked: first, last, alone and all of them, with and without white space before.
func TestMembersThatGoAreWalked(t *testing.T) {
	for _, p := range []string{`{"u":1}`, `{"u":1,"v":2}`, `{"u":1,"n":"x"}`, `{"n":"x","u":1}`, `{"u":1,"n":"x","v":2}`, `{ "u":1,"n":"x"}`, `{ "u":1}`, `{"u":1 ,"n":"x", "v":2}`} {
		for _, first := range []string{p, `{"u":1,"v":2,"n":"x"}`} {
			record := `{"email":"y@x","p":` + p + `}`
			body := []byte(`[{"email":"y@x","p":` + first + `},` + record + `,` + record + `,` + p + `]`)
			for _, r := range redactions {
				same(t, walkers, r, Options{}, body, whole(body))
			}
		}
	}
}

// TestManyMembersAreWalked: a shape has as many names as a word has bits, and what comes behind is read all the same.
func TestManyMembersAreWalked(t *testing.T) {
	for _, n := range []int{1, 2, 62, 63, 64, 65, 70} {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"m%d":%d`, i, i))
		}
		object := "{" + strings.Join(members, ",") + "}"
		for _, last := range []string{object, strings.Replace(object, `"m0"`, `"m1"`, 1), strings.Replace(object, `:0`, `:00`, 1), "{}"} {
			for _, record := range []string{
				`{"email":"y@x","o":[` + object + `,` + object + `,` + last + `]}`, strings.Replace(last, "{", `{"email":"y@x",`, 1), strings.Replace(object, "{", `{"health":1,"email":"y@x",`, 1),
			} {
				body := []byte(`[` + strings.Replace(object, "{", `{"email":"y@x","z":"y",`, 1) + `,` + record + `,` + record + `]`)
				same(t, walkers, ir.RedactionOmit, Options{}, body, whole(body))
				same(t, walkers, ir.RedactionNullify, Options{}, body, random(body, uint64(n)))
			}
		}
	}
}

// TestDeepObjectsAreNotWalked: what is nested too deeply is refused wherever it stands.
func TestDeepObjectsAreNotWalked(t *testing.T) {
	for depth := MaxDepth - 6; depth < MaxDepth+2; depth++ {
		inner := `[{"a":1},{"a":2},{"a":3}]`
		body := []byte(`[{"email":"y@x","o":` + strings.Repeat("[", depth) + inner + strings.Repeat("]", depth) + `}]`)
		same(t, walkers, ir.RedactionOmit, Options{}, body, whole(body))
	}
}

// FuzzMembers looks for a member that is read in another way where members are walked.
func FuzzMembers(f *testing.F) {
	for _, v := range []string{`"x"`, `"Müller"`, "-12.5", "0", "true", "false", "null", `{"a":1}`, `1,"c":2`, `"` + strings.Repeat("x", 70) + `"`} {
		f.Add([]byte("m"), []byte(v))
		f.Add([]byte("a name that is long enough for 32"), []byte(v))
	}
	f.Fuzz(func(t *testing.T, name, value []byte) {
		quoted, err := json.Marshal(string(name))
		if err != nil || len(value) > 1<<10 || len(quoted) > 1<<8 {
			return
		}
		walked(t, string(quoted), string(value))
		walked(t, `"`+string(name)+`"`, string(value))
	})
}
