// Package problem writes what went wrong as problem JSON (RFC 9457). Texts say what to do and never hold data of a person.
package problem
