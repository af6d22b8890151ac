// Package pods says where the pods of governed Services are, so that a connection to a pod is governed as one to its Service.
//
// What it holds comes from EndpointSlices (controllers), by the config stream (internal/distribute), and is asked by internal/proxy. Too much
// in it refuses a connection that was meant for somebody else; too little lets one pass that nobody decided about. So whatever is not certain
// stays in it: addresses that have gone for a moment, those of a manager that cannot be reached until it can, and where not all could be told
// every address counts as one that may be meant. It knows no network, no Kubernetes and no clock.
package pods
