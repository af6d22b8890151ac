package csvfilter

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

var answer = &ir.Message{
	Format: ir.FormatCSV,
	Records: &ir.Records{
		Each: "/*", Identifier: "/email", Identifies: email,
		Fields: []ir.Field{
			{Pointer: "/email", Category: "pd:EmailAddress"}, {Pointer: "/name", Category: "pd:Name"}, {Pointer: "/health", Category: "pd:MedicalHealth"},
		},
		NotPersonal: []string{"/id"},
	},
}

func copied(m *ir.Message, r ir.Redaction, judge jsonfilter.Judge, body string, o Options) (string, error) {
	var out bytes.Buffer
	_, err := Compile(m, covered, r).Copy(&out, strings.NewReader(body), judge, o)
	return out.String(), err
}

func redact(p jsonfilter.Person) jsonfilter.Handling {
	if only(p) == jsonfilter.Keep {
		return jsonfilter.Keep
	}
	return jsonfilter.Redact
}

func TestAnswers(t *testing.T) {
	const body = "id,email,health,name\n1,y@x,good,\"Y \"\"Y\"\"\"\n2,n@x,bad,N\n"
	for name, tt := range map[string]struct {
		body, want string
		redaction  ir.Redaction
		judge      jsonfilter.Judge
	}{
		"rows of others and columns that are not covered go": {body, "id,email,name\n1,y@x,\"Y \"\"Y\"\"\"\n", ir.RedactionOmit, only},
		"omitting is what is done if nothing is said":        {body, "id,email,name\n1,y@x,\"Y \"\"Y\"\"\"\n", "", only},
		"null is an empty cell":                              {body, "id,email,health,name\n1,y@x,,\"Y \"\"Y\"\"\"\n", ir.RedactionNullify, only},
		"a mask":                                             {body, "id,email,health,name\n1,y@x,***,\"Y \"\"Y\"\"\"\n", ir.RedactionMask, only},
		"a redacted row keeps what is not personal":          {body, "id,email,name\n1,y@x,\"Y \"\"Y\"\"\"\n2,,\n", ir.RedactionOmit, redact},
		"a redacted row under a mask":                        {body, "id,email,health,name\n1,y@x,***,\"Y \"\"Y\"\"\"\n2,***,***,***\n", ir.RedactionMask, redact},
		"an undeclared column goes": {
			"email,shoe\ny@x,40\n", "email\ny@x\n", ir.RedactionOmit, only,
		},
		"an undeclared column that may be a name of somebody goes with its name": {
			"email,shoe,n@x\ny@x,40,1\n", "email,shoe\ny@x,***\n", ir.RedactionMask, only,
		},
		"a declared column that no word could name keeps its name": {
			"email,health\ny@x,good\n", "email,health\ny@x,\n", ir.RedactionNullify, only,
		},
		"the one cell of a row that is empty stays a row": {
			"email,id\ny@x,\ny@y,7\n", "id\n\"\"\n7\n", ir.RedactionOmit, func(jsonfilter.Person) jsonfilter.Handling { return jsonfilter.Keep },
		},
		"no column is left, and nobody can count": {"shoe\n40\n41\n", "", ir.RedactionOmit, redact},
		"only a header": {"id,email,health\r\n", "id,email\r\n", ir.RedactionOmit, only},
		"formulas stay": {"id,email\n=1+1,y@x\n", "id,email\n=1+1,y@x\n", ir.RedactionOmit, only},
	} {
		t.Run(name, func(t *testing.T) {
			m := answer
			if strings.HasPrefix(name, "the one cell") {
				m = &ir.Message{Records: &ir.Records{Each: "/*", Identifier: "/email", Identifies: email, NotPersonal: []string{"/id"}}}
			}
			got, err := copied(m, tt.redaction, tt.judge, tt.body, Options{})
			if err != nil || got != tt.want {
				t.Errorf("got %q, want %q (%v)", got, tt.want, err)
			}
			d, err := Parse([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if whole, _ := d.Response(m, covered, tt.redaction, tt.judge); string(whole) != tt.want {
				t.Errorf("as a whole %q", whole)
			}
			var out bytes.Buffer
			if _, err := Compile(m, covered, tt.redaction).Copy(&out, iotest.OneByteReader(strings.NewReader(tt.body)), tt.judge, Options{}); err != nil || out.String() != tt.want {
				t.Errorf("byte by byte %q, %v", out.String(), err)
			}
		})
	}
}

func TestColumnsOutsideOfRecords(t *testing.T) {
	m := &ir.Message{
		Format: ir.FormatCSV, Fields: []ir.Field{{Pointer: "/*/name", Category: "pd:Name"}, {Pointer: "/*/health", Category: "pd:MedicalHealth"}},
		NotPersonal: []string{"/*/n"}, Totals: []string{"/*/n"},
	}
	got, err := copied(m, ir.RedactionMask, nil, "name,health,n\nN,good,3\n", Options{})
	if err != nil || got != "name,health\nN,***\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestARowIsBounded(t *testing.T) {
	long := "email,name\ny@x," + strings.Repeat("a", 100) + "\n"
	if _, err := copied(answer, "", keep, long, Options{Row: 100}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
	if _, err := copied(answer, "", keep, long, Options{Row: 200}); err != nil {
		t.Errorf("%v", err)
	}
	var endless counted
	if _, err := Compile(answer, covered, "").Copy(io.Discard, io.MultiReader(strings.NewReader("email\n\""), &endless), keep, Options{}); !errors.Is(err, ErrTooLarge) || endless > 4*DefaultRow {
		t.Errorf("%v after %d bytes", err, endless)
	}
}

// counted never ends.
type counted int

func (c *counted) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	*c += counted(len(p))
	return len(p), nil
}

func TestMemoryIsThatOfARow(t *testing.T) {
	in := source{r: strings.NewReader(strings.Repeat("y@example.org,Anna\n", 200_000)), limit: DefaultRow}
	rows := 0
	if err := in.rows(func(*syntax, []byte, int) error { rows++; return nil }); err != nil || rows != 200_000 {
		t.Fatalf("%d rows, %v", rows, err)
	}
	if cap(in.buf) > 8*block {
		t.Errorf("%d bytes are held", cap(in.buf))
	}
}

func TestWhatFailsIsTold(t *testing.T) {
	broken := errors.New("broken")
	if _, err := Compile(answer, covered, "").Copy(io.Discard, io.MultiReader(strings.NewReader("email\ny@x\n"), iotest.ErrReader(broken)), keep, Options{}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
