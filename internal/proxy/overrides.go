package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/optup/optup/internal/enforce"
)

// override is the name in a body under which some frameworks look for a method that replaces that of the request. Nobody declared what
// they would do then.
const override = "_method"

var errOverrides = errors.New("the body names another method")

// overrides tells whether a form names another method. A form that cannot be held to be looked through counts as one that does, and so
// does anything else that may name one and cannot be looked through as it comes.
func (x *exchange) overrides() bool {
	kind, form, encoded := x.kind()
	switch {
	case x.r.Body == nil, x.r.Body == http.NoBody:
		return false
	case !form && !mayOverride(x.r.Method, kind):
		return false
	case strings.Contains(kind, "charset") && !strings.Contains(kind, "utf-8"), encoded && (form || strings.HasPrefix(kind, "multipart/")):
		return true // names may be written in another way
	case !form:
		return false // seen to as it comes
	}
	source := x.r.Body
	body, err := x.hold(source, x.r.ContentLength)
	x.r.Body = again{io.MultiReader(bytes.NewReader(body), source), source}
	if err != nil {
		return true
	}
	_ = http.NewResponseController(x.w.ResponseWriter).SetReadDeadline(time.Time{})
	for field := range strings.FieldsFuncSeq(string(body), func(c rune) bool { return c == '&' || c == ';' }) {
		name, _, _ := strings.Cut(field, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil || strings.HasPrefix(strings.ToLower(strings.TrimSpace(plain)), override) {
			return true
		}
	}
	return false
}

// kind is the content type of a request in small letters, whether it is that of a form, and whether the body is encoded.
func (x *exchange) kind() (kind string, form, encoded bool) {
	kind = strings.TrimSpace(strings.ToLower(x.r.Header.Get("Content-Type")))
	media, _, _ := strings.Cut(kind, ";")
	form = strings.TrimSpace(media) == "application/x-www-form-urlencoded"
	e := x.r.Header.Get("Content-Encoding")
	return kind, form, e != "" && !strings.EqualFold(e, "identity")
}

// mayOverride tells whether a body that does not say to be a form may name a method. One without a type is a form to some.
func mayOverride(method, kind string) bool {
	return method == http.MethodPost && (kind == "" || strings.HasPrefix(kind, "multipart/") || strings.Contains(kind, "/json") || strings.Contains(kind, "+json"))
}

// looked is a body of an endpoint without personal data that is looked through as it comes, if it may name another method. Reading it
// fails before what names one has come whole.
func (x *exchange) looked(body io.ReadCloser) io.ReadCloser {
	kind, _, encoded := x.kind()
	switch {
	case x.endpoint == nil || !x.endpoint.IR.NoPersonalData || x.observing() || encoded || !mayOverride(x.r.Method, kind):
		return body
	case kind == "":
		return &lookedThrough{ReadCloser: body, names: (&formNames{}).look}
	case strings.HasPrefix(kind, "multipart/"):
		return &lookedThrough{ReadCloser: body, names: (&partNames{}).look}
	default:
		return &lookedThrough{ReadCloser: body, names: (&jsonNames{}).look}
	}
}

type lookedThrough struct {
	io.ReadCloser
	// names tells whether another method has been named so far.
	names func([]byte) bool
	found bool
}

// Read implements io.Reader.
func (l *lookedThrough) Read(b []byte) (int, error) {
	n, err := l.ReadCloser.Read(b)
	if l.found = l.found || l.names(b[:n]); l.found {
		return 0, errOverrides
	}
	return n, err
}

// formNames finds a field of a form that names a method.
type formNames struct {
	name []byte
	// valued tells that the name of a field is over.
	valued bool
}

func (f *formNames) look(b []byte) bool {
	for _, c := range b {
		switch {
		case c == '&' || c == ';':
			f.name, f.valued = f.name[:0], false
		case f.valued:
		case c == '=':
			f.valued = true
			if plain, err := url.QueryUnescape(string(f.name)); err == nil && strings.HasPrefix(strings.ToLower(strings.TrimSpace(plain)), override) {
				return true
			}
		case len(f.name) == maxPartHeader:
			f.valued = true // no form
		default:
			f.name = append(f.name, c)
		}
	}
	return false
}

// jsonNames finds a string in JSON that names a method, however it is written.
type jsonNames struct {
	within, escaped bool
	// hex is how many digits of an escaped character are to come, and code what has come of it.
	hex  int
	code rune
	// at is how much of the name has come; negative for another string.
	at int
}

func (j *jsonNames) look(b []byte) bool {
	for _, c := range b {
		switch {
		case !j.within:
			j.within, j.at = c == '"', 0
		case j.hex > 0:
			digit := strings.IndexByte("0123456789abcdef", c|0x20)
			j.code, j.hex = j.code<<4+rune(digit), j.hex-1
			if j.hex == 0 {
				j.next(j.code)
			}
		case j.escaped:
			if j.escaped = false; c == 'u' {
				j.hex, j.code = 4, 0
			} else {
				j.next(-1)
			}
		case c == '\\':
			j.escaped = true
		case c == '"':
			if j.within = false; j.at == len(override) {
				return true
			}
		default:
			j.next(rune(c))
		}
	}
	return false
}

func (j *jsonNames) next(c rune) {
	if j.at >= 0 && j.at < len(override) && rune(override[j.at]) == c {
		j.at++
	} else {
		j.at = -1
	}
}

// maxPartHeader bounds one header of a part, in bytes.
const maxPartHeader = 16 << 10

// partNames finds a header that names a part after a method. Lines are looked at wherever they are, because readers differ about where
// parts begin.
type partNames struct {
	// line is what has come of a line that may be such a header, with those that go on with it. Other lines are skipped.
	line    []byte
	skipped bool
	// begins tells that the next byte begins a line.
	begins bool
}

func (p *partNames) look(b []byte) bool {
	for _, c := range b {
		switch {
		case c == '\r' || c == '\n':
			if !p.skipped && named(p.line) {
				return true
			}
			p.begins = true
			continue
		case p.begins && c != ' ' && c != '\t':
			p.line, p.skipped = p.line[:0], false
		}
		p.begins = false
		if p.skipped {
			continue
		}
		p.line = append(p.line, c)
		if p.skipped = !names(p.line); !p.skipped && len(p.line) > maxPartHeader {
			return true
		}
	}
	return false
}

// names tells whether a line may be a header that names a part.
func names(line []byte) bool {
	line = bytes.TrimLeft(line, " \t")
	for _, name := range []string{"content-disposition", "content-id"} {
		if n := min(len(line), len(name)); strings.EqualFold(string(line[:n]), name[:n]) {
			return true
		}
	}
	return false
}

// named tells whether a header names a part after a method, or in a way that not everybody reads alike.
func named(line []byte) bool {
	text := strings.ToLower(string(line))
	for field := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ';' || c == ':' }) {
		name, value, _ := strings.Cut(field, "=")
		if i := strings.IndexByte(name, '*'); i >= 0 && i+1 < len(name) {
			return true // a value in pieces
		}
		value = strings.NewReplacer("\"", "", "\\", "", " ", "", "\t", "").Replace(value)
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		value = value[strings.LastIndexByte(value, '\'')+1:] // behind a charset and a language
		id := strings.TrimLeft(name, " \t<")
		if strings.HasPrefix(value, "=?") || strings.HasPrefix(value, override) || strings.HasPrefix(id, override) {
			return true
		}
	}
	return false
}

// overridingBody tells whether a body that was read names another method.
func overridingBody(doc enforce.Body) bool {
	if doc == nil {
		return false
	}
	_, there := doc.Constant("/" + override)
	return there
}
