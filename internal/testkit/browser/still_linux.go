package browser

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"github.com/chromedp/chromedp"
	"golang.org/x/sys/unix"
)

// still names the browser that a process started with it shall become.
const still = "OPTUP_TEST_STILL_BROWSER"

// A browser gives up every request under way, on loopback too, when any interface of the machine or any address comes or goes, as those of
// pods do all the time (net::ERR_NETWORK_CHANGED). Chromium has no switch for it. It is told of changes by a netlink socket, and takes the
// network for one that stays as it is where it gets none. So it is started by this program again, which forbids such sockets to itself and
// then becomes the browser.
func init() {
	path := os.Getenv(still)
	if path == "" {
		return
	}
	fmt.Fprintln(os.Stderr, become(path))
	os.Exit(1)
}

// stillness are the options that start a browser so.
func stillness(path string) ([]chromedp.ExecAllocatorOption, error) {
	self, err := os.Executable()
	return []chromedp.ExecAllocatorOption{chromedp.ExecPath(self), chromedp.Env(still + "=" + path)}, err
}

// become turns the process into the browser; it returns if that fails.
func become(path string) error {
	runtime.LockOSThread()
	// socket(AF_NETLINK, ...) answers EAFNOSUPPORT, as on a kernel without it.
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SOCKET, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16}, // its first argument
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.AF_NETLINK, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	//nolint:gosec // the kernel reads the filter here
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return fmt.Errorf("a filter of system calls: %w", err)
	}
	env := os.Environ()
	for i := range env {
		if strings.HasPrefix(env[i], still+"=") {
			env[i] = still + "="
		}
	}
	return syscall.Exec(path, append([]string{path}, os.Args[1:]...), env)
}
