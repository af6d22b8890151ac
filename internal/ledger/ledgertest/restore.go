package ledgertest

import (
	"os"
	"path/filepath"
)

// Backup copies the data of a ledger that is stopped.
func (l *Ledger) Backup() (dir string) {
	l.t.Helper()
	dir = l.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(l.data())); err != nil {
		l.t.Fatal(err)
	}
	return dir
}

// Restore puts a backup in the place of the data of a ledger that is stopped.
func (l *Ledger) Restore(backup string) {
	l.t.Helper()
	if err := os.RemoveAll(l.data()); err != nil {
		l.t.Fatal(err)
	}
	if err := os.CopyFS(l.data(), os.DirFS(backup)); err != nil {
		l.t.Fatal(err)
	}
}

// Twin is another ledger with the same keys and the data of a backup.
func (l *Ledger) Twin(backup string) *Ledger {
	l.t.Helper()
	twin := &Ledger{Authority: l.Authority, t: l.t, dir: l.t.TempDir(), root: l.root, ConfigFile: l.ConfigFile, Log: &Log{}}
	twin.Restore(backup)
	return twin
}

func (l *Ledger) data() string { return filepath.Join(l.dir, "data") }
