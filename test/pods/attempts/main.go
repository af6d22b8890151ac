// Command attempts is an application that means to get around its sidecar. It tries every way that it knows to the register of customers and
// prints one line of JSON for each: what it tried, what came of it, and whether it got to see anybody.
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/optup/optup/internal/capture"
)

const (
	host, path = "customers.crm", "/v1/customers"
	patience   = 4 * time.Second
)

// attempt is one way, and what came of it: a sentence, and whether somebody's data came along.
type attempt struct {
	name string
	try  func() (observed string, got bool)
}

// target is what the application found out about the cluster.
type target struct {
	// service is the address of the register's Service, and pods those of its pods with the port that they listen on.
	service netip.Addr
	pods    []netip.AddrPort
}

func main() {
	service := flag.String("service", "", "`address` of the register's Service")
	pods := flag.String("pods", "", "`addresses` of its pods, with ports, with commas between")
	once := flag.String("dial", "", "only connect to this `address` and tell what the sidecar says; for the attempt from a user namespace")
	flag.Parse()
	if *once != "" {
		fmt.Println(talk(*once, request("GET", path, host)))
		return
	}
	t := target{service: netip.MustParseAddr(*service)}
	for a := range strings.SplitSeq(*pods, ",") {
		t.pods = append(t.pods, netip.MustParseAddrPort(a))
	}
	out := json.NewEncoder(os.Stdout)
	for _, a := range append(t.connections(), t.escapes()...) {
		observed, got := a.try()
		_ = out.Encode(map[string]any{"attempt": a.name, "observed": observed, "got": got})
	}
}

// request is a request as written by hand.
func request(method, uri, host string) string {
	return method + " " + uri + " HTTP/1.1\r\nHost: " + host + "\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
}

// talk sends a request and gives the first line of the answer, and whether there are people in it.
func talk(addr, request string) (string, bool) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return because(err), false
	}
	defer func() { _ = c.Close() }()
	return read(c, request)
}

func read(c net.Conn, request string) (string, bool) {
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, request)
	r := bufio.NewReader(io.LimitReader(c, 1<<20))
	line, err := r.ReadString('\n')
	if err != nil {
		return "closed without an answer", false
	}
	rest, _ := io.ReadAll(r)
	observed := strings.TrimSpace(line)
	if _, reason, ok := strings.Cut(string(rest), `"reasons":["`); ok {
		reason, _, _ = strings.Cut(reason, `"`)
		observed += " " + reason
	}
	return observed, strings.Contains(line, " 200 ") && strings.Contains(string(rest), "@")
}

// because is an error without what differs from run to run.
func because(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return "no such host"
	}
	if os.IsTimeout(err) {
		return "nothing came back"
	}
	return "failed"
}

// connections are ways by which data could come.
func (t target) connections() []attempt {
	at := func(port string) string { return net.JoinHostPort(t.service.String(), port) }
	to := func(addr, uri, host string) func() (string, bool) {
		return func() (string, bool) { return talk(addr, request("GET", uri, host)) }
	}
	out := []attempt{
		{"the declared name", to(host+":80", path, host)},
		{"its name with .svc", to(host+".svc:80", path, host+".svc")},
		{"its full name", to(host+".svc.cluster.local:80", path, host+".svc.cluster.local")},
		{"its full name with a dot behind", to(host+".svc.cluster.local.:80", path, host+".svc.cluster.local.")},
		{"its name in capitals", to("CUSTOMERS.CRM:80", path, "CUSTOMERS.CRM")},
		{"its name in letters that look alike", to(at("80"), path, "ｃustomers.crm")},
		{"its address under its name", to(at("80"), path, host)},
		{"its address under another name", to(at("80"), path, "rebound.example")},
		{"its address under no name", func() (string, bool) { return talk(at("80"), "GET "+path+" HTTP/1.0\r\n\r\n") }},
		{"its address mapped into IPv6", to("[::ffff:"+t.service.String()+"]:80", path, "rebound.example")},
		{"another port of its address", to(at("8080"), path, host)},
		{"CONNECT to it", func() (string, bool) { return talk(at("80"), "CONNECT "+host+":80 HTTP/1.1\r\nHost: "+host+"\r\n\r\n") }},
		{"its URL in absolute form", to(at("80"), "http://"+host+path, host)},
		{"another host in absolute form", to(at("80"), "http://rebound.example"+path, host)},
		{"something that is not HTTP", func() (string, bool) { return talk(at("80"), "\x00\x01\x02\r\n\r\n") }},
		{"TLS without a name", t.overTLS("")},
		{"TLS under another name", t.overTLS("rebound.example")},
		{"a pod with its name in the own namespace", to("customers.crm.marketing.svc.cluster.local:80", path, host)},
	}
	for i, p := range t.pods {
		out = append(out,
			attempt{fmt.Sprintf("pod %d by its address", i+1), to(p.String(), path, "rebound.example")},
			attempt{fmt.Sprintf("pod %d by its address, under the declared name", i+1), to(p.String(), path, host)})
	}
	return append(out, attempt{"pods by a headless Service", to("headless.crm.svc.cluster.local:8080", path, "headless.crm.svc.cluster.local")},
		attempt{"QUIC", func() (string, bool) { return datagram(at("443")), false }})
}

func (t target) overTLS(name string) func() (string, bool) {
	return func() (string, bool) {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(t.service.String(), "80"), patience)
		if err != nil {
			return because(err), false
		}
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(patience))
		secure := tls.Client(c, &tls.Config{ServerName: name, InsecureSkipVerify: true}) //nolint:gosec // it means no good
		if err := secure.Handshake(); err != nil {
			return "no TLS", false
		}
		return read(secure, request("GET", path, host))
	}
}

func datagram(addr string) string {
	c, err := net.Dial("udp", addr)
	if err != nil {
		return because(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err = c.Write([]byte("x")); err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	if err != nil {
		return because(err)
	}
	return "an answer"
}

// escapes are ways out of what the pod allows. Got tells that one worked.
func (t target) escapes() []attempt {
	works := func(err error) (string, bool) {
		if err == nil {
			return "it worked", true
		}
		return because(err), false
	}
	address := net.JoinHostPort(t.service.String(), "80")
	return []attempt{
		{"becoming the sidecar's user", func() (string, bool) { return works(syscall.Setuid(64111)) }},
		{"being the sidecar's user of a user namespace", func() (string, bool) { return fromNamespace(address) }},
		{"flushing the rules", func() (string, bool) { return works(capture.Remove()) }},
		{"raw packets", func() (string, bool) {
			fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
			if err == nil {
				_ = unix.Close(fd)
			}
			return works(err)
		}},
		{"SCTP", func() (string, bool) { return sctp(t.service) }},
		{"killing the sidecar", func() (string, bool) { return kill() }},
		{"reading the sidecar's tokens", func() (string, bool) {
			_, err := os.ReadFile("/var/run/secrets/optup/manager-token")
			return works(err)
		}},
		{"reading the sidecar's memory", func() (string, bool) {
			found, _ := filepath.Glob("/proc/[0-9]*/mem")
			return fmt.Sprintf("%d process is to be seen, its own", len(found)), len(found) > 1
		}},
		{"dialling the sidecar's port", func() (string, bool) { return talk("127.0.0.1:15001", request("GET", path, host)) }},
		{"asking the sidecar about itself", func() (string, bool) { return talk("127.0.0.1:15020", request("GET", "/summary", "x")) }},
	}
}

// fromNamespace dials as a process that is the sidecar's user in a user namespace of its own.
func fromNamespace(addr string) (string, bool) {
	self, err := os.Executable()
	if err != nil {
		return because(err), false
	}
	cmd := exec.Command(self, "--dial", addr)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER, UidMappings: []syscall.SysProcIDMap{{ContainerID: 64111, HostID: os.Getuid(), Size: 1}},
	}
	out, err := cmd.Output()
	if err != nil {
		return because(err), false
	}
	line := strings.TrimSpace(string(out))
	return strings.TrimSuffix(line, " false"), strings.HasSuffix(line, " true")
}

func sctp(to netip.Addr) (string, bool) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_SCTP)
	if err != nil {
		return because(err), false
	}
	defer func() { _ = unix.Close(fd) }()
	if err = unix.Connect(fd, &unix.SockaddrInet4{Port: 80, Addr: to.As4()}); err == nil {
		return "it worked", true
	}
	return because(err), false
}

// kill signals every process that there is, but its own.
func kill() (string, bool) {
	found, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range found {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(p), "%d", &pid); err == nil && pid != os.Getpid() {
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				return "killed a process", true
			}
		}
	}
	return "no process but its own is to be seen", false
}
