package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// workloads have a sidecar each, with a listener to the mail provider and one to the register.
var workloads = []string{"campaign", "invoice", "dashboard", "scoring"}

const (
	people = "1000"
	token  = "development-token-of-the-dashboard-picture"
)

// world is what runs: every part is a program of its own.
type world struct {
	dir, programs  string
	ledger         string // base URL
	mail, register string // address:port of the services themselves
	// toMail and toRegister are the ways of a workload through its sidecar.
	toMail, toRegister map[string]string
	webhooks           string // base URL of the operator's
	environment        []string
	sources            []source
	running            []*process
	// startLedger and startMail start again what was stopped.
	startLedger, startMail func(context.Context) (*process, error)
	ledgerProcess, mailer  *process
}

// start brings everything up and tells the ledger what the shop's people agreed to.
func start(ctx context.Context, dir, programs, root string) (*world, error) {
	w := &world{dir: dir, programs: programs, toMail: map[string]string{}, toRegister: map[string]string{}}
	w.mail, w.register = free(), free()
	folder, err := w.policies(filepath.Join(root, "test/demo/manifests/policies.yaml"))
	if err != nil {
		return w, err
	}
	w.startMail = func(ctx context.Context) (*process, error) {
		return w.run(ctx, "shop", "esp", "--listen", w.mail, "--admin", free())
	}
	if _, err := w.run(ctx, "shop", "crm", "--people", people, "--listen", w.register, "--admin", free()); err != nil {
		return w, err
	}
	if w.mailer, err = w.startMail(ctx); err != nil {
		return w, err
	}
	if err := w.openLedger(ctx, folder); err != nil {
		return w, err
	}
	for _, name := range workloads {
		if err := w.sidecar(ctx, folder, name); err != nil {
			return w, err
		}
	}
	if err := w.tell(ctx); err != nil {
		return w, err
	}
	return w, w.openManager(ctx, root, folder)
}

// policies writes those of the demo with the addresses of this run, and what this run adds.
func (w *world) policies(demo string) (string, error) {
	text, err := os.ReadFile(demo)
	if err != nil {
		return "", err
	}
	out := string(text)
	for hosts, addr := range map[string]string{
		"[api.esp, api.esp.svc, api.esp.svc.cluster.local]":                   w.mail,
		"[customers.crm, customers.crm.svc, customers.crm.svc.cluster.local]": w.register,
	} {
		_, port, _ := net.SplitHostPort(addr)
		declared := hosts + "\n  ports: [{port: 80, protocol: HTTP}]"
		if !strings.Contains(out, declared) {
			return "", fmt.Errorf("%s does not declare %s at port 80", demo, hosts)
		}
		out = strings.Replace(out, declared, "[localhost]\n  ports: [{port: "+port+", protocol: HTTP}]", 1)
	}
	folder := filepath.Join(w.dir, "policies")
	return folder, errors.Join(os.Mkdir(folder, 0o700),
		os.WriteFile(filepath.Join(folder, "demo.yaml"), []byte(out), 0o600),
		os.WriteFile(filepath.Join(folder, "added.yaml"), []byte(policiesYAML), 0o600))
}

// bundle compiles the bundle of a workload into a file.
func (w *world) bundle(ctx context.Context, folder, namespace, workload string) (string, error) {
	text, err := w.output(ctx, "optup", "compile", "--strict", "-f", folder, "-n", namespace, "--workload", workload)
	if err != nil {
		return "", err
	}
	file := filepath.Join(w.dir, strings.ReplaceAll(workload, "/", "-")+".json")
	return file, os.WriteFile(file, text, 0o600)
}

func (w *world) openLedger(ctx context.Context, folder string) error {
	bundle, err := w.bundle(ctx, folder, "consent", "ConsentLedger/main")
	if err != nil {
		return err
	}
	key, config, secret, data := filepath.Join(w.dir, "root.key"), filepath.Join(w.dir, "config.json"), filepath.Join(w.dir, "token"), filepath.Join(w.dir, "ledger")
	_, err = w.output(ctx, "ledger", "keygen", "--out", key)
	if err = errors.Join(err, os.Mkdir(data, 0o700), os.WriteFile(secret, []byte(token), 0o600),
		os.WriteFile(config, []byte(`{"controller":"Gartenhaus Grün GmbH","population":`+people+`}`), 0o600)); err != nil {
		return err
	}
	listen, admin := free(), free()
	w.ledger = "http://" + listen
	w.sources = append(w.sources, source{"http://" + admin + "/metrics", "consent", "main-ledger-0"})
	w.startLedger = func(ctx context.Context) (*process, error) {
		return w.run(ctx, "ledger", "serve", "--data", data, "--root-key", key, "--config", config, "--bundle", bundle,
			"--listen", listen, "--admin", admin, "--dev-token-file", secret)
	}
	w.ledgerProcess, err = w.startLedger(ctx)
	return err
}

func (w *world) sidecar(ctx context.Context, folder, name string) error {
	kind := "Deployment/"
	if name == "campaign" || name == "invoice" {
		kind = "Job/"
	}
	bundle, err := w.bundle(ctx, folder, "marketing", kind+name)
	if err != nil {
		return err
	}
	admin, mail, register := free(), free(), free()
	_, mailPort, _ := net.SplitHostPort(w.mail)
	_, registerPort, _ := net.SplitHostPort(w.register)
	w.toMail[name], w.toRegister[name] = "http://"+mail, "http://"+register
	w.sources = append(w.sources, source{"http://" + admin + "/metrics", "marketing", name})
	_, err = w.run(ctx, "sidecar", "run", "--bundle", bundle, "--ledger", w.ledger, "--ledger-token", filepath.Join(w.dir, "token"),
		"--admin", admin, "--state", filepath.Join(w.dir, name), "--listen", mail+"=localhost:"+mailPort, "--listen", register+"=localhost:"+registerPort)
	return err
}

// tell imports what the shop's people agreed to, as soon as the ledger answers.
func (w *world) tell(ctx context.Context) error {
	rows, err := w.output(ctx, "shop", "list", "--people", people, "--what", "consents")
	if err != nil {
		return err
	}
	return soon("the ledger did not take the import", func() error {
		status, err := w.post(ctx, "/v1/imports", "text/csv; charset=utf-8", rows)
		if err == nil && status != http.StatusOK {
			err = errors.New(http.StatusText(status))
		}
		return err
	})
}

// post sends something to the ledger.
func (w *world) post(ctx context.Context, path, kind string, body []byte) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.ledger+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", kind)
	return send(http.DefaultClient, r)
}

// process is a program that runs.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

func (w *world) run(ctx context.Context, program string, args ...string) (*process, error) {
	log, err := os.CreateTemp(w.dir, filepath.Base(program)+"-*.log")
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	p := &process{cmd: exec.CommandContext(ctx, filepath.Join(w.programs, program), args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = log, log, w.environment
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	w.running = append(w.running, p)
	return p, nil
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// stop ends everything, the newest first.
func (w *world) stop() {
	for i := len(w.running) - 1; i >= 0; i-- {
		w.running[i].stop()
	}
}

func (w *world) output(ctx context.Context, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(w.programs, program), args...)
	cmd.Stderr = os.Stderr
	return cmd.Output()
}

// free gives a loopback address that nobody listens on.
func free() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0" // whoever listens on it says what is wrong
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
