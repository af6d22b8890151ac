package api

import (
	"math"
	"time"

	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/limit"
	"github.com/optup/optup/internal/ledger/problem"
)

// Limits say how often one caller may do something in a minute, at one replica; as much may be done at once. 0 is for no limit.
type Limits struct {
	// Events are for what appends single events, Imports for files, Lookups for what tells about single people.
	Events, Imports, Lookups int
}

// DefaultLimits are far above what a shop does. They keep a broken program, or a stolen token, from having everything at once.
var DefaultLimits = Limits{Events: 60_000, Imports: 120, Lookups: 1200}

// callers are the buckets of a limit, by subject.
type callers = limit.Bucket[string]

// limited gives the limit of each route that has one.
func (a *API) limited() map[string]*callers {
	out := map[string]*callers{}
	for _, l := range []struct {
		perMinute int
		routes    []string
	}{
		{a.Limits.Events, []string{
			"POST /v1/events", "POST /v1/me/events", "POST /v1/people/erase", "POST /v1/corrections", "POST /v1/corrections/approve",
			"POST /v1/touchpoints/{namespace}/{name}/answers", "POST /v1/touchpoints/{namespace}/{name}/signals",
		}},
		{a.Limits.Imports, []string{"POST /v1/imports", "POST /v1/population"}},
		{a.Limits.Lookups, []string{
			"POST /v1/people/lookup", "POST /v1/people/uses", "POST /v1/people/export", "GET /v1/decisions/{id}", "GET /v1/me", "GET /v1/me/export",
		}},
	} {
		if l.perMinute <= 0 {
			continue
		}
		shared := limit.New[string](a.Now, l.perMinute, time.Minute/time.Duration(l.perMinute))
		for _, r := range l.routes {
			out[r] = shared
		}
	}
	return out
}

// slow refuses a caller who has used up what the limit gives.
func slow(l *callers, c access.Caller) error {
	if l == nil {
		return nil
	}
	if wait := l.Take(c.Subject); wait > 0 {
		return problem.TooMany("slow down, and wait for as long as Retry-After says; many events at once are for POST /v1/imports", int(math.Ceil(wait.Seconds())))
	}
	return nil
}
