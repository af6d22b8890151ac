// Package facts holds, in memory, what a ledger told about people: for each tag a state, and for each state a combination of facts.
//
// Many people stand alike, so a person costs the table a 64-bit part of the tag and a 32-bit number of a combination that is kept once
// (see Table). Facts come from internal/ledger/client; decisions in the sidecar look them up. The package knows no network, no clock
// and no identifiers in the clear: whoever looks up has computed the tag. A person who is not in the table is one without a record.
package facts
