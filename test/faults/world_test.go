package faults

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/test/bypass/market"
	"github.com/optup/optup/test/process"
)

// programs are the built ledger and sidecar.
var programs process.Programs

func TestMain(m *testing.M) {
	os.Exit(process.Built(func(p process.Programs) int {
		programs = p
		flag.Parse()
		if err := flag.Set("test.parallel", "8"); err != nil { // worlds mostly wait
			panic(err)
		}
		return m.Run()
	}))
}

const token = "development-token-of-the-fault-tests"

// world is a ledger and a sidecar as processes, with a relay between them, and a service.
type world struct {
	t      *testing.T
	dir    string
	shop   *shop
	ledger *relay
	// behind stands before the service; nil for none.
	behind *relay
	// direct is the ledger's own address, base the sidecar's for the service, and admin for its metrics.
	direct, base, admin string

	sidecar *process.Process
	command []string
	env     []string
}

// bound is how old facts may be.
const bound = 5 * time.Second

// setting is what is special about a world.
type setting struct {
	// flags go after the sidecar's command, env into its environment.
	flags, env []string
	// relayed puts a relay before the service, too.
	relayed bool
	// alone tells that nothing else runs meanwhile.
	alone bool
	// bound is how old facts may be; 0 for the usual.
	bound time.Duration
}

// open starts a world.
func open(t *testing.T, o setting) *world {
	t.Helper()
	if !o.alone {
		t.Parallel()
	}
	w := &world{t: t, dir: t.TempDir(), shop: newShop(t), env: o.env}
	if o.relayed {
		w.behind = newRelay(t, w.shop.addr)
		w.shop.port = w.behind.listener.Addr().(*net.TCPAddr).Port
	}
	w.startLedger()
	w.ledger = newRelay(t, w.direct)
	b, err := ir.Encode(bundle(w.shop.port, cmp.Or(o.bound, bound)))
	if err != nil {
		t.Fatal(err)
	}
	w.base, w.admin = w.free(), w.free()
	w.command = append([]string{
		programs.Sidecar, "run", "--bundle", w.write("bundle.json", b), "--state", filepath.Join(w.dir, "state"),
		"--ledger", "http://" + w.ledger.addr(), "--ledger-token", w.write("token", []byte(token)), "--admin", w.admin,
		"--listen", fmt.Sprintf("%s=localhost:%d", w.base, w.shop.port),
	}, o.flags...)
	w.start()
	t.Cleanup(func() {
		_ = w.sidecar.Signal(syscall.SIGCONT)
		if err := w.sidecar.Stop(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) startLedger() {
	w.t.Helper()
	w.direct = w.free()
	args, _, err := process.Ledger(context.Background(), programs.Ledger, w.dir, w.direct, controller, token)
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := process.Start(context.Background(), filepath.Join(w.dir, "ledger.log"), nil, programs.Ledger, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			w.t.Error(err)
		}
	})
	rows, err := w.shop.market.Consents(time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	w.soon("the ledger takes an import", func() bool {
		status, _, err := w.tell("/v1/imports", "text/csv; charset=utf-8", rows)
		return err == nil && status == http.StatusOK
	})
}

// start starts the sidecar, on the same addresses each time, and waits until it shows people.
func (w *world) start() {
	w.t.Helper()
	var err error
	if w.sidecar, err = process.Start(context.Background(), filepath.Join(w.dir, "sidecar.log"), w.env, w.command[0], w.command[1:]...); err != nil {
		w.t.Fatal(err)
	}
	w.fresh()
}

// fresh waits until a list shows people, which shows that the facts are there and fresh.
func (w *world) fresh() {
	w.t.Helper()
	w.soon("the sidecar decides by fresh facts", func() bool {
		a := w.app().get("/v1/customers")
		return a.err == nil && a.status == http.StatusOK && bytes.Contains(a.body, []byte(w.shop.market.Permitted[3].Mail))
	})
}

// tell asks the ledger itself, past the relay.
func (w *world) tell(path, kind string, body []byte) (int, []byte, error) {
	method := http.MethodPost
	if body == nil {
		method = http.MethodGet
	}
	r, err := http.NewRequest(method, "http://"+w.direct+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", kind)
	r.Close = true
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// withdraw takes somebody's consent back, for everything.
func (w *world) withdraw(p market.Person) {
	w.t.Helper()
	for _, purpose := range []consent.PurposeID{market.News, market.View} {
		body, _ := json.Marshal(map[string]any{
			"identifiers": []map[string]string{{"type": "email", "form": "Plain", "value": p.Mail}},
			"event":       consent.Event{Type: consent.EventWithdrawn, Purpose: purpose},
		})
		if status, answer, err := w.tell("/v1/events", "application/json", body); err != nil || status != http.StatusCreated {
			w.t.Fatalf("a withdrawal: %v, %d %s", err, status, answer)
		}
	}
}

// stop stops the sidecar as a debugger, a frozen container or a machine that sleeps would.
func (w *world) stop() {
	w.t.Helper()
	if err := w.sidecar.Signal(syscall.SIGSTOP); err != nil {
		w.t.Fatal(err)
	}
	w.soon("all threads are stopped", func() bool {
		stopped, err := w.sidecar.Stopped()
		return err == nil && stopped
	})
}

// soon waits for something that takes moments.
func (w *world) soon(what string, ok func() bool) {
	w.t.Helper()
	w.within(40*time.Second, what, ok)
}

func (w *world) within(most time.Duration, what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	log, _ := os.ReadFile(filepath.Join(w.dir, "sidecar.log"))
	w.t.Fatalf("it did not happen in %v that %s; the sidecar said %s", most, what, log[max(0, len(log)-2000):])
}

func (w *world) free() string {
	w.t.Helper()
	addr, err := process.Free()
	if err != nil {
		w.t.Fatal(err)
	}
	return addr
}

func (w *world) write(name string, data []byte) string {
	w.t.Helper()
	file := filepath.Join(w.dir, name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file
}

// smallSegments keeps the kernel from taking megabytes of what nobody reads.
func smallSegments(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1400) })
	return errors.Join(err, failed)
}
