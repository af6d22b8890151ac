package capture

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// isolated runs a test in a network namespace of its own: it runs itself as another process in one. Where that is not allowed, it says so.
func isolated(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if os.Getenv("OPTUP_CAPTURE_CHILD") == t.Name() {
		run(t, "mount --make-rprivate /")
		test(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run="+pattern(t.Name()), "-test.v")
	cmd.Env = append(os.Environ(), "OPTUP_CAPTURE_CHILD="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrPermission) && os.Getenv("CI") == "" {
		t.Skip("needs root, for a network namespace of its own")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("nothing ran:\n%s", out)
	}
}

// pattern matches one test, or one part of it.
func pattern(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}

// asUser does something in a process of an ordinary user, which this one becomes.
func asUser(t *testing.T, do func()) {
	t.Helper()
	if err := syscall.Setgid(1000); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setuid(1000); err != nil {
		t.Fatal(err)
	}
	do()
}

func TestRedirect(t *testing.T) { isolated(t, inNamespace) }

func inNamespace(t *testing.T) {
	t.Helper()
	run(t, "ip link set lo up", "ip link add peer0 type veth peer name peer1", "ip link set peer1 up",
		"ip link set peer0 up", "ip addr add 192.0.2.2/24 dev peer0", "ip -6 addr add 2001:db8::2/64 dev peer0 nodad")
	const uid = 64111
	l4, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l4.Addr().(*net.TCPAddr).Port
	l6, err := net.Listen("tcp6", fmt.Sprintf("[::1]:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	rules := Rules{UID: uid, Outbound: uint16(port)}
	for range 2 { // a second time replaces the first
		if err := Install(rules); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		l   net.Listener
		dst string
	}{{l4, "192.0.2.77:8025"}, {l6, "[2001:db8::77]:443"}} {
		go func() {
			c, err := net.DialTimeout("tcp", tt.dst, 2*time.Second)
			if err == nil {
				_, _ = io.WriteString(c, "x")
				_ = c.Close()
			}
		}()
		_ = tt.l.(*net.TCPListener).SetDeadline(time.Now().Add(30 * time.Second))
		c, err := tt.l.Accept()
		if err != nil {
			t.Fatalf("%s was not redirected: %v", tt.dst, err)
		}
		got, err := Original(c)
		if err != nil || got.String() != tt.dst {
			t.Errorf("original destination %s, %v; want %s", got, err, tt.dst)
		}
	}
	// Dialled as such, over loopback: no redirection, and no loop.
	go func() { _, _ = net.Dial("tcp", l4.Addr().String()) }()
	_ = l4.(*net.TCPListener).SetDeadline(time.Now().Add(30 * time.Second))
	c, err := l4.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Original(c); err == nil {
		t.Error("a connection that nobody redirected has an original destination")
	}
	// QUIC is refused at once.
	u, err := net.Dial("udp", "192.0.2.77:443")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = u.Write([]byte("x")); err == nil {
		_ = u.SetReadDeadline(time.Now().Add(time.Second))
		_, err = u.Read(make([]byte, 1))
	}
	if !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EPERM) {
		t.Errorf("UDP port 443: %v", err)
	}
	// The sidecar's own user passes: its connections leave for where they go, which nobody answers here.
	cmd := exec.Command("bash", "-c", "exec 3<>/dev/tcp/192.0.2.77/80 || true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	_ = cmd.Start()
	_ = l4.(*net.TCPListener).SetDeadline(time.Now().Add(500 * time.Millisecond))
	if _, err := l4.Accept(); err == nil {
		t.Error("the sidecar's own connection came back to it")
	}
	_ = cmd.Process.Kill()
	if err := Check(rules); err != nil {
		t.Error(err)
	}
	if err := Remove(); err != nil {
		t.Error(err)
	}
	if err := Check(rules); err == nil {
		t.Error("rules that were removed are in place")
	}
}
