package proxy

import (
	"mime"
	"net/http"
	"strings"

	"github.com/optup/optup/internal/defence"
)

// passing are the headers of an answer that was decided about which reach the application. It is a list of what passes, because the
// others may name people (Location, Set-Cookie, headers of the service's own), tell of what was taken out (lengths, totals, cursors,
// ranges), or belong to bytes that are not those passed on (validators, digests).
var passing = set(
	"Date", "Retry-After", "Allow", "Content-Language", "Www-Authenticate", "Deprecation", "Sunset",
	"Ratelimit", "Ratelimit-Policy", "Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset",
	"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset",
	"Request-Id", "X-Request-Id", "X-Correlation-Id", "X-Message-Id",
)

// owned gives an answer the headers that it may have. What came with one status or another is no longer told apart by anything else.
func owned(to http.Header, res *http.Response) {
	for name, values := range res.Header {
		if passing[name] || !defence.Telling {
			to[name] = values
		}
	}
	to["Cache-Control"] = private
}

var private = []string{"private, no-store"}

const plainJSON = "application/json"

// mediaType is an answer's content type without its parameters, in one spelling; empty if it is not said in one way, or if its charset
// is not UTF-8.
func mediaType(h http.Header) string {
	if len(h["Content-Type"]) != 1 {
		return ""
	}
	if h["Content-Type"][0] == plainJSON {
		return plainJSON // most say it just so
	}
	kind, params, err := mime.ParseMediaType(h["Content-Type"][0])
	if err != nil {
		return ""
	}
	if charset, there := params["charset"]; there && !strings.EqualFold(charset, "utf-8") {
		return ""
	}
	return kind
}
