// Package memory measures what one identifier costs in memory: in OptUp's table, in a Go map, and in OPA's data.
//
// Each is filled in a process of its own, so that nothing else is counted. What counts is the larger of two numbers, both against the same
// process before it was filled: the live heap after a collection, and the resident size after free memory was given back. The first misses
// what is mapped beside the heap, the second what was not touched yet. Results go to the harness.
package memory
