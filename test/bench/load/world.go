package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/test/bench/harness"
	run "github.com/optup/optup/test/process"
)

// world is everything that runs: a service, a ledger, the proxies before the service, and the client.
type world struct {
	ctx    context.Context //nolint:containedctx // processes end with it
	env    *harness.Env
	people int
	// events that were imported, identifiers that the sidecar knows by them.
	events, identifiers int
	// first is the person with whom the next requests begin.
	first int
	// service is the address of the service.
	service   string
	processes []*process
	client    *client
	// proxies by name, with where they listen.
	proxies map[string]*proxy
}

type proxy struct {
	*process
	address string
}

// The proxies. Direct is none at all.
const (
	direct       = "direct"
	ours         = "sidecar"
	reverseProxy = "reverseproxy"
	caddy        = "caddy"
	// filtered is ours, with answers that are filtered.
	filtered = "sidecar, filtered"
)

// open starts a world; close ends it.
func open(ctx context.Context, env *harness.Env) (w *world, err error) {
	w = &world{ctx: ctx, env: env, people: env.Size(10_000, 200), proxies: map[string]*proxy{}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	binary := map[string]string{}
	for _, name := range []string{"ledger", ours, reverseProxy, caddy} {
		if binary[name], err = build(ctx, env, name); err != nil {
			return w, err
		}
	}
	if err := w.startService(); err != nil {
		return w, err
	}
	if err := w.startClient(); err != nil {
		return w, err
	}
	ledger, token, err := w.startLedger(binary["ledger"])
	if err != nil {
		return w, err
	}
	w.proxies[direct] = &proxy{process: w.processes[0], address: w.service}
	return w, errors.Join(
		w.startSidecar(binary[ours], ledger, token), w.startReverseProxy(binary[reverseProxy]), w.startCaddy(binary[caddy]),
	)
}

func (w *world) close() {
	for i := len(w.processes) - 1; i >= 0; i-- {
		w.processes[i].stop()
	}
}

func (w *world) start(name string, core int, prepare func(*exec.Cmd) error, file string, args ...string) (*process, error) {
	p, err := start(w.ctx, w.env.Dir, name, core, prepare, file, args...)
	if err == nil {
		w.processes = append(w.processes, p)
	}
	return p, err
}

func (w *world) startService() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if w.service, err = run.Free(); err != nil {
		return err
	}
	p, err := w.start("service", coreOthers, nil, self, "child", "service", w.service)
	if err != nil {
		return err
	}
	return p.listens(w.ctx, w.service)
}

func (w *world) startClient() (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	w.client, err = w.startClientOf("client", self, "child", "client")
	return err
}

// startClientOf starts a program that carries out orders.
func (w *world) startClientOf(name, file string, args ...string) (*client, error) {
	c := &client{}
	var in io.WriteCloser
	var out io.ReadCloser
	var err error
	c.process, err = w.start(name, coreOthers, func(cmd *exec.Cmd) error {
		cmd.Stdout = nil
		var wrong, broken error
		in, wrong = cmd.StdinPipe()
		out, broken = cmd.StdoutPipe()
		return errors.Join(wrong, broken)
	}, file, args...)
	if err != nil {
		return nil, err
	}
	c.in, c.out = json.NewEncoder(in), json.NewDecoder(out)
	return c, nil
}

// startLedger starts a ledger with a development token and imports the people: all agreed to profiles, half of them to lists.
func (w *world) startLedger(binary string) (url, token string, err error) {
	// Every suite has a ledger of its own, with a key of its own.
	dir, err := os.MkdirTemp(w.env.Dir, "ledger-")
	if err != nil {
		return "", "", err
	}
	const secret = "token-of-a-benchmark-on-this-machine"
	listen, err := run.Free()
	if err != nil {
		return "", "", err
	}
	args, token, err := run.Ledger(w.ctx, binary, dir, listen, controller, secret)
	if err != nil {
		return "", "", err
	}
	p, err := w.start("ledger", coreOthers, nil, binary, append(args, "--log-level", "warn")...)
	if err != nil {
		return "", "", err
	}
	if err := errors.Join(p.listens(w.ctx, listen), p.yields()); err != nil {
		return "", "", err
	}
	return "http://" + listen, token, w.importPeople("http://"+listen, secret)
}

func (w *world) importPeople(url, token string) error {
	w.env.Say("importing %d people into a ledger", w.people)
	var file bytes.Buffer
	file.WriteString("identifier_type,identifier,event,purpose,notice,at,proof,evidence\n")
	now := time.Now()
	for i := range w.people {
		at := now.Add(-time.Duration(i%300+1) * 24 * time.Hour).UTC().Format(time.RFC3339)
		fmt.Fprintf(&file, "email,%s,given,%s,%s-v1,%s,MailboxConfirmed,archive/%d\n", address(i), profile, profile, at, i)
		if i%2 == 0 {
			fmt.Fprintf(&file, "email,%s,given,%s,%s-v1,%s,MailboxConfirmed,archive/%d\n", address(i), list, list, at, i)
		}
	}
	r, err := http.NewRequestWithContext(w.ctx, http.MethodPost, url+"/v1/imports", &file)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "text/csv; charset=utf-8")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	var done struct{ Appended, Refused int }
	if res.StatusCode != http.StatusOK || json.Unmarshal(text, &done) != nil || done.Refused > 0 || done.Appended == 0 {
		return fmt.Errorf("the import came to %s: %.500s", res.Status, text)
	}
	w.events = done.Appended
	return nil
}

func (w *world) startSidecar(binary, ledger, token string) error {
	return w.startSidecarWith(binary, ledger, token, func(*ir.Bundle) {})
}

// startSidecarWith starts one with a changed bundle and more flags.
func (w *world) startSidecarWith(binary, ledger, token string, change func(*ir.Bundle), flags ...string) error {
	_, port, err := net.SplitHostPort(w.service)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	b := bundle(n)
	change(b)
	encoded, err := ir.Encode(b)
	if err != nil {
		return err
	}
	file := filepath.Join(w.env.Dir, "bundle.json")
	if err := os.WriteFile(file, encoded, 0o600); err != nil {
		return err
	}
	listen, err := run.Free()
	if err != nil {
		return err
	}
	admin, err := run.Free()
	if err != nil {
		return err
	}
	// As in a pod: use records wait in a folder.
	state, err := os.MkdirTemp(w.env.Dir, "state-")
	if err != nil {
		return err
	}
	p, err := w.start(ours, coreProxy, nil, binary, append([]string{
		"run", "--bundle", file, "--ledger", ledger, "--ledger-token", token, "--state", state,
		"--listen", listen + "=" + net.JoinHostPort(serviceHost, port), "--admin", admin,
	}, flags...)...)
	if err != nil {
		return err
	}
	w.proxies[ours] = &proxy{process: p, address: listen}
	return p.until(w.ctx, "it knew everybody", func() bool { return w.knowsEverybody(admin) })
}

// knowsEverybody tells whether the sidecar has all that was imported, and remembers how many identifiers that is.
func (w *world) knowsEverybody(admin string) bool {
	res, err := http.Get("http://" + admin + "/summary")
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	var s struct {
		Ledgers []struct {
			Identifiers, Position int
			AgeSeconds            *float64
		}
	}
	if json.NewDecoder(res.Body).Decode(&s) != nil || len(s.Ledgers) != 1 {
		return false
	}
	w.identifiers = s.Ledgers[0].Identifiers
	return s.Ledgers[0].Position >= w.events && s.Ledgers[0].AgeSeconds != nil
}

func (w *world) startReverseProxy(binary string) error {
	listen, err := run.Free()
	if err != nil {
		return err
	}
	p, err := w.start(reverseProxy, coreProxy, nil, binary, "-listen", listen, "-to", "http://"+w.service)
	if err != nil {
		return err
	}
	w.proxies[reverseProxy] = &proxy{process: p, address: listen}
	return p.listens(w.ctx, listen)
}

// caddyConfig is a server with a reverse proxy and nothing else: no administration, no access log.
const caddyConfig = `{"admin":{"disabled":true,"config":{"persist":false}},"logging":{"logs":{"default":{"level":"ERROR"}}},
"apps":{"http":{"servers":{"main":{"listen":[%q],"automatic_https":{"disable":true},
"routes":[{"handle":[{"handler":"reverse_proxy","upstreams":[{"dial":%q}]}]}]}}}}}`

func (w *world) startCaddy(binary string) error {
	listen, err := run.Free()
	if err != nil {
		return err
	}
	file := filepath.Join(w.env.Dir, "caddy.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, caddyConfig, listen, w.service), 0o600); err != nil {
		return err
	}
	p, err := w.start(caddy, coreProxy, func(cmd *exec.Cmd) error {
		cmd.Env = append(cmd.Env, "HOME="+w.env.Dir, "XDG_DATA_HOME="+w.env.Dir, "XDG_CONFIG_HOME="+w.env.Dir)
		return nil
	}, binary, "run", "--config", file)
	if err != nil {
		return err
	}
	w.proxies[caddy] = &proxy{process: p, address: listen}
	return p.listens(w.ctx, listen)
}
