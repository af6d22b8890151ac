// Package process builds programs of this module and runs them for tests: it starts, signals and ends them, and reads what they take of
// the machine. It knows nothing of what the programs are for.
package process
