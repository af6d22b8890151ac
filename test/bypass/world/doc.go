// Package world starts what the bypass fuzzer works on: a ledger that knows the people of a market, three liberal services, and a sidecar
// in front of them with one listener for each.
//
// Two worlds are alike but for what runs where: Processes starts the built programs, Inside runs ledger and sidecar in this process.
// Services for Node and Python are processes in both. Everything listens on loopback addresses. The package knows no attack.
package world
