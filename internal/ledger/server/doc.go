// Package server puts a ledger together, in the order of the data: keys, store, stream, API.
//
// Who runs it says where the data is, who may call, and on which listener it is served; cmd/ledger and internal/standalone do. It
// knows no flags and no files but the store's.
package server
