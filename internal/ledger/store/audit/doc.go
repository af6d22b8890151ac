// Package audit checks a whole ledger: every leaf, the tree over them, and that what is stored about people is what the log comes to. It
// also writes the log to a file and reads it back.
//
// It trusts nothing that is stored. What it cannot see is a log that was rewritten from end to end; for that it takes checkpoints that
// were kept elsewhere. Sources are databases (packages below internal/ledger/store) and exports; findings go to internal/cli.
package audit
