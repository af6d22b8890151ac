// Package facts holds, in memory, what a ledger told about people: facts per tag and purpose.
//
// Facts come from internal/ledger/client; decisions in the sidecar look them up. The package knows no network, no clock and no
// identifiers in the clear: whoever looks up has computed the tag. A person who is not in the table is one without a record.
package facts
