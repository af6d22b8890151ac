// Package ours is OptUp's side of the comparisons about decisions and memory: the table of facts that the sidecar keeps, filled with a
// population, and decisions as the sidecar makes them. It holds no logic that the product does not have.
package ours
