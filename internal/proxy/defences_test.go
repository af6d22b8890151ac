package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/scenario"
)

// everybody has agreed to everything that the shop of the corpus asks for: whatever is denied is denied for another reason.
func everybody(_ consent.Identifier, p consent.PurposeID) consent.Fact {
	notice := map[consent.PurposeID]consent.NoticeID{"newsletter": "newsletter-v1", "profile-view": "profile-v1", "journey": "journey-v1"}[p]
	return consent.Fact{Position: 1, Grants: []consent.Grant{{
		Position: 1, Purpose: p, Notice: notice, Status: consent.StatusGiven, Proof: consent.ProofMailboxConfirmed, Since: scenario.Now.AddDate(-1, 0, 0),
	}}}
}

func shop(t *testing.T, change func(*ir.Bundle)) *road {
	t.Helper()
	bundle := golden(t, "grants/a-double-opt-in-that-was-never-confirmed-permits-nothing")
	if change != nil {
		change(bundle)
	}
	r := newRoad(t, bundle, told{fact: everybody, now: func() decide.Now { return decide.Now{Ledger: scenario.Now} }})
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"customers":[{"email":"anna@example.org"}]}`)
	}
	return r
}

const newsletter = `{"template_id":"d-newsletter","personalizations":[{"to":[{"email":"anna@example.org"}]}]}`

func post(headers, body string) string {
	return fmt.Sprintf("POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nConnection: close\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", headers, len(body), body)
}

func get(line, headers string) string {
	return line + " HTTP/1.1\r\nHost: customers.crm\r\nConnection: close\r\n" + headers + "\r\n"
}

// TestOneCanonicalForm: whatever has two readings, or cannot be read, does not reach the service. The same person and purpose in
// the plain form is permitted, so that each line fails only for its own reason.
func TestOneCanonicalForm(t *testing.T) {
	for name, tt := range map[string]struct {
		request string
		want    decide.Reason // empty: forwarded
	}{
		"the plain form":                         {post("", newsletter), ""},
		"the plain form of a list":               {get("GET /v1/customers?page=1", ""), ""},
		"a name twice":                           {post("", `{"template_id":"d-invoice","template_id":"d-newsletter","personalizations":[{"to":[{"email":"anna@example.org"}]}]}`), decide.BodyUnreadable},
		"two values":                             {post("", newsletter+newsletter), decide.BodyUnreadable},
		"gzip":                                   {post("Content-Encoding: gzip\r\n", newsletter), decide.EncodingNotAllowed},
		"another charset":                        {strings.Replace(post("", newsletter), "application/json", "application/json; charset=utf-16", 1), decide.EncodingNotAllowed},
		"a form":                                 {strings.Replace(post("", newsletter), "application/json", "application/x-www-form-urlencoded", 1), decide.EncodingNotAllowed},
		"two content types":                      {post("Content-Type: text/plain\r\n", newsletter), decide.NotCanonical},
		"no body where people are expected":      {post("", ""), decide.BodyUnreadable},
		"a body where none is declared":          {strings.Replace(get("GET /v1/customers", "Content-Length: 2\r\n"), "\r\n\r\n", "\r\n\r\n{}", 1), decide.BodyUnreadable},
		"an overriding method":                   {post("X-HTTP-Method-Override: DELETE\r\n", newsletter), decide.NotCanonical},
		"an overriding path":                     {post("X-Original-URL: /other\r\n", newsletter), decide.NotCanonical},
		"a path without its beginning":           {post("SCRIPT_NAME: /v3\r\n", newsletter), decide.NotCanonical},
		"an upgrade":                             {get("GET /v1/customers", "Upgrade: websocket\r\n"), decide.NotCanonical},
		"dot segments":                           {get("GET /v1/x/../customers", ""), decide.NotCanonical},
		"escaped dot segments":                   {get("GET /v1/x/%2e%2e/customers", ""), decide.NotCanonical},
		"an escaped slash":                       {get("GET /v1%2fcustomers", ""), decide.NotCanonical},
		"a superfluous escape":                   {get("GET /v1/customer%73", ""), decide.NotCanonical},
		"an empty segment":                       {get("GET /v1//customers", ""), decide.NotCanonical},
		"a path parameter":                       {get("GET /v1/customers;x=1", ""), decide.NotCanonical},
		"a backslash":                            {get(`GET /v1\customers`, ""), decide.NotCanonical},
		"another port in the host":               {strings.Replace(get("GET /v1/customers", ""), "Host: customers.crm", "Host: customers.crm:81", 1), decide.NotCanonical},
		"a query parameter twice":                {get("GET /v1/customers?page=1&page=2", ""), decide.NotCanonical},
		"a query parameter that nobody declared": {get("GET /v1/customers?health=nuts", ""), decide.CategoryNotCovered},
		"a semicolon in the query":               {get("GET /v1/customers?page=1;health=nuts", ""), decide.NotCanonical},
		"an endpoint that nobody declared":       {get("GET /v1/export", ""), decide.EndpointUnknown},
		"a request to a forward proxy":           {get("GET http://customers.crm/v1/customers", ""), decide.NotCanonical},
		"a tunnel":                               {"CONNECT customers.crm:80 HTTP/1.1\r\nHost: customers.crm\r\n\r\n", decide.NotCanonical},
		"an upper-case host is the same host":    {strings.Replace(get("GET /v1/customers", ""), "customers.crm", "CUSTOMERS.CRM", 1), ""},
		"a host with a dot at its end":           {strings.Replace(get("GET /v1/customers", ""), "Host: customers.crm", "Host: customers.crm.", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, nil)
			answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), tt.request)
			head, body, _ := strings.Cut(answer, "\r\n\r\n")
			if tt.want == "" {
				if len(r.requests()) != 1 {
					t.Fatalf("not forwarded: %s", answer)
				}
				return
			}
			if len(r.requests()) != 0 {
				t.Fatal("it reached the service")
			}
			if got := reasonOf(t, []byte(body)); got != tt.want {
				t.Errorf("reason %s, want %s (%s)", got, tt.want, head)
			}
		})
	}
}

// TestTheServiceSeesWhatWasDecided: conditions, ranges and encodings that would change the answer are taken out, and the answer's
// own lengths, tags and totals do not come back.
func TestTheServiceSeesWhatWasDecided(t *testing.T) {
	r := shop(t, nil)
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		for k, v := range map[string]string{
			"Content-Type": "application/json", "ETag": `"2"`, "X-Total-Count": "2", "Last-Modified": "Mon, 02 Mar 2026 10:00:00 GMT",
			"Content-Digest": "sha-256=:x:", "Cache-Control": "public, max-age=60", "Accept-Ranges": "bytes",
		} {
			w.Header().Set(k, v)
		}
		_, _ = io.WriteString(w, `{"customers":[{"email":"anna@example.org"},{"id":"no address"}],"total":2}`)
	}
	answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")),
		get("GET /v1/customers", "Accept-Encoding: gzip, br\r\nRange: bytes=0-10\r\nIf-None-Match: \"1\"\r\nIf-Modified-Since: Mon, 02 Mar 2026 10:00:00 GMT\r\n"))
	sent := r.requests()[0].header
	for _, h := range []string{"Range", "If-None-Match", "If-Modified-Since"} {
		if sent.Get(h) != "" {
			t.Errorf("%s reached the service", h)
		}
	}
	if sent.Get("Accept-Encoding") != "identity" {
		t.Errorf("Accept-Encoding %q", sent.Get("Accept-Encoding"))
	}
	head, body, _ := strings.Cut(answer, "\r\n\r\n")
	for _, h := range []string{"Etag:", "X-Total-Count:", "Last-Modified:", "Content-Digest:", "max-age", "Accept-Ranges:"} {
		if strings.Contains(head, h) {
			t.Errorf("%s came back", h)
		}
	}
	if body != `{"customers":[{"email":"anna@example.org"}]}` || !strings.Contains(head, fmt.Sprintf("Content-Length: %d", len(body))) {
		t.Errorf("answer %s", answer)
	}
}

// TestAnswersThatCannotBeReadDoNotPass: a filter that cannot read an answer withholds it.
func TestAnswersThatCannotBeReadDoNotPass(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"compressed": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "br")
			_, _ = io.WriteString(w, `anna@example.org`)
		},
		"HTML": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, `anna@example.org`)
		},
		"JSON in another charset": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json; charset=utf-7")
			_, _ = io.WriteString(w, `{"customers":[{"email":"anna@example.org"}]}`)
		},
		"half": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"customers":[{"email":"anna@example.org"}`)
		},
		"an error page": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `failed for anna@example.org`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, nil)
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) { answer(w) }
			got := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), get("GET /v1/customers", ""))
			if strings.Contains(got, "anna") {
				t.Errorf("it passed: %s", got)
			}
		})
	}
}

// TestAPanicDenies takes away what the handler needs.
func TestAPanicDenies(t *testing.T) {
	r := shop(t, nil)
	r.current.Load().Facts["Gartenhaus Grün GmbH"] = told{fact: func(consent.Identifier, consent.PurposeID) consent.Fact { panic("boom anna@example.org") }, now: func() decide.Now { return decide.Now{Ledger: scenario.Now} }}
	answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), post("", newsletter))
	if len(r.requests()) != 0 || !strings.Contains(answer, "INTERNAL_ERROR") || strings.Contains(answer, "anna") {
		t.Errorf("answer %s", answer)
	}
}

// TestWithoutABundleNothingPasses: a sidecar that does not know its policy yet.
func TestWithoutABundleNothingPasses(t *testing.T) {
	r := shop(t, nil)
	r.current.state.Store(nil)
	if answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), post("", newsletter)); answer != "" || len(r.requests()) != 0 {
		t.Errorf("answer %q", answer)
	}
}

// TestObserveChangesNothing: the service and the application see what they would see without a sidecar.
func TestObserveChangesNothing(t *testing.T) {
	r := shop(t, func(b *ir.Bundle) {
		b.Mode = ir.ModeObserve
		for i := range b.Rules {
			b.Rules[i].Mode = ir.ModeObserve
		}
	})
	r.current.Load().Facts["Gartenhaus Grün GmbH"] = told{fact: func(consent.Identifier, consent.PurposeID) consent.Fact { return consent.Fact{} }, now: func() decide.Now { return decide.Never }}
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Etag", `"1"`)
		_, _ = io.WriteString(w, `{"customers":[{"email":"anna@example.org","health":1}],"total":1}`)
	}
	addr := r.listen(netip.MustParseAddrPort("192.0.2.1:80"))
	body := `{"template_id":"d-newsletter", "personalizations":[{"to":[{"email":"anna@example.org","x":1}]}]}`
	raw(t, addr, post("", body))
	raw(t, addr, post("Content-Encoding: gzip\r\n", "not gzip at all"))
	answer := raw(t, addr, get("GET /v1/customers?undeclared=1", "Range: bytes=0-1\r\n"))
	large := `{"template_id":"d-newsletter","x":"` + strings.Repeat("x", maxBody+1000) + `"}`
	raw(t, addr, post("", large))
	raw(t, addr, "POST /v3/mail/send HTTP/1.1\r\nHost: api.esp\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"+fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(large), large))
	got := r.requests()
	if n := len(got); n != 5 || string(got[3].body) != large || string(got[4].body) != large {
		t.Fatalf("large bodies arrived changed, or not at all (%d requests)", n)
	}
	got = got[:3]
	if len(got) != 3 || string(got[0].body) != body || string(got[1].body) != "not gzip at all" || got[2].header.Get("Range") == "" || got[2].uri != "/v1/customers?undeclared=1" {
		t.Fatalf("the service saw %d requests: %+v", len(got), got)
	}
	if !strings.Contains(answer, `"health":1`) || !strings.Contains(answer, "Etag:") {
		t.Errorf("answer %s", answer)
	}
	if n := r.proxy.Metrics.Summary()["newsletter"].Requests[decide.Deny]; n != 1 {
		t.Errorf("%d denials were counted", n)
	}
}

func TestABodyThatIsTooLargeIsDenied(t *testing.T) {
	r := shop(t, nil)
	answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), post("", `{"template_id":"`+strings.Repeat("x", maxBody)+`"}`))
	if len(r.requests()) != 0 || !strings.Contains(answer, "BODY_TOO_LARGE") {
		t.Errorf("%d requests, answer %.300s", len(r.requests()), answer)
	}
}
