package trust

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// python is Debian's, for which its packages are.
const python = "/usr/bin/python3"

// client is a program that prints what it gets from a URL, which follows its arguments.
type client struct {
	name string
	// needs is a command that ends well where the program and its libraries are here; packages are those that have them.
	needs    []string
	packages string
	command  []string
	// adds tells that what is injected is added to what the runtime trusts of itself, so that an authority of ours is no public one to it.
	adds bool
	// unconstrained tells that the runtime does not look at the constraints of an authority that it trusts, as RFC 5280 §6.1.1 (d) allows.
	unconstrained bool
}

func clients(t *testing.T) []client {
	classes := t.TempDir()
	imports := func(module string) []string { return []string{python, "-c", "import " + module} }
	java := []string{"javac", "-d", classes, testdata(t, "Get.java")}
	return []client{
		{name: "curl", needs: []string{"curl", "--version"}, packages: "curl", command: []string{"curl", "--silent", "--show-error", "--max-time", "20"}},
		{name: "PHP's streams", needs: []string{"php", "--version"}, packages: "php-cli", command: []string{"php", testdata(t, "streams.php")}},
		{
			name: "PHP's curl", needs: []string{"php", "-r", "exit(function_exists('curl_init') ? 0 : 1);"}, packages: "php-cli php-curl",
			command: []string{"php", testdata(t, "curl.php")},
		},
		{name: "Ruby's net/http", needs: []string{"ruby", "--version"}, packages: "ruby", command: []string{"ruby", testdata(t, "get.rb")}},
		{name: "Python's urllib", needs: imports("ssl"), packages: "python3", command: []string{python, testdata(t, "get_urllib.py")}},
		{name: "Python's requests", needs: imports("requests"), packages: "python3-requests", command: []string{python, testdata(t, "get_requests.py")}},
		{name: "Python's httpx", needs: imports("httpx"), packages: "python3-httpx", command: []string{python, testdata(t, "get_httpx.py")}},
		{name: "Python's aiohttp", needs: imports("aiohttp"), packages: "python3-aiohttp", command: []string{python, testdata(t, "get_aiohttp.py")}},
		{name: "Node's https", needs: []string{"node", "--version"}, packages: "nodejs", command: []string{"node", testdata(t, "https.js")}, adds: true},
		{name: "Node's fetch", needs: []string{"node", "-e", "fetch"}, packages: "nodejs", command: []string{"node", testdata(t, "fetch.js")}, adds: true},
		{name: "Java's HttpClient", needs: java, packages: "openjdk-17-jdk-headless", command: []string{"java", "-cp", classes, "Get", "client"}, unconstrained: true},
		{name: "Java's HttpURLConnection", needs: java, packages: "openjdk-17-jdk-headless", command: []string{"java", "-cp", classes, "Get", "connection"}, unconstrained: true},
		{name: "Go's net/http", command: []string{os.Args[0]}},
	}
}

// here tells whether a client can run.
func (c *client) here(t *testing.T) bool {
	t.Helper()
	if c.needs == nil {
		return true
	}
	out, err := exec.CommandContext(t.Context(), c.needs[0], c.needs[1:]...).CombinedOutput()
	switch {
	case err == nil:
		return true
	case os.Getenv("CI") != "":
		t.Errorf("%s is not here: apt-get install %s\n%v %s", c.name, c.packages, err, out)
	default:
		t.Logf("%s is not here: apt-get install %s", c.name, c.packages)
	}
	return false
}

// get has a client ask a host, with variables besides those that every program has.
func (c *client) get(t *testing.T, host string, variables ...string) (out string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.command[0], append(slices.Clone(c.command[1:]), "https://"+host+"/v3/status")...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8", childVariable + "=" + goClient}, variables...)
	text, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s does not end: %s", c.name, text)
	}
	return string(text), err == nil && strings.Contains(string(text), said)
}

// TestApplicationsTrustAnInterceptedHost by what is injected alone; and by that neither less of the outside nor, but for
// runtimes that the threat model names, more than the declared hosts.
func TestApplicationsTrustAnInterceptedHost(t *testing.T) {
	alone(t, func(t *testing.T) {
		w := newWorld(t)
		for _, c := range clients(t) {
			t.Run(c.name, func(t *testing.T) {
				if !c.here(t) {
					return
				}
				before := w.reached.Load()
				if out, ok := c.get(t, declared); ok || w.reached.Load() != before {
					t.Errorf("without what is injected it accepts the certificate: %s", out)
				}
				if out, ok := c.get(t, declared, w.injected...); !ok || w.reached.Load() != before+1 {
					t.Errorf("with what is injected it does not get through: %s", out)
				}
				if out, ok := c.get(t, outside, w.injected...); !ok && !c.adds {
					t.Errorf("with what is injected it trusts public authorities no more: %s", out)
				}
				if out, ok := c.get(t, stolen, w.injected...); ok != c.unconstrained {
					t.Errorf("it accepts the namespace's authority for a host that nobody declared: %t: %s", ok, out)
				}
			})
		}
	})
}
