// Package formfilter takes people out of a form (application/x-www-form-urlencoded, WHATWG URL §5), and leaves every pair that it keeps
// as it was.
//
// A form is an object of strings; a name that an ir.Message declares with "/*" is a list and may stand more than once. It asks its
// caller about each person, decides nothing itself, and knows no network and no clock. It is strict: what two servers could read in two
// ways (repeated names, pairs without a name or without "=", ";" between pairs, escapes that are none, instructions such as _method) is
// refused, because a decision has to be about the same values that the service will read. Bodies come from internal/enforce and go back
// there.
package formfilter
