package jsonfilter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ir"
)

func program(t testing.TB, m *ir.Message) *Program {
	t.Helper()
	p, err := Compile(m, covered, ir.RedactionOmit)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func yes(people []Subject, out []Handling) {
	for i := range people {
		if !people[i].Unresolved && bytes.HasPrefix(people[i].Value, []byte("y")) {
			out[i] = Keep
		}
	}
}

// TestCopyRefusesWhatTwoParsersReadInTwoWays: within a record and beside it, in one piece and in many.
func TestCopyRefusesWhatTwoParsersReadInTwoWays(t *testing.T) {
	wide := make([]string, 100)
	for i := range wide {
		wide[i] = fmt.Sprintf(`"member number %d of a wide object":0`, i)
	}
	var nested strings.Builder
	for i := range 40 {
		fmt.Fprintf(&nested, `"n%d":{%s},`, i, strings.Join(wide[:20+i%3], ","))
	}
	for name, value := range map[string]string{
		"a name twice":                           `{"x":1,"x":2}`,
		"a name twice, hidden":                   `{"x":1,"\u0078":2}`,
		"a declared name twice":                  `{"email":"y@x","email":"n@x"}`,
		"a declared name twice, hidden":          `{"email":"y@x","em\u0061il":"n@x"}`,
		"a long name twice":                      `{"a name of more than sixteen":1,"a name of more than sixteen":2}`,
		"a name twice in a wide object":          `{` + strings.Join(append(wide, wide[70]), ",") + `}`,
		"an early name twice in a wide object":   `{` + strings.Join(append(wide, wide[0]), ",") + `}`,
		"a name twice around other wide objects": `{` + nested.String() + `"n3":1}`,
		"invalid UTF-8":                          "{\"x\":\"y\xff@x\"}",
		"half a character":                       "{\"x\":\"y\xe2\x82\"}",
		"a character written too long":           "{\"x\":\"\xc0\x80\"}",
		"a surrogate in UTF-8":                   "{\"x\":\"\xed\xa0\x80\"}",
		"invalid UTF-8 in a name":                "{\"x\xff\":1}",
		"half a surrogate":                       `{"x":"\ud800"}`,
		"the wrong half of a surrogate":          `{"x":"\udc00\ud800"}`,
		"two second halves":                      `{"x":"\udc00\udc00"}`,
		"half a surrogate in a name":             `{"\ud800":1}`,
		"a control character":                    "{\"x\":\"a\nb\"}",
		"a zero byte":                            "{\"x\":\"a\x00b\"}",
		"a comment":                              `{"x":1/*x*/}`,
		"a comma too many":                       `{"x":1,}`,
		"a comma too many in a list":             `[1,]`,
		"not a number":                           `NaN`,
		"a number with a zero before":            `01`,
		"a number that begins with a plus":       `+1`,
		"a number without digits":                `1.e3`,
		"a word":                                 `tru`,
		"brackets that do not match":             `{"x":[1}]`,
		"a name that is none":                    `{x:1}`,
		"deep nesting":                           strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1),
	} {
		for place, format := range map[string]string{
			"in a record":                    `{"customers":[{"email":"y@y","id":%s}]}`,
			"in a record that is dropped":    `{"customers":[{"email":"n@y","id":%s}]}`,
			"in what nobody declared":        `{"customers":[{"email":"y@y","score":%s}]}`,
			"as a record":                    `{"customers":[%s]}`,
			"beside records":                 `{"page":%s,"customers":[]}`,
			"beside records, not declared":   `{"trace":%s,"customers":[]}`,
			"beside records in something":    `{"meta":%s,"customers":[]}`,
			"behind a long list":             `{"page":[` + strings.Repeat(`"0123456789",`, 800) + `%s]}`,
			"behind a long list that goes":   `{"trace":[` + strings.Repeat(`"0123456789",`, 800) + `%s]}`,
			"in a wide object besides":       `{"page":{` + strings.Join(wide, ",") + `,"z":%s}}`,
			"in a long object that goes too": `{"trace":{"z":%s,"y":[` + strings.Repeat(`"0123456789",`, 800) + `0]}}`,
		} {
			body := fmt.Sprintf(format, value)
			for pieces, src := range map[string]io.Reader{"whole": whole([]byte(body)), "single bytes": single([]byte(body))} {
				var got bytes.Buffer
				_, err := program(t, list).Copy(&got, src, yes, Options{})
				if !errors.Is(err, ErrUnreadable) {
					t.Errorf("%s %s, %s: the error is %v and %d bytes are written", name, place, pieces, err, got.Len())
				}
				if err != nil && strings.Contains(err.Error(), "@") {
					t.Errorf("the error quotes the body: %v", err)
				}
			}
		}
	}
	for name, body := range map[string]string{
		"two values": `{} {}`, "a byte order mark": "\ufeff{}", "nothing": "", "white space": " \n", "half": `{"customers":[{"email":"y@y"}`,
		"half a number": `-`, "a bracket too many": `{}}`,
	} {
		for pieces, src := range map[string]io.Reader{"whole": whole([]byte(body)), "single bytes": single([]byte(body))} {
			if _, err := program(t, list).Copy(io.Discard, src, yes, Options{}); !errors.Is(err, ErrUnreadable) {
				t.Errorf("%s, %s: the error is %v", name, pieces, err)
			}
		}
	}
}

// TestCopyReadsWhatIsSound: the strictness goes no further than it should.
func TestCopyReadsWhatIsSound(t *testing.T) {
	for name, value := range map[string]string{
		"the same name in objects side by side": `[{"x":1},{"x":1}]`,
		"the same name in objects in objects":   `{"x":{"x":{"x":1}},"y":{"x":1}}`,
		"a name of zeros":                       `{"a":1,"a\u0000":2,"a\u0000\u0000":3}`,
		"names that begin alike":                `{"a name of more than sixteen":1,"a name of more than seventeen":2}`,
		"numbers":                               `[0,-0,1e400,-1.25E+9,123456789012345678901234567890]`,
		"every escape":                          `"\"\\\/\b\f\n\r\t\u00e9\ud834\udd1e\uFFFD"`,
		"every length of UTF-8":                 `"aé€𝄞` + "\u007f\U0010ffff" + `"`,
		"deep nesting":                          strings.Repeat("[", MaxDepth-3) + strings.Repeat("]", MaxDepth-3),
	} {
		body := `{"customers":[{"email":"y@y","id":` + value + `}],"page":` + value + `}`
		for pieces, src := range map[string]io.Reader{"whole": whole([]byte(body)), "single bytes": single([]byte(body))} {
			var got bytes.Buffer
			if _, err := program(t, list).Copy(&got, src, yes, Options{}); err != nil || got.String() != body {
				t.Errorf("%s, %s: got %s, %v", name, pieces, got.String(), err)
			}
		}
	}
}

// TestNothingIsWrittenBeforeItIsJudged: a record flows when it is complete, and not before its person was judged.
func TestNothingIsWrittenBeforeItIsJudged(t *testing.T) {
	for name, tt := range map[string]struct {
		o    Options
		body []string
		want []string
	}{
		"a document": {
			Options{},
			[]string{`{"page":1,"customers":[{"id":1,"email":"y@1"`, `}`, `,{"id":2,"email":"n@2"},{"id":3,`, `"email":"y@3"}, {"id":4,"email":"y@4"}`, `]}`},
			[]string{`{"page":1,"customers":[`, `{"id":1,"email":"y@1"}`, ``, `,{"id":3,"email":"y@3"}, {"id":4,"email":"y@4"}`, `]}`},
		},
		"lines": {
			Options{Framing: Lines},
			[]string{`{"customers":[{"email":"y@1"}]`, "}\n", `{"customers":[{"email":"n@1"}]}` + "\n{", "}"},
			[]string{``, `{"customers":[{"email":"y@1"}]}` + "\n", `{"customers":[]}` + "\n", "", "{}"},
		},
		"events": {
			Options{Framing: Events},
			[]string{": hello y@1\n", `data: {"customers":[{"email":"y@1"}]}`, "\n", "\r", "\ndata:[]\n\n", "data: {}"},
			[]string{":\n", ``, ``, `data: {"customers":[{"email":"y@1"}]}` + "\n\n", "data: []\n\n", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			judged, flushed := 0, 0
			tt.o.Flush = func() { flushed++ }
			src := &steps{t: t, parts: tt.body, after: func(i int) {
				if got.String() != strings.Join(tt.want[:i], "") {
					t.Errorf("after %d parts %q is written, want %q", i, got.String(), strings.Join(tt.want[:i], ""))
				}
			}}
			judge := func(people []Subject, out []Handling) {
				for _, p := range people {
					judged++
					if strings.Contains(got.String(), string(p.Value)) {
						t.Errorf("%s is written before being judged", p.Value)
					}
				}
				yes(people, out)
			}
			_, err := program(t, list).Copy(&got, src, judge, tt.o)
			if err != nil || got.String() != strings.Join(tt.want, "") {
				t.Errorf("got %q, %v", got.String(), err)
			}
			if judged == 0 || flushed == 0 {
				t.Errorf("%d judged, %d flushes", judged, flushed)
			}
		})
	}
}

// steps gives parts, and tells before each how many were given.
type steps struct {
	t     *testing.T
	parts []string
	given int
	after func(int)
}

func (s *steps) Read(p []byte) (int, error) {
	s.after(s.given)
	if s.given == len(s.parts) {
		return 0, io.EOF
	}
	n := copy(p, s.parts[s.given])
	s.given++
	return n, nil
}
