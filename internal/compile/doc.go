// Package compile turns a snapshot of policies into one bundle per workload, and says what is wrong with them.
//
// It is pure and deterministic whatever the order of its input. It knows no Kubernetes; internal/translate turns its findings into
// conditions. Permissions of several policies are united, restrictions joined, and whatever dangles compiles to a denial.
package compile
