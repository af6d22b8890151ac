package csvfilter

import (
	"bytes"
	"encoding/csv"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// rowsFrom is what the standard library reads.
func rowsFrom(t *testing.T, body []byte) [][]string {
	t.Helper()
	r := csv.NewReader(bytes.NewReader(body))
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatalf("the standard library refuses %q: %v", body, err)
	}
	return rows
}

// FuzzTable holds the filter to encoding/csv: what it accepts has the same cells there, and what it writes is what is left of them.
func FuzzTable(f *testing.F) {
	for _, body := range []string{
		"email,name\ny@x,Y\nn@x,N\n", "email,name\r\n\"y@x\",\"Y\r\n,\"\"\"\r\nn@x,", "email\n\"\"\ny@x", "email,name,shoe\ny@x,,\"\"\n", "a\\b,email\n\\,x\n", "id,email\n=1,y@x\n",
		"email,n@x\ny@x,\"a\"\"b\"\n",
	} {
		f.Add([]byte(body), byte(0))
		f.Add([]byte(body), byte(1))
	}
	f.Fuzz(func(t *testing.T, body []byte, which byte) {
		d, err := Parse(body)
		if err != nil {
			return
		}
		rows := rowsFrom(t, body)
		people(t, d, rows)
		redaction := []ir.Redaction{ir.RedactionOmit, ir.RedactionNullify, ir.RedactionMask}[which%3]
		shown(t, d, rows, redaction)
	})
}

// people compares requests.
func people(t *testing.T, d *Document, rows [][]string) {
	t.Helper()
	if all := d.Request(upload, covered, keep).Body(nil); !bytes.Equal(all, d.body) {
		t.Fatalf("keeping everybody changed %q to %q", d.body, all)
	}
	at := slices.Index(rows[0], "email")
	want := [][]string{rows[0]}
	for _, r := range rows[1:] {
		if at >= 0 && strings.HasPrefix(r[at], "y") {
			want = append(want, r)
		}
	}
	r := d.Request(upload, covered, only)
	out := r.Body(nil)
	if got := rowsFrom(t, out); !reflect.DeepEqual(got, want) {
		t.Fatalf("%q is left of %q", got, d.body)
	}
	if _, err := Parse(out); err != nil {
		t.Fatalf("%q is not strict: %v", out, err)
	}
}

// shown compares answers.
func shown(t *testing.T, d *Document, rows [][]string, redaction ir.Redaction) {
	t.Helper()
	out, _ := d.Response(answer, covered, redaction, only)
	at := slices.Index(rows[0], "email")
	plain := map[string]bool{"id": true, "email": true, "name": true}
	var want [][]string
	for i, r := range rows {
		if i > 0 && (at < 0 || !strings.HasPrefix(r[at], "y")) {
			continue
		}
		var cells []string
		for j, name := range rows[0] {
			switch {
			case plain[name] || (i == 0 && redaction != ir.RedactionOmit && (name == "health" || jsonfilter.PlainWord(name))):
				cells = append(cells, r[j])
			case redaction == ir.RedactionOmit || (name != "health" && !jsonfilter.PlainWord(name)):
			case redaction == ir.RedactionMask:
				cells = append(cells, "***")
			default:
				cells = append(cells, "")
			}
		}
		if cells != nil {
			want = append(want, cells)
		}
	}
	if got := rowsFrom(t, out); !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
		t.Fatalf("%s shows %q of %q, want %q", redaction, got, d.body, want)
	}
}
