// Package jsonfilter takes people and fields out of a JSON body, and leaves every byte that it keeps as it was.
//
// It finds the addressees, records and fields that an ir.Message declares, asks its caller about each person, and writes the body
// without those who may not be in it, or with single values replaced. It decides nothing about people itself, and it knows no network
// and no clock. It is strict: what two parsers could read in two ways (RFC 8259, RFC 7493: duplicate names, invalid UTF-8, trailing
// bytes) is refused, because a decision has to be about the same values that the service will read. Bodies come from internal/enforce
// and go back there.
//
// There are two ways to do it, which give the same bytes. A Document is read as a whole: requests need that, because their addressees are
// sent to together. A Program filters answers while they arrive, one record at a time, and holds no more than a record; it also reads
// documents that stand one a line, and the data of server-sent events. What a Program does, from the outside in: Copy moves the bytes
// (copy.go), lines.go and events.go find the documents, a machine goes through what is outside of records token by token (machine.go,
// outside.go), a scanner reads whole records (scan.go, walk.go, record.go), by the members that records before had as far as that goes
// (shape.go, members.go), and an emitter asks about the people and writes what stays (emit.go).
package jsonfilter
