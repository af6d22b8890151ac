package api

import (
	"maps"
	"slices"

	"github.com/optup/optup/internal/ledger/access"
)

// Description is what GET /v1/openapi.yaml answers.
func Description() []byte { return openapi }

// Routes gives every route, and the roles of those that have any.
func Routes() (patterns []string, roles map[string][]access.Role) {
	a, mux := build(Options{})
	roles = map[string][]access.Role{}
	for route, e := range a.routes() {
		roles[route] = e.roles
	}
	return mux.patterns, roles
}

// Limited gives the routes that have a limit.
func Limited() []string {
	a := &API{Options: Options{Limits: DefaultLimits}}
	return slices.Collect(maps.Keys(a.limited()))
}
