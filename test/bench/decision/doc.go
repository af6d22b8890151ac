// Package decision measures one decision about one person: OptUp's table of facts against a Go map, casbin, cedar-go and OPA.
//
// Everybody answers the same random questions about the same population (see package people), and has to give the right answers before
// anything is measured. Peers run as their makers advise: cached, prepared, with data already parsed. Results go to the harness.
package decision
