// Package explain tells how a decision came about: every gate in its order, passed or not, in a sentence, with the resource and the
// line that caused it.
//
// It decides nothing. It asks internal/decide for its steps, finds in the objects of a scenario what each step looked at, and puts it into
// words; what a reason means is said in internal/decide. It never names a person: people are counted. It knows no cluster and no
// network, and prints nothing. Data comes from internal/scenario and goes to the command line.
package explain
