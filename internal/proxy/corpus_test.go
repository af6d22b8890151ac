package proxy

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/scenario"
)

// golden reads the bundle of a case as it was reviewed, which the tests of internal/scenario hold to what the compiler says.
func golden(t testing.TB, folder string) *ir.Bundle {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../test/corpus", folder, "bundle.golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := ir.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return bundle
}

// TestCorpus sends every request of the corpus through the sidecar and looks at what reaches the service and what comes back.
func TestCorpus(t *testing.T) {
	all, err := scenario.Load(os.DirFS("../../test/corpus"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		bundle := golden(t, c.Folder)
		outcomes, err := c.Run()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			d := o.Decision
			t.Run(c.Name+"/"+d.Name, func(t *testing.T) {
				now, err := d.Moment()
				if err != nil {
					t.Fatal(err)
				}
				r := newRoad(t, bundle, told{
					fact: func(i consent.Identifier, p consent.PurposeID) consent.Fact { return c.Fact(i, p, d.At()) },
					now:  func() decide.Now { return now },
				})
				answer := play(t, r, d)
				check(t, r, o, answer)
			})
		}
	}
}

// played is what came back to the application.
type played struct {
	status int
	body   []byte
}

func play(t *testing.T, r *road, d scenario.Decision) played {
	t.Helper()
	request, response := formats(r, d)
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", scenario.ContentType(d.Answer, response))
		status := d.AnswerStatus
		switch {
		case status == 0 && d.Answer == nil:
			status = http.StatusAccepted
		case status == 0:
			status = http.StatusOK
		}
		w.WriteHeader(status)
		if d.Answer != nil {
			data, err := scenario.Bytes(d.Answer)
			if err != nil {
				t.Error(err)
			}
			_, _ = w.Write(data)
		}
	}
	to := "198.51.100.9"
	if r.current.Load().Index.Governs(d.Request.Host) {
		to = "192.0.2.1"
	}
	addr := r.listen(netip.MustParseAddrPort(fmt.Sprintf("%s:%d", to, d.Request.Port)))
	body, err := scenario.Bytes(d.Request.Body)
	if err != nil {
		t.Fatal(err)
	}
	// Written by hand, so that nobody makes the path canonical.
	var head strings.Builder
	host := d.Request.Host
	if d.Request.Port != 80 {
		host = fmt.Sprintf("%s:%d", host, d.Request.Port)
	}
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", d.Request.Method, d.Request.Path, host)
	if body != nil {
		fmt.Fprintf(&head, "Content-Type: %s\r\nContent-Length: %d\r\n", d.Request.ContentType(request), len(body))
	}
	for k, v := range d.Request.Headers {
		if strings.EqualFold(k, "Content-Type") {
			continue
		}
		fmt.Fprintf(&head, "%s: %s\r\n", k, v)
	}
	over := (*tls.Config)(nil)
	if r.current.Load().upstreams[place{d.Request.Host, d.Request.Port}].intercepted() {
		over = &tls.Config{ServerName: d.Request.Host, RootCAs: r.trusted, MinVersion: tls.VersionTLS12}
	}
	answer := rawOver(t, addr, over, head.String()+"\r\n"+string(body))
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
	if err != nil {
		t.Fatalf("%v: %q", err, answer)
	}
	defer func() { _ = res.Body.Close() }()
	got := played{status: res.StatusCode}
	if got.body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return got
}

// formats are those that the endpoint of a request declares.
func formats(r *road, d scenario.Decision) (request, response ir.Format) {
	path, _, _ := strings.Cut(d.Request.Path, "?")
	e, reason := r.current.Load().Index.Endpoint(d.Request.Method, d.Request.Host, d.Request.Port, path)
	if reason != "" {
		return ir.FormatJSON, ir.FormatJSON
	}
	if e.IR.Request != nil {
		request = e.IR.Request.Format
	}
	if e.IR.Response != nil {
		response = e.IR.Response.Format
	}
	return request, response
}

func check(t *testing.T, r *road, o scenario.Outcome, answer played) {
	t.Helper()
	got, want := r.requests(), o.Decision.Expect
	if r.current.Load().Index.Governs(o.Decision.Request.Host) && len(got) != o.Sent {
		t.Errorf("%d requests reached the service, want %d", len(got), o.Sent)
	}
	if want.Effect == decide.Deny && !o.Observed {
		if reason := reasonOf(t, answer.body); len(want.Reasons) == 1 && reason != want.Reasons[0] {
			t.Errorf("reason %s, want %s", reason, want.Reasons[0])
		}
		return
	}
	status := o.Decision.AnswerStatus
	if (status == 0 && answer.status >= 300) || (status != 0 && answer.status != status) {
		t.Fatalf("status %d: %s", answer.status, answer.body)
	}
	bodies := want.ForwardedAll.Value
	switch all, several := bodies.([]any); {
	case want.Forwarded.Given && want.Forwarded.Value == nil:
		if len(got) != 0 || answer.status != http.StatusAccepted {
			t.Errorf("status %d and %d requests for one with nobody left", answer.status, len(got))
		}
	case several:
		if len(got) != len(all) {
			t.Fatalf("%d requests reached the service, want %d", len(got), len(all))
		}
		for i := range all {
			same(t, got[i].body, all[i])
		}
	case len(got) != 1:
		t.Errorf("%d requests reached the service", len(got))
	case want.Forwarded.Given:
		same(t, got[0].body, want.Forwarded.Value)
	}
	if want.Returned.Given {
		same(t, answer.body, want.Returned.Value)
	}
	if p := r.current.Load().Index.Service(o.Decision.Request.Host, o.Decision.Request.Port); p != nil && len(got) > 0 {
		for _, declared := range p.Ports {
			if declared.Port == o.Decision.Request.Port && (declared.TLSPort != 0 || declared.Intercept) && got[0].tls != p.Hosts[0] {
				t.Errorf("sent in plain, or to %q", got[0].tls)
			}
		}
	}
}

func same(t *testing.T, body []byte, want any) {
	t.Helper()
	if text, ok := want.(string); ok {
		if string(body) != text {
			t.Errorf("got %q\nwant %q", body, text)
		}
		return
	}
	var got any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s\nwant %v", body, want)
	}
}
