package enforce

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/optup/optup/internal/csvfilter"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/defence"
	"github.com/optup/optup/internal/formfilter"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// Body is a body that was read strictly by its format. Pointers read every format as if it were JSON.
type Body interface {
	// Constant gives the value at a pointer without "*", as text; false where there is none that everybody reads alike.
	Constant(pointer string) (string, bool)
	// Request finds the people of a request and has each of them judged, in their order. What is not covered is counted and left.
	Request(m *ir.Message, covered func(category string) bool, judge jsonfilter.Judge) (Addressed, jsonfilter.Outcome)
	// Response writes an answer without people who are not kept and without what is not covered.
	Response(m *ir.Message, covered func(category string) bool, redaction ir.Redaction, judge jsonfilter.Judge) ([]byte, jsonfilter.Outcome)
	// Set gives the body with a JSON value at a pointer; false where there is no place for it.
	Set(pointer string, value []byte) ([]byte, bool)
}

// Addressed is a request body whose people were judged; they are numbered in the order of judging.
type Addressed interface {
	// Stays tells whether a person is left.
	Stays(person int) bool
	// Units numbers what cannot be sent apart: people with the same number stay in one body.
	Units() []int
	// Body writes the body for those of the people who are left that only names; nil means all of them.
	Body(only func(person int) bool) []byte
}

// Read reads a body in the format that its message declares. An error tells that the body has more than one reading, or none.
func Read(m *ir.Message, body []byte) (Body, error) {
	switch m.Format {
	case ir.FormatJSON:
		d, err := jsonfilter.Parse(body)
		return jsonBody{d}, err
	case ir.FormatNDJSON:
		d, err := jsonfilter.ParseLines(body)
		return jsonBody{d}, err
	case ir.FormatEventStream:
		d, err := jsonfilter.ParseEvents(body)
		return jsonBody{d}, err
	case ir.FormatCSV:
		d, err := csvfilter.Parse(body)
		return csvBody{d}, err
	case ir.FormatForm:
		d, err := formfilter.Parse(body, m)
		return formBody{d}, err
	default:
		return nil, fmt.Errorf("format %q", m.Format)
	}
}

// jsonBody is one JSON document, or a sequence of them.
type jsonBody struct{ *jsonfilter.Document }

func (b jsonBody) Request(m *ir.Message, covered func(string) bool, judge jsonfilter.Judge) (Addressed, jsonfilter.Outcome) {
	r := b.Document.Request(m, covered, judge)
	return r, r.Outcome
}

type csvBody struct{ *csvfilter.Document }

func (b csvBody) Request(m *ir.Message, covered func(string) bool, judge jsonfilter.Judge) (Addressed, jsonfilter.Outcome) {
	r := b.Document.Request(m, covered, judge)
	return r, r.Outcome
}

// Constant implements Body: a table has no place of its own for one value.
func (csvBody) Constant(string) (string, bool) { return "", false }

// Set implements Body.
func (csvBody) Set(string, []byte) ([]byte, bool) { return nil, false }

type formBody struct{ *formfilter.Document }

func (b formBody) Request(m *ir.Message, covered func(string) bool, judge jsonfilter.Judge) (Addressed, jsonfilter.Outcome) {
	r := b.Document.Request(m, covered, judge)
	return r, r.Outcome
}

// Response implements Body. No answer is a form (ir.Validate); one that is shows nothing.
func (formBody) Response(*ir.Message, func(string) bool, ir.Redaction, jsonfilter.Judge) ([]byte, jsonfilter.Outcome) {
	return nil, jsonfilter.Outcome{}
}

// mediaTypes are the content types of each format; JSON is also whatever ends in +json (RFC 6839).
var mediaTypes = map[ir.Format][]string{
	ir.FormatJSON:        {"application/json"},
	ir.FormatNDJSON:      {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"},
	ir.FormatCSV:         {"text/csv"},
	ir.FormatForm:        {"application/x-www-form-urlencoded"},
	ir.FormatEventStream: {"text/event-stream"},
}

// ContentType gives the content type by which a body in a format goes.
func ContentType(f ir.Format) string {
	if known := mediaTypes[f]; len(known) > 0 {
		return known[0]
	}
	return ""
}

// Declares tells whether the Content-Type headers of a message declare a format, in UTF-8. There has to be exactly one.
func Declares(f ir.Format, contentType []string) bool {
	if len(contentType) != 1 {
		return false
	}
	if known := mediaTypes[f]; len(known) > 0 && known[0] == contentType[0] {
		return true // most say it just so
	}
	kind, params, err := mime.ParseMediaType(contentType[0])
	if err != nil {
		return false
	}
	named := f == ir.FormatJSON && strings.HasSuffix(kind, "+json")
	for _, k := range mediaTypes[f] {
		named = named || k == kind
	}
	if charset, given := params["charset"]; !named || (given && !strings.EqualFold(charset, "utf-8") && defence.Charset) {
		return false
	}
	for name, v := range params {
		// Other parameters say what JSON is about (profiles, versions). The other formats have none that keep their reading, but
		// that of CSV which says that there is a header (RFC 4180 §3).
		if f != ir.FormatJSON && name != "charset" && (f != ir.FormatCSV || name != "header" || v != "present") {
			return false
		}
	}
	return true
}

// Streams tells whether an answer can be passed on while it is read: nothing in it can take back what was passed on before.
func Streams(p *decide.Plan) bool {
	m := p.Endpoint.Response
	return m.Format != ir.FormatJSON && p.OnMissing != ir.OnMissingDeny
}

// ErrWithheld ends a stream in which somebody was found for whom the whole answer is withheld; see Returned.
var ErrWithheld = errors.New("the rest of the answer is withheld")

// Copy filters an answer on its way. A table is held one row at a time, everything else as a whole. An error tells that the rest must
// not be passed on; by then a part may have been, so the caller has to end the exchange so that it does not look whole.
func Copy(p *decide.Plan, dst io.Writer, src io.Reader, judge Judge) (decide.Reason, error) {
	m := p.Endpoint.Response
	if m.Format != ir.FormatCSV || !Streams(p) {
		return copyWhole(p, dst, src, judge)
	}
	a := answering{plan: p, judge: judge}
	_, err := csvfilter.Compile(m, p.Category, p.Redaction).Copy(&gate{dst, &a}, src, a.handle, csvfilter.Options{})
	if a.withheld() {
		return a.reason(), ErrWithheld
	}
	return unreadable(err), err
}

// gate stops writing as soon as the whole answer is withheld.
type gate struct {
	io.Writer
	a *answering
}

func (g *gate) Write(b []byte) (int, error) {
	if g.a.withheld() {
		return 0, ErrWithheld
	}
	return g.Writer.Write(b)
}

func copyWhole(p *decide.Plan, dst io.Writer, src io.Reader, judge Judge) (decide.Reason, error) {
	body, err := io.ReadAll(src)
	if err != nil {
		return decide.BodyUnreadable, err
	}
	doc, err := Read(p.Endpoint.Response, body)
	if err != nil {
		return decide.BodyUnreadable, err
	}
	out := Answer(p, doc, judge)
	if out.Reason != "" {
		return out.Reason, ErrWithheld
	}
	_, err = dst.Write(out.Body)
	return "", err
}

func unreadable(err error) decide.Reason {
	switch {
	case errors.Is(err, csvfilter.ErrTooLarge):
		return decide.BodyTooLarge
	case errors.Is(err, csvfilter.ErrUnreadable):
		return decide.BodyUnreadable
	default:
		return ""
	}
}
