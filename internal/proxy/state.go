package proxy

import (
	"sync/atomic"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/peer"
	"github.com/optup/optup/internal/pods"
)

// Facts is what one ledger says about people. Implementations are safe for concurrent use.
type Facts interface {
	// Lookup gives what is known about a person for a purpose; known is false, with the zero Fact, for a person without a record.
	// An error means that nobody can tell: the identifier cannot be normalised, or there is no key or no data for the purpose yet.
	Lookup(id consent.Identifier, purpose consent.PurposeID) (fact consent.Fact, known bool, err error)
	// Now is the moment of the facts. Facts that are looked up later are at least as new.
	Now() decide.Now
}

// State is a bundle in force, with the facts of its ledgers. It is immutable.
type State struct {
	Index      *decide.Index
	Generation int64
	// Facts by controller. Where one is missing, nothing that rests on a record is permitted.
	Facts map[string]Facts

	resolver *resolver
	// pods are where the pods of services are, as it is known at any time; nil where nobody tells.
	pods *atomic.Pointer[pods.Table]
	// constants are the headers that rules tell purposes apart by.
	constants map[string]bool
	upstreams map[place]upstream
	// callbacks are by port of the workload.
	callbacks map[uint16][]*called
	// provided are the services that the workload is, by the port that requests come to.
	provided map[uint16]*provided
	// programs saves time only.
	programs cache[programKey, compiled]
}

// place is a declared host and port.
type place struct {
	host string
	port int
}

// facts are those of a purpose's controller.
func (s *State) facts(p *ir.Purpose) Facts {
	if f := s.Facts[p.Controller]; f != nil {
		return f
	}
	return unreachable{}
}

// unreachable stands for a ledger that was never reached.
type unreachable struct{}

func (unreachable) Lookup(consent.Identifier, consent.PurposeID) (consent.Fact, bool, error) {
	return consent.Fact{}, false, nil
}
func (unreachable) Now() decide.Now { return decide.Never }

// Current holds the state in force. The zero value holds none, and everything is denied.
type Current struct {
	state atomic.Pointer[State]
	// Peers holds who this sidecar is to others. Without, it knows no caller and is known to none.
	Peers peer.Holder
	// Tokens verify callers that have no sidecar; nil verifies none.
	Tokens atomic.Pointer[identity.Verifier]
	// Pods holds where the pods behind the hosts of services are; nil for none.
	Pods atomic.Pointer[pods.Table]
}

// Load gives the state in force; nil before the first.
func (c *Current) Load() *State { return c.state.Load() }

// Store takes a state into force: requests that begin afterwards are decided by it.
func (c *Current) Store(s *State) {
	previous := c.state.Load()
	s.resolver, s.pods = newResolver(s.Index.Bundle(), previous), &c.Pods
	s.constants = constantHeaders(s.Index.Bundle())
	s.upstreams = upstreams(s.Index)
	s.callbacks = callbacks(s.Index)
	s.provide()
	c.state.Store(s)
}
