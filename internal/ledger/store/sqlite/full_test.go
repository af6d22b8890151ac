//go:build linux

package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/optup/optup/internal/ledger/storetest"
)

// TestAFullDiskRefusesAndGoesOn is about a real file system without room. Only root may mount one.
func TestAFullDiskRefusesAndGoesOn(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m,mode=700"); err != nil {
		t.Skip("no file system can be mounted here; TestAFullDatabaseRefusesAndGoesOn stands for this: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := openIn(t, filepath.Join(dir, "data"))
	defer s.Close()
	storetest.Full(t, s, func() func() {
		ballast := filepath.Join(dir, "ballast")
		f, err := os.Create(ballast)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, size := range []int{1 << 16, 1 << 12, 1} {
			for err = nil; err == nil; {
				_, err = f.Write(make([]byte, size))
			}
		}
		return func() {
			if err := os.Remove(ballast); err != nil {
				t.Error(err)
			}
		}
	})
}
