package ledgertest

import (
	"os"
	"path/filepath"
	"time"
)

// Backup copies the data of a ledger that is stopped.
func (l *Ledger) Backup() (dir string) {
	l.t.Helper()
	l.closed()
	dir = l.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(l.data())); err != nil {
		l.t.Fatal(err)
	}
	return dir
}

// closed waits until the last connection to the database is closed: somebody who was answered may hold one a moment longer than the store is open.
// Its files of the moment go with it.
func (l *Ledger) closed() {
	l.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		open, err := filepath.Glob(filepath.Join(l.data(), "*-shm"))
		switch {
		case err != nil:
			l.t.Fatal(err)
		case len(open) == 0:
			return
		case time.Now().After(deadline):
			l.t.Fatal("the database of a ledger that was stopped is still open")
		}
	}
}

// Restore puts a backup in the place of the data of a ledger that is stopped.
func (l *Ledger) Restore(backup string) {
	l.t.Helper()
	l.closed()
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
