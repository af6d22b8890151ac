package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/scenario"
)

// TestCorpus sends every request of the corpus through the sidecar and looks at what reaches the service and what comes back.
func TestCorpus(t *testing.T) {
	all, err := scenario.Load(os.DirFS("../../test/corpus"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		b, err := c.Bundle()
		if err != nil {
			t.Fatal(err)
		}
		bundle, err := ir.Decode(b.Encoded)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range c.Decisions {
			t.Run(c.Name+"/"+d.Name, func(t *testing.T) {
				now, err := d.Moment()
				if err != nil {
					t.Fatal(err)
				}
				r := newRoad(t, bundle, told{
					fact: func(i consent.Identifier, p consent.PurposeID) consent.Fact { return c.Fact(i, p, d.At()) },
					now:  func() decide.Now { return now },
				})
				play(t, r, d)
			})
		}
	}
}

func play(t *testing.T, r *road, d scenario.Decision) {
	t.Helper()
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		if d.Answer == nil {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		_ = json.NewEncoder(w).Encode(d.Answer)
	}
	to := "198.51.100.9"
	if r.current.Load().Index.Governs(d.Request.Host) {
		to = "192.0.2.1"
	}
	addr := r.listen(netip.MustParseAddrPort(fmt.Sprintf("%s:%d", to, d.Request.Port)))
	var body io.Reader
	if d.Request.Body != nil {
		data, err := json.Marshal(d.Request.Body)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequest(d.Request.Method, "http://"+addr.String()+d.Request.Path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = d.Request.Host
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	got, want := r.requests(), d.Expect
	if want.Effect == decide.Deny {
		if len(got) != 0 && !want.Returned.Given {
			t.Errorf("a denied request reached the service")
		}
		if reason := reasonOf(t, answer); len(want.Reasons) == 1 && reason != want.Reasons[0] {
			t.Errorf("reason %s, want %s", reason, want.Reasons[0])
		}
		return
	}
	if res.StatusCode >= 300 {
		t.Fatalf("status %d: %s", res.StatusCode, answer)
	}
	switch {
	case want.Forwarded.Given && want.Forwarded.Value == nil:
		if len(got) != 0 || res.StatusCode != http.StatusAccepted {
			t.Errorf("status %d and %d requests for one with nobody left", res.StatusCode, len(got))
		}
	case len(got) != 1:
		t.Errorf("%d requests reached the service", len(got))
	case want.Forwarded.Given:
		same(t, got[0].body, want.Forwarded.Value)
	}
	if want.Returned.Given {
		same(t, answer, want.Returned.Value)
	}
}

func same(t *testing.T, body []byte, want any) {
	t.Helper()
	var got any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s\nwant %v", body, want)
	}
}
