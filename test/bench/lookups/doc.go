// Package lookups measures how many questions about a person's state a ledger answers over HTTP, against an application that keeps consents
// in tables of PostgreSQL.
package lookups
