// Package decide is the one decision function of OptUp. The sidecar, the ledger's usable share, the decision APIs and the policy
// tests all call it, so they cannot disagree.
//
// It is pure and total: bundle, request, facts and time go in, a decision comes out; it never blocks, and whatever it does not
// know it denies. It knows no Kubernetes, no network and no clock.
//
// A decision has two halves. Index.Match finds, from what a request says about itself, the endpoint, the one purpose and how it is
// to be handled. Plan.Person decides about one person under that plan. Decide composes both for requests whose people are known.
package decide
