// Package jsonfilter takes people and fields out of a JSON body, and leaves every byte that it keeps as it was.
//
// It finds the addressees, records and fields that an ir.Message declares, asks its caller about each person, and writes the body
// without those who may not be in it, or with single values replaced. It decides nothing about people itself, and it knows no network
// and no clock. It is strict: what two parsers could read in two ways (RFC 8259, RFC 7493: duplicate names, invalid UTF-8, trailing
// bytes) is refused, because a decision has to be about the same values that the service will read. Bodies come from internal/enforce
// and go back there.
package jsonfilter
