// Package peers signs the identities of sidecars as the manager does, for tests.
package peers
