// Package share counts of how many people data may be used for what: the usable share, its splits, the share of data, and how many may
// be asked for more.
//
// People come from internal/ledger/store, purposes and wordings from the bundle of the ledger's controller. Whether somebody's data may
// be used is decided by decide.Plan.Person from consent.Project, as everywhere. A count is made once, from a snapshot, and then kept
// right by what changes and by what ends at a time. Many people stand alike, so each way to stand is decided about once (see keyer).
//
// The package knows tags and never identifiers. What leaves it are Figures, in which nothing is about fewer than 10 people: see
// Figures for the rule. They go to internal/ledger/api, and from there into the status of DataPurposes.
package share
