package enforce

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

func TestDeclaredContentTypes(t *testing.T) {
	kinds := map[string]ir.Format{
		"application/json":                                ir.FormatJSON,
		"application/vnd.api+json":                        ir.FormatJSON,
		"application/json; charset=UTF-8":                 ir.FormatJSON,
		"application/json; profile=x":                     ir.FormatJSON,
		"application/x-ndjson":                            ir.FormatNDJSON,
		"application/jsonl; charset=utf-8":                ir.FormatNDJSON,
		"text/csv":                                        ir.FormatCSV,
		"Text/CSV; header=present; charset=\"utf-8\"":     ir.FormatCSV,
		"application/x-www-form-urlencoded":               ir.FormatForm,
		"application/x-www-form-urlencoded;charset=UTF-8": ir.FormatForm,
		"text/event-stream":                               ir.FormatEventStream,
	}
	for kind, format := range kinds {
		for _, f := range ir.Formats {
			if got := Declares(f, []string{kind}); got != (f == format) {
				t.Errorf("%s declares %q: %t", kind, f, got)
			}
		}
	}
	for _, kind := range []string{
		"", "application/json-seq", "text/plain", "text/csv; header=absent", "text/csv; charset=iso-8859-1", "text/csv; charset=", "application/json; charset=\"\"", "text/csv; delimiter=x", "text/csv; charset=utf-8; charset=utf-16",
		"multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=utf-16", "application/json; charset=utf-7", "text/tab-separated-values", "application/json, text/csv",
		"text/csv+json2",
	} {
		for _, f := range ir.Formats {
			if Declares(f, []string{kind}) {
				t.Errorf("%s declares %q", kind, f)
			}
		}
	}
	for _, f := range ir.Formats {
		if Declares(f, nil) || Declares(f, []string{ContentType(f), ContentType(f)}) || !Declares(f, []string{ContentType(f)}) {
			t.Errorf("%q is declared by one content type", f)
		}
	}
}

func TestAFormatThatNobodyKnowsIsNotRead(t *testing.T) {
	if _, err := Read(&ir.Message{Format: "Avro"}, []byte("{}")); err == nil {
		t.Error("it is read")
	}
	if Declares("Avro", []string{""}) || ContentType("Avro") != "" {
		t.Error("it has a content type")
	}
}

func plan(format ir.Format, onMissing ir.OnMissing) *decide.Plan {
	return &decide.Plan{
		Purpose: &ir.Purpose{Categories: []string{"pd:EmailAddress"}}, OnMissing: onMissing,
		Endpoint: &ir.Endpoint{Response: &ir.Message{Format: format, Records: &ir.Records{
			Each: "/*", Identifier: "/email", Identifies: ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain},
			Fields: []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}},
		}}},
	}
}

// agreed permits whoever's address begins with "y", and knows nothing fresh of those whose begins with "o".
func agreed(p Person) decide.Verdict {
	switch {
	case strings.HasPrefix(p.Identifier.Value, "y"):
		return decide.Verdict{Reason: decide.OKConsent}
	case strings.HasPrefix(p.Identifier.Value, "o"):
		return decide.Verdict{Reason: decide.LedgerBehind}
	default:
		return decide.Verdict{Reason: decide.NoGrant}
	}
}

func TestCopy(t *testing.T) {
	many := strings.Repeat("y@x\n", 100_000)
	for name, tt := range map[string]struct {
		format     ir.Format
		onMissing  ir.OnMissing
		body, want string
		reason     decide.Reason
		whole      bool
	}{
		"a table":                  {ir.FormatCSV, ir.OnMissingDropRecord, "email,shoe\ny@x,40\nn@x,41\n", "email\ny@x\n", "", true},
		"lines":                    {ir.FormatNDJSON, ir.OnMissingDropRecord, "{\"email\":\"n@x\"}\n{\"email\":\"y@x\"}\n", "{\"email\":\"y@x\"}\n", "", true},
		"events":                   {ir.FormatEventStream, ir.OnMissingDropRecord, "data: {\"email\":\"y@x\"}\n\n", "data: {\"email\":\"y@x\"}\n\n", "", true},
		"JSON":                     {ir.FormatJSON, ir.OnMissingDropRecord, `[{"email":"n@x"},{"email":"y@x"}]`, `[{"email":"y@x"}]`, "", true},
		"a table that is denied":   {ir.FormatCSV, ir.OnMissingDeny, "email\n" + many + "n@x\n", "", decide.NotPermitted, false},
		"a table with old facts":   {ir.FormatCSV, ir.OnMissingDropRecord, "email\ny@x\no@x\n" + many, "", decide.LedgerBehind, false},
		"a table that is none":     {ir.FormatCSV, ir.OnMissingDropRecord, "email\ny@x,1\n", "", decide.BodyUnreadable, false},
		"a row that is too large":  {ir.FormatCSV, ir.OnMissingDropRecord, "email\n" + strings.Repeat("y", 2<<20), "", decide.BodyTooLarge, false},
		"lines that are none":      {ir.FormatNDJSON, ir.OnMissingDropRecord, "{}{}\n", "", decide.BodyUnreadable, false},
		"lines that are denied":    {ir.FormatNDJSON, ir.OnMissingDeny, "{\"email\":\"n@x\"}\n", "", decide.NotPermitted, false},
		"nobody in a denied table": {ir.FormatCSV, ir.OnMissingDeny, "email\n", "email\n", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			reason, err := Copy(plan(tt.format, tt.onMissing), &out, strings.NewReader(tt.body), agreed)
			if reason != tt.reason || (err == nil) != tt.whole {
				t.Errorf("%q, %v", reason, err)
			}
			if out.String() != tt.want {
				t.Errorf("got %q, want %q", out.String(), tt.want)
			}
		})
	}
}

// TestATableIsNotWrittenOnceItIsWithheld: what was written cannot be taken back, but nothing follows.
func TestATableIsNotWrittenOnceItIsWithheld(t *testing.T) {
	var out bytes.Buffer
	_, err := Copy(plan(ir.FormatCSV, ir.OnMissingDropRecord), &out, strings.NewReader("email\n"+strings.Repeat("y@x\n", 50_000)+"o@x\n"+strings.Repeat("y@later\n", 50_000)), agreed)
	if !errors.Is(err, ErrWithheld) || strings.Contains(out.String(), "later") || out.Len() == 0 {
		t.Errorf("%v after %d bytes", err, out.Len())
	}
}

func TestWhatStreams(t *testing.T) {
	for _, f := range ir.Formats {
		if Streams(plan(f, ir.OnMissingDeny)) || Streams(plan(f, ir.OnMissingDropRecord)) != (f != ir.FormatJSON) {
			t.Errorf("%q", f)
		}
	}
}
