package callback

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/manifest"
	"github.com/optup/optup/internal/translate"
	"github.com/optup/optup/test/process"
)

// programs are the built ledger and sidecar.
var programs process.Programs

func TestMain(m *testing.M) {
	os.Exit(process.Built(func(p process.Programs) int {
		programs = p
		return m.Run()
	}))
}

const (
	token      = "development-token-of-the-callback-tests"
	controller = "Example Shop GmbH"
	hook       = "/hooks/sendgrid"
)

// world is a ledger and a sidecar as processes, a mail service and an application.
type world struct {
	t   *testing.T
	dir string
	key *ecdsa.PrivateKey

	ledger *process.Process
	// args start the ledger again; ledgerAddr, out and in are where the ledger, the mail service (for the application) and the application
	// (for the mail service) are.
	args                []string
	ledgerAddr, out, in string

	mail, app received
	// refusing is the status with which the application answers; 0 for 200.
	refusing int
}

// received collects the bodies that somebody got, by path.
type received struct {
	mu  sync.Mutex
	all []*http.Request
	got []string
}

func (r *received) add(q *http.Request, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all, r.got = append(r.all, q), append(r.got, body)
}

// take gives what came since the last time.
func (r *received) take() (requests []*http.Request, bodies []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests, bodies = r.all, r.got
	r.all, r.got = nil, nil
	return requests, bodies
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), key: newKey(t)}
	var err error
	mail := w.serve(&w.mail, func() int { return http.StatusAccepted })
	app := w.serve(&w.app, func() int {
		if w.refusing != 0 {
			return w.refusing
		}
		return http.StatusOK
	})
	w.ledgerAddr, w.out, w.in = w.free(), w.free(), w.free()
	if w.args, _, err = process.Ledger(t.Context(), programs.Ledger, w.dir, w.ledgerAddr, controller, token); err != nil {
		t.Fatal(err)
	}
	w.startLedger()
	t.Cleanup(func() { _ = w.ledger.Stop() })
	sidecar, err := process.Start(context.Background(), filepath.Join(w.dir, "sidecar.log"), nil, programs.Sidecar, "run",
		"--bundle", w.write("bundle.json", w.bundle(port(mail), port(app))), "--state", filepath.Join(w.dir, "state"), "--ledger", "http://"+w.ledgerAddr,
		"--ledger-token", w.write("token", []byte(token)), "--admin", w.free(), "--listen", w.out+"=localhost:"+port(mail), "--callbacks", w.in+"="+app)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sidecar.Stop(); err != nil {
			t.Error(err)
		}
	})
	for _, addr := range []string{w.out, w.in} {
		w.soon("the sidecar listens", func() bool {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				_ = c.Close()
			}
			return err == nil
		})
	}
	return w
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (w *world) startLedger() {
	w.t.Helper()
	var err error
	if w.ledger, err = process.Start(context.Background(), filepath.Join(w.dir, "ledger.log"), nil, programs.Ledger, w.args...); err != nil {
		w.t.Fatal(err)
	}
	w.soon("the ledger answers", func() bool { _, err := w.position(); return err == nil })
}

func (w *world) serve(to *received, status func() int) string {
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		to.add(r, string(body))
		rw.WriteHeader(status())
		_, _ = io.WriteString(rw, "seen")
	}))
	w.t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// bundle compiles the world for the ports that the mail service and the application have, and for the key that the mail service signs with.
func (w *world) bundle(mail, app string) []byte {
	w.t.Helper()
	text, err := os.ReadFile("testdata/world.yaml")
	if err != nil {
		w.t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(w.key.Public())
	if err != nil {
		w.t.Fatal(err)
	}
	replaced := strings.NewReplacer("10001", mail, "10002", app, "PUBLIC-KEY", base64.StdEncoding.EncodeToString(public)).Replace(string(text))
	var o translate.Objects
	if err := manifest.Read(&o, strings.NewReader(replaced)); err != nil {
		w.t.Fatal(err)
	}
	r := compile.Compile(translate.Snapshot(o))
	for _, f := range r.Findings {
		if f.Severity == compile.Error {
			w.t.Fatalf("%+v", f)
		}
	}
	if len(r.Bundles) != 1 {
		w.t.Fatalf("%d bundles", len(r.Bundles))
	}
	return r.Bundles[0].Encoded
}

// record is one of what the mail service tells, with its own id.
type record map[string]any

func event(kind, mail, id string) record {
	return record{"event": kind, "email": mail, "sg_event_id": id, "sg_message_id": "m-" + id, "timestamp": time.Now().Unix()}
}

// call is a call of the mail service as it is sent.
type call struct {
	method, path, stamp, signature, kind string
	body                                 []byte
}

// sign makes a call as SendGrid does: the body ends in CR LF.
func (w *world) sign(records ...record) call {
	w.t.Helper()
	body, err := json.Marshal(records)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.signAt(time.Now(), append(body, "\r\n"...))
}

func (w *world) signAt(at time.Time, body []byte) call {
	w.t.Helper()
	c := call{method: http.MethodPost, path: hook, stamp: strconv.FormatInt(at.Unix(), 10), body: body, kind: "application/json"}
	sum := sha256.Sum256(append([]byte(c.stamp), c.body...))
	signature, err := ecdsa.SignASN1(rand.Reader, w.key, sum[:])
	if err != nil {
		w.t.Fatal(err)
	}
	c.signature = base64.StdEncoding.EncodeToString(signature)
	return c
}

// post sends a call to the application, by way of its sidecar.
func (w *world) post(c call, more ...string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequest(c.method, "http://"+w.in+"/", bytes.NewReader(c.body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.URL.Opaque = c.path // as it is spelled
	r.Header.Set("Content-Type", c.kind)
	r.Header.Set("X-Forwarded-Host", "hooks.shop.example") // by the ingress
	if c.signature != "" {
		r.Header.Set("X-Twilio-Email-Event-Webhook-Signature", c.signature)
		r.Header.Set("X-Twilio-Email-Event-Webhook-Timestamp", c.stamp)
	}
	for i := 0; i+1 < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	return w.do(r)
}

func (w *world) do(r *http.Request) (int, string) {
	w.t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// send sends a mail by way of the sidecar, and gives whom it reached.
func (w *world) send(template string, to ...string) (int, []string) {
	w.t.Helper()
	var people []map[string]any
	for _, mail := range to {
		people = append(people, map[string]any{"to": []any{map[string]string{"email": mail}}})
	}
	body, err := json.Marshal(map[string]any{"personalizations": people, "template_id": template, "subject": "News"})
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, "http://"+w.out+"/v3/mail/send", bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	w.mail.take()
	status, _ := w.do(r)
	var reached []string
	_, bodies := w.mail.take()
	for _, mail := range to {
		if strings.Contains(strings.Join(bodies, ""), `"`+mail+`"`) {
			reached = append(reached, mail)
		}
	}
	return status, reached
}

// agree appends consent of an hour ago to the ledger, as a touchpoint would.
func (w *world) agree(mail string, purposes ...string) {
	w.t.Helper()
	for _, p := range purposes {
		if status, body := w.tell("/v1/events", fmt.Sprintf(`{"identifiers":[{"type":"email","value":%q}],"event":{"type":"given","purpose":%q,"notice":"all-v1","occurredAt":%q}}`, mail, p, time.Now().Add(-time.Hour).Format(time.RFC3339))); status != http.StatusCreated {
			w.t.Fatalf("%d %s", status, body)
		}
	}
}

func (w *world) tell(path, body string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+w.ledgerAddr+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Close = true
	return w.do(r)
}

// position is the end of the ledger's log.
func (w *world) position() (uint64, error) {
	r, err := http.NewRequest(http.MethodGet, "http://"+w.ledgerAddr+"/v1/head", nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Close = true
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	var head struct {
		Position uint64 `json:"position"`
	}
	if res.StatusCode != http.StatusOK {
		return 0, errors.New(res.Status)
	}
	return head.Position, json.NewDecoder(res.Body).Decode(&head)
}

func (w *world) at() uint64 {
	w.t.Helper()
	p, err := w.position()
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// ready waits until the sidecar sends to somebody who agreed.
func (w *world) ready(template, mail string) {
	w.t.Helper()
	w.soon("the sidecar knows who agreed", func() bool {
		_, reached := w.send(template, mail)
		return len(reached) == 1
	})
}

func (w *world) soon(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	log, _ := os.ReadFile(filepath.Join(w.dir, "sidecar.log"))
	w.t.Fatalf("it did not happen that %s; the sidecar said %s", what, log[max(0, len(log)-2000):])
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

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}
