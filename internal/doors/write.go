package doors

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"unicode/utf8"
)

// writer appends an answer in JSON.
type writer func(b []byte) ([]byte, error)

var (
	buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }}
	errText = errors.New("what is to be answered is no text")
)

// maxPooled is up to how many bytes a buffer is used again.
const maxPooled = 64 << 10

// write answers. Answers are written by hand: they are few kinds, and a batch has a thousand of them.
func write(w http.ResponseWriter, answer writer) error {
	room := buffers.Get().(*[]byte)
	body, err := answer((*room)[:0])
	if body = append(body, '\n'); cap(body) <= maxPooled {
		*room = body
		defer buffers.Put(room)
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // the caller is gone if this fails
	return nil
}

// metadata says where questions are answered.
func metadata(base string) writer {
	return func(b []byte) ([]byte, error) {
		b, err := begin(b).text("policy_decision_point", base).text("access_evaluation_endpoint", base+EvaluationPath).
			text("access_evaluations_endpoint", base+EvaluationsPath).end()
		return b, err
	}
}

type answers []Answer

func (all answers) append(b []byte) (_ []byte, err error) {
	b = append(b, `{"evaluations":[`...)
	for i := range all {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = all[i].append(b); err != nil {
			return b, err
		}
	}
	return append(b, "]}"...), nil
}

func (a *Answer) append(b []byte) ([]byte, error) {
	m := begin(b).truth("decision", a.Decision).name("context")
	n := &a.Context
	in := begin(m.b)
	if n.Reason != "" {
		in = in.text("reason", string(n.Reason))
	}
	if len(n.Obligations) > 0 {
		in = listed(in, "obligations", n.Obligations)
	}
	if n.Bodies != nil {
		in = listed(in, "bodies", n.Bodies)
	}
	if n.Purpose != "" {
		in = in.text("purpose", string(n.Purpose))
	}
	if n.ID != "" {
		in = in.text("decisionId", n.ID)
	}
	if n.Observed {
		in = in.truth("observed", true)
	}
	if n.Position != 0 {
		in = in.number("position", uint64(n.Position))
	}
	if n.Error != nil {
		failure := begin(in.name("error").b).number("status", uint64(n.Error.Status)).text("message", n.Error.Message)
		in.b, in.err = failure.b, errors.Join(in.err, failure.err)
		in.b = append(in.b, '}')
	}
	m.b, m.err = in.end()
	return m.end()
}

// written is an object that is being written.
type written struct {
	b     []byte
	begun bool
	err   error
}

func begin(b []byte) written { return written{b: append(b, '{')} }

func (m written) end() ([]byte, error) { return append(m.b, '}'), m.err }

// name begins a member. Names are ours and need no care.
func (m written) name(name string) written {
	if m.begun {
		m.b = append(m.b, ',')
	}
	m.begun = true
	m.b = append(append(append(m.b, '"'), name...), `":`...)
	return m
}

func (m written) text(name, value string) written {
	m = m.name(name)
	m.quote(value)
	return m
}

func (m written) truth(name string, value bool) written {
	m = m.name(name)
	m.b = strconv.AppendBool(m.b, value)
	return m
}

func (m written) number(name string, value uint64) written {
	m = m.name(name)
	m.b = strconv.AppendUint(m.b, value, 10)
	return m
}

func listed[T ~string](m written, name string, all []T) written {
	m = m.name(name)
	m.b = append(m.b, '[')
	for i, s := range all {
		if i > 0 {
			m.b = append(m.b, ',')
		}
		m.quote(string(s))
	}
	m.b = append(m.b, ']')
	return m
}

const hex = "0123456789abcdef"

// quote writes a text (RFC 8259 §7). What is no UTF-8 is none.
func (m *written) quote(s string) {
	if !utf8.ValidString(s) {
		m.err = errText
		return
	}
	m.b = append(m.b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		m.b = append(m.b, s[from:i]...)
		if from = i + 1; c >= ' ' {
			m.b = append(m.b, '\\', c)
		} else {
			m.b = append(m.b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	m.b = append(append(m.b, s[from:]...), '"')
}
