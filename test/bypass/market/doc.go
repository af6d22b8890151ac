// Package market makes up the people of the bypass fuzzer, and finds them again in whatever comes back.
//
// Each person without permission has a marker of their own in every field; so has what nobody declared about the people with
// permission, and what a service tells about a whole list. None of these may pass a sidecar. What may be seen of the people with
// permission bears another kind of marker, which shows that anything passes at all. Everything follows from one seed. The package knows
// no sidecar, no service and no network.
package market
