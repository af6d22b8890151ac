// Package engine runs prepared statements of SQLite for who runs very many of them: the appender, and whoever reads everybody. It uses the same
// engine as the driver of database/sql that all others go by, without what lies between: values are copied once, and rows are looked at where
// they stand.
//
// It knows nothing of the ledger's tables.
package engine
