// Command demo shows on a real cluster what OptUp changes for a small shop: it installs OptUp, runs the shop ungoverned, observed and
// enforced, withdraws and objects, and compares every figure with what the shop's own data say. Figures are read from the running
// parts. It exits with an error if one claim was not observed.
package main
