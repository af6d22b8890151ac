package trust

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test's program runs once more for what is done in a namespace, and once more as the client in Go.
const (
	childVariable = "OPTUP_TRUST_CHILD"
	goClient      = "go"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == goClient {
		if err := get(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// get is the client in Go.
func get(url string) error {
	res, err := (&http.Client{Timeout: 20 * time.Second}).Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(os.Stdout, res.Body)
	return err
}

// alone runs a test with a network of its own, and with a copy of /etc that it may change.
func alone(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if os.Getenv(childVariable) == t.Name() {
		own := t.TempDir()
		run(t, "ip", "link", "set", "lo", "up")
		run(t, "mount", "--make-rprivate", "/")
		run(t, "mount", "-t", "tmpfs", "etc", own)
		run(t, "cp", "-a", "/etc/.", own)
		run(t, "mount", "--bind", own, "/etc")
		test(t)
		run(t, "umount", "/etc")
		run(t, "umount", own)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), childVariable+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, os.ErrPermission) && os.Getenv("CI") == "":
		t.Skip("needs root, for a network of its own")
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	case !strings.Contains(string(out), "--- PASS: "+t.Name()):
		t.Fatalf("nothing ran:\n%s", out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "is not here") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

func testdata(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
