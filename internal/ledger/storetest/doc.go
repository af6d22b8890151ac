// Package storetest is the acceptance test of every implementation of store.Store: what the contract promises, checked on a real
// database. Implementations call Run from their tests.
package storetest
