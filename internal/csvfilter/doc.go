// Package csvfilter takes people and columns out of a table of comma-separated values (RFC 4180), and leaves every byte that it keeps as
// it was: cells with formulas, too.
//
// Rows are the elements of the list "/*" of an ir.Message, columns their members. It asks its caller about each person, decides nothing
// itself, and knows no network and no clock. It is strict: there is one header row, every row has as many cells, quotes stand where the
// RFC has them, lines end all alike. What spreadsheets and libraries read in their own ways (byte order marks, separators that are
// announced in the first line, a backslash before a quote, header names that differ by case only) is refused, because a decision has to
// be about the same cells that the service will read. Bodies come from internal/enforce and go back there.
package csvfilter
