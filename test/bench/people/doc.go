// Package people is the population that decisions and memory are measured with: who there is, and what they agreed to.
//
// Everything follows from a seed and a person's number, so that nothing has to be kept. Each of 8 purposes has the consent of 30 % of
// the people, independently of the others; 5 % took theirs back. The last purpose has a validity period, so that a grant of it is kept
// with its time: see Population.Expiring. It knows nothing of tables and peers.
package people
