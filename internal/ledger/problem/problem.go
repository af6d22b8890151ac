package problem

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Problem is one answer that refuses. It is an error, too.
type Problem struct {
	// Type is a URN that programs may rely on.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what is wrong and what to do about it.
	Detail string `json:"detail,omitempty"`
	// Errors are about single members or lines.
	Errors []Item `json:"errors,omitempty"`
	// RetryAfter is in seconds; 0 leaves the header out.
	RetryAfter int `json:"-"`
}

// Item is one error among several.
type Item struct {
	// Line is the line of a file, counted from 1; 0 for none.
	Line int `json:"line,omitempty"`
	// Member is a JSON pointer, or the name of a column.
	Member string `json:"member,omitempty"`
	Detail string `json:"detail"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

func newProblem(status int, kind, title, detail string) *Problem {
	return &Problem{Type: "urn:optup:problem:" + kind, Title: title, Status: status, Detail: detail}
}

// Malformed reports a request that cannot be read.
func Malformed(detail string) *Problem {
	return newProblem(http.StatusBadRequest, "malformed", "The request cannot be read", detail)
}

// TooLarge reports a body beyond its limit.
func TooLarge(detail string) *Problem {
	return newProblem(http.StatusRequestEntityTooLarge, "too-large", "The request is too large", detail)
}

// Unauthenticated reports a caller without a valid token.
func Unauthenticated(detail string) *Problem {
	return newProblem(http.StatusUnauthorized, "unauthenticated", "The caller is not known", detail)
}

// Forbidden reports a caller who may not do this.
func Forbidden(detail string) *Problem {
	return newProblem(http.StatusForbidden, "forbidden", "The caller may not do this", detail)
}

// NotFound reports something that is not there.
func NotFound(detail string) *Problem {
	return newProblem(http.StatusNotFound, "not-found", "The ledger does not know this", detail)
}

// Gone reports something that was there and will not be again.
func Gone(detail string) *Problem {
	return newProblem(http.StatusGone, "gone", "The ledger does not have this any more", detail)
}

// Invalid reports content that makes no sense.
func Invalid(detail string) *Problem {
	return newProblem(http.StatusUnprocessableEntity, "invalid", "The content is not valid", detail)
}

// Conflict reports content that contradicts what the ledger knows.
func Conflict(kind, detail string) *Problem {
	return newProblem(http.StatusConflict, kind, "The ledger knows otherwise", detail)
}

// TooMany reports a caller who asks too often, and in how many seconds to try again.
func TooMany(detail string, retryAfter int) *Problem {
	p := newProblem(http.StatusTooManyRequests, "too-many", "The caller asks too often", detail)
	p.RetryAfter = retryAfter
	return p
}

// Unavailable reports something that will work later.
func Unavailable(detail string) *Problem {
	p := newProblem(http.StatusServiceUnavailable, "unavailable", "Not available now", detail)
	p.RetryAfter = 5
	return p
}

// Contradicted reports that the ledger's log is not the one that it vouched for.
func Contradicted(detail string) *Problem {
	p := newProblem(http.StatusServiceUnavailable, "contradicted", "The log contradicts what the ledger signed", detail)
	p.RetryAfter = 5
	return p
}

// Internal reports a fault of the ledger.
func Internal() *Problem {
	return newProblem(http.StatusInternalServerError, "internal", "The ledger failed", "try again; the log of the ledger says more under the request's id")
}

// Write answers with the problem.
func (p *Problem) Write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the connection is gone if this fails
}
