package proxy

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// overrides tells whether a form names another method ("_method"), which some services take for the request's own. Nobody declared what
// they would do then. A form that cannot be held to be looked through counts as one that does.
func (x *exchange) overrides() bool {
	kind, parameters, _ := strings.Cut(strings.ToLower(x.r.Header.Get("Content-Type")), ";")
	switch {
	case x.r.Body == nil, x.r.Body == http.NoBody, strings.TrimSpace(kind) != "application/x-www-form-urlencoded":
		return false
	case strings.Contains(parameters, "charset") && !strings.Contains(parameters, "utf-8"):
		return true // names may be written in another way
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
		if err != nil || strings.HasPrefix(strings.ToLower(strings.TrimSpace(plain)), "_method") {
			return true
		}
	}
	return false
}
