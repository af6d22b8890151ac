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
	// Events are for what appends single events, Imports for files, Lookups for what tells about single people, Questions for what
	// workloads ask about people whose data they are about to use. Officers who ask that look people up.
	Events, Imports, Lookups, Questions int
	// Forms are those of somebody else that one touchpoint takes in. What is not signed with its key uses up nothing.
	Forms int
}

// DefaultLimits are far above what a shop does. They keep a broken program, or a stolen token, from having everything at once.
var DefaultLimits = Limits{Events: 60_000, Imports: 120, Lookups: 1200, Questions: 60_000, Forms: 6000}

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
		if shared := a.perMinute(l.perMinute); shared != nil {
			for _, r := range l.routes {
				out[r] = shared
			}
		}
	}
	return out
}

// perMinute is nil for no limit.
func (a *API) perMinute(n int) *callers {
	if n <= 0 {
		return nil
	}
	return limit.New[string](a.Now, n, time.Minute/time.Duration(n))
}

// slow refuses a caller who has used up what the limit gives, and says what to do instead.
func slow(l *callers, c access.Caller, times int, instead string) error {
	if l == nil {
		return nil
	}
	if wait := l.TakeN(c.Subject, times); wait > 0 {
		return problem.TooMany("slow down, and wait for as long as Retry-After says; "+instead, int(math.Ceil(wait.Seconds())))
	}
	return nil
}
