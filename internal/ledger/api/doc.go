// Package api is the HTTP interface of a ledger: appending events, imports, looking people up and the usable share.
//
// Requests come from touchpoints, readers and officers, whom internal/ledger/access tells apart; events go to
// internal/ledger/store, and counts are made with consent.Project and decide.Plan, the functions that enforce. Who stands behind
// an event follows from the role of the caller, never from what is sent.
//
// Identifiers become tags as soon as they are read. They never stand in URLs, logs, errors or the store.
package api
