package proxy

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/ir"
)

// TestAnAnswerDoesNotCarryTheCredential: a service may tell callers what they sent, in every header and in any pieces of a body.
func TestAnAnswerDoesNotCarryTheCredential(t *testing.T) {
	for name, c := range map[string]ir.Credential{
		"a bearer token": bearer, "a user": {Type: ir.CredentialBasic, Username: "api"}, "a parameter": {Type: ir.CredentialQuery, Query: "key"},
	} {
		for _, status := range []int{200, 401, 500} {
			t.Run(name, func(t *testing.T) {
				r := shop(t, credentialed(c)).lend(seededKey)
				r.answer = func(w http.ResponseWriter, q *http.Request, _ []byte) {
					sent, _ := json.Marshal(q.Header)
					text := string(sent) + q.RequestURI + q.Header.Get("Authorization") + seededKey
					h := w.Header()
					h.Set("Content-Type", "application/json")
					h.Set("X-Echo", text)
					h.Set("Www-Authenticate", text)
					h.Set("Location", "/next"+q.RequestURI)
					h.Set("Set-Cookie", "session=as-good-as-the-key")
					h.Set("Trailer", "X-Sum")
					w.WriteHeader(status)
					for i := range text {
						_, _ = io.WriteString(w, text[i:i+1])
						if i%7 == 0 {
							_ = http.NewResponseController(w).Flush()
						}
					}
					h.Set("X-Sum", text)
				}
				addr := r.listen(service)
				for _, request := range []string{template("Accept-Encoding: gzip\r\n"), template("TE: trailers\r\n"), post("", newsletter)} {
					answer := raw(t, addr, request)
					for _, form := range []string{"correct-horse", "as-good-as", "U0cuY29ycmVjdC1ob3Jz", "Y29ycmVjdC1ob3Jz", "YXBpOlNHLmNvcnJlY3Q"} {
						if strings.Contains(answer, form) {
							t.Errorf("%q came back: %s", form, answer)
						}
					}
				}
				for i, got := range r.requests() {
					if coding := got.header.Get("Accept-Encoding"); coding != "identity" {
						t.Errorf("request %d asked for %q", i, coding)
					}
				}
				if n := r.counter(`optup_sidecar_credential_refusals_total{service="esp/mail"}`); (n == 3) != (status == 401) {
					t.Errorf("%d: %v refusals are counted", status, n)
				}
			})
		}
	}
}

// counter is the value of a counter with its labels; 0 if it is not there.
func (r *road) counter(name string) float64 {
	r.t.Helper()
	if !strings.Contains(r.metrics.Text(), name+" ") {
		return 0
	}
	return r.counted(name)
}

// TestTheCredentialIsToldNowhere: whatever the sidecar gives out, of requests that succeed and that fail.
func TestTheCredentialIsToldNowhere(t *testing.T) {
	for name, c := range map[string]ir.Credential{
		"a bearer token": bearer, "a parameter": {Type: ir.CredentialQuery, Query: "key"}, "a user": {Type: ir.CredentialBasic, Username: "api"},
	} {
		t.Run(name, func(t *testing.T) {
			r := recording(t, credentialed(c))
			r.lend(seededKey)
			addr := r.listen(netip.MustParseAddrPort("192.0.2.1:80"))
			answers := raw(t, addr, post("Referer: http://shop.example/\r\n", newsletter)) + raw(t, addr, template("")) + raw(t, addr, template("Authorization: own\r\n"))
			r.one(idIn(t, idInHeader, answers))
			if len(r.requests()) != 2 {
				t.Fatalf("%d requests", len(r.requests()))
			}
			if got := r.requests()[0].header.Get("Referer"); got != "http://shop.example/" {
				t.Errorf("Referer %q", got)
			}
			r.proxy.Dial = nil // whatever a failure tells
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) { panic(http.ErrAbortHandler) }
			answers += raw(t, addr, post("", newsletter)) + raw(t, addr, template(""))
			r.proxy.Credentials.Put(map[ir.Value]credential.Secret{mailKey: credential.New(seededKey + "\x01")})
			answers += raw(t, addr, post("", newsletter)) + raw(t, addr, template(""))

			spans, err := json.Marshal(tracetest.SpanStubsFromReadOnlySpans(r.spans.Ended()))
			if err != nil {
				t.Fatal(err)
			}
			var files bytes.Buffer
			_ = filepath.Walk(r.dir, func(path string, i os.FileInfo, err error) error {
				if err == nil && !i.IsDir() {
					data, _ := os.ReadFile(path) // may be gone already
					files.WriteString(path + string(data))
				}
				return nil
			})
			summary, _ := json.Marshal(r.proxy.Metrics.Summary())
			r.mu.Lock()
			defer r.mu.Unlock()
			for where, text := range map[string]string{
				"log": r.log.String(), "metrics": r.metrics.Text(), "spans": string(spans), "records": r.sent.String(), "spool": files.String(),
				"answers": answers, "summary": string(summary),
			} {
				if strings.Contains(text, "correct") || strings.Contains(text, "Y29ycmVjdC") {
					t.Errorf("the credential is told in %s:\n%s", where, text)
				}
			}
		})
	}
}
