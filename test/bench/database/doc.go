// Package database starts the private PostgreSQL server of the tests for a measurement.
package database
