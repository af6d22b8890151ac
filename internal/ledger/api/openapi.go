package api

import (
	_ "embed"
	"net/http"
)

// openapi is the description of every route, in OpenAPI 3.1.
//
//go:embed openapi.yaml
var openapi []byte

// describe answers GET /v1/openapi.yaml. It tells nothing that is not in the documentation, so it needs no token.
func describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(openapi) // the caller is gone if this fails
}

// router remembers what it routes.
type router struct {
	*http.ServeMux
	patterns []string
}

// Handle registers a handler.
func (r *router) Handle(pattern string, h http.Handler) {
	r.patterns = append(r.patterns, pattern)
	r.ServeMux.Handle(pattern, h)
}

// HandleFunc registers a function.
func (r *router) HandleFunc(pattern string, h http.HandlerFunc) { r.Handle(pattern, h) }
