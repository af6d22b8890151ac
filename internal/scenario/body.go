package scenario

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
)

// Bytes gives a body as it is sent: a text as it is, everything else as JSON. It gives nil for none.
func Bytes(body any) ([]byte, error) {
	switch v := body.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(v), nil
	default:
		return json.Marshal(v)
	}
}

// ContentType gives the content type by which a body is sent to an endpoint that declares a format: that of the format for a text, and of
// JSON for everything else.
func ContentType(body any, declared ir.Format) string {
	if _, text := body.(string); text {
		return enforce.ContentType(declared)
	}
	return enforce.ContentType(ir.FormatJSON)
}

// ContentType gives the content type of a request: that of its headers, if they name one.
func (r Request) ContentType(declared ir.Format) string {
	for k, v := range r.Headers {
		if strings.EqualFold(k, "Content-Type") {
			return v
		}
	}
	return ContentType(r.Body, declared)
}

// parse reads a body in the format of its message. A text may be anything, so what is wrong with it is a reason; a value that cannot be
// read is a mistake in the case.
func parse(m *ir.Message, contentType string, v any) (enforce.Body, decide.Reason, error) {
	if !enforce.Declares(m.Format, []string{contentType}) {
		return nil, decide.EncodingNotAllowed, nil
	}
	data, err := Bytes(v)
	if err != nil {
		return nil, "", err
	}
	body, err := enforce.Read(m, data)
	if err == nil {
		return body, "", nil
	}
	if _, text := v.(string); text {
		return nil, decide.BodyUnreadable, nil
	}
	return nil, "", err
}

// readBody reads the body of the request to an endpoint that rules use.
func (t *attempt) readBody(e *decide.Endpoint) (reason decide.Reason, err error) {
	in := t.d.Request
	if !e.Used() {
		return "", nil
	}
	if reason = enforce.Expected(e.IR, in.Body != nil); reason != "" || in.Body == nil {
		return reason, nil
	}
	if t.body, reason, err = parse(e.IR.Request, in.ContentType(e.IR.Request.Format), in.Body); err != nil {
		return "", fmt.Errorf("request.body: %w", err)
	}
	return reason, nil
}

// readAnswer reads the answer of the service. Reason tells why it cannot be passed on.
func (t *attempt) readAnswer(m *ir.Message) (reason decide.Reason, err error) {
	if t.answer, reason, err = parse(m, ContentType(t.d.Answer, m.Format), t.d.Answer); err != nil {
		return "", fmt.Errorf("answer: %w", err)
	}
	return reason, nil
}

// unreadable handles an answer that cannot be read: an error keeps its status only, everything else is withheld.
func (t *attempt) unreadable(reason decide.Reason) {
	if t.d.AnswerStatus >= http.StatusMultipleChoices {
		t.returned = map[string]any{}
		return
	}
	people := t.got.People
	t.deny(reason)
	t.got.People = people
}

// shown is a body as cases write it: JSON as its value, everything else as text.
func shown(f ir.Format, body []byte) (v any, err error) {
	if f != ir.FormatJSON {
		return string(body), nil
	}
	err = json.Unmarshal(body, &v)
	return v, err
}
