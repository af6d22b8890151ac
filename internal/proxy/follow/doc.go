// Package follow keeps a proxy's state up to date: it takes bundles into force and follows the ledgers that they name.
//
// Whoever has bundles hands them in: internal/distribute/client, a file, or a compiler in the same process. States go to
// proxy.Current, facts come from internal/ledger/client. It decides nothing, serves nothing and knows no file.
package follow
