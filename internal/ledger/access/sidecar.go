package access

import (
	"net/http"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/identity"
)

// Sidecar is who reports uses: what the manager says about the pod, never what the pod says about itself.
type Sidecar struct {
	Caller Caller
	// Namespace and Workload say what the pod belongs to; Pod is its UID.
	Namespace, Workload, Pod string

	purposes     []consent.PurposeID
	restrictions []identity.Restriction
	all          bool
}

// May tells whether the sidecar's workload has a purpose. A request that came to no purpose is any workload's to report.
func (s Sidecar) May(p consent.PurposeID) bool {
	return p == "" || s.all || slices.Contains(s.purposes, p)
}

// MayTell tells whether the sidecar may append an event that a service brought to its workload. It restricts, or nobody may: a grant for
// anything else is no use.
func (s Sidecar) MayTell(r identity.Restriction) bool {
	return (r.Type == consent.EventWithdrawn || r.Type == consent.EventObjected) && s.May(r.Purpose) &&
		(s.all || slices.Contains(s.restrictions, r))
}

// Sidecar verifies the bearer token and the grant of a request. The development token needs no grant. Errors are *problem.Problem.
func (g *Guard) Sidecar(r *http.Request) (Sidecar, error) {
	rules := g.rules()
	c, err := g.caller(r, rules)
	if err != nil {
		return Sidecar{}, err
	}
	if c.dev {
		return Sidecar{Caller: c, Namespace: DevSubject, Workload: DevSubject, Pod: DevSubject, all: true}, nil
	}
	grant, err := g.grant(r, rules, c)
	if err != nil {
		return Sidecar{}, err
	}
	return Sidecar{Caller: c, Namespace: grant.Namespace, Workload: grant.Workload, Pod: grant.PodUID, purposes: grant.Purposes, restrictions: grant.Restrictions}, nil
}
