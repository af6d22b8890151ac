package testkit

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// updateVariable names the environment variable that makes Golden write instead of compare; `make golden` sets it.
const updateVariable = "UPDATE_GOLDEN"

// Golden compares got with the file at path and fails the test with a diff where they differ. With UPDATE_GOLDEN=1 in the
// environment it writes the file instead (and the folders above it) and passes; review the change like any other.
//
// The path is relative to the test's package. A file that does not exist is a failure, never a pass.
func Golden(t testing.TB, path string, got []byte) {
	t.Helper()
	if os.Getenv(updateVariable) == "1" {
		writeGolden(t, path, got)
		return
	}
	want, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Errorf("golden file %s does not exist; `make golden` writes it. Got:\n%s", path, got)
		return
	}
	if err != nil {
		t.Errorf("golden file: %v", err)
		return
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs (- golden file, + got; `make golden` rewrites it):\n%s", path, cmp.Diff(string(want), string(got)))
	}
}

// writeGolden writes the file unless it already says the same, so that modification times stay still.
func writeGolden(t testing.TB, path string, got []byte) {
	t.Helper()
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, got) {
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatalf("golden file: %v", err)
	}
	if err := os.WriteFile(path, got, 0o644); err != nil {
		t.Fatalf("golden file: %v", err)
	}
	t.Logf("wrote %s", path)
}
