package proxy

import (
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

// withEndpoints is the shop with more endpoints of the customers' service, which the rule about profiles uses.
func withEndpoints(t *testing.T, onMissing ir.OnMissing, redaction ir.Redaction, more ...ir.Endpoint) *road {
	t.Helper()
	r := shop(t, func(b *ir.Bundle) {
		for i := range b.Services {
			if b.Services[i].Name == "crm/customers" {
				b.Services[i].Endpoints = append(b.Services[i].Endpoints, more...)
			}
		}
		for i := range b.Rules {
			if b.Rules[i].Purpose == "profile-view" {
				b.Rules[i].OnMissing, b.Rules[i].Redaction = onMissing, redaction
				for _, e := range more {
					b.Rules[i].Endpoints = append(b.Rules[i].Endpoints, e.Name)
				}
			}
		}
	})
	fact := func(i consent.Identifier, p consent.PurposeID) consent.Fact {
		if strings.HasPrefix(i.Value, "anna") || i.Value == "+4930123456" {
			return everybody(i, p)
		}
		return consent.Fact{}
	}
	for c := range r.current.Load().Facts {
		r.current.Load().Facts[c] = told{fact: fact, now: func() decide.Now { return decide.Now{Ledger: scenario.Now} }}
	}
	return r
}

var (
	email = ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain}
	phone = ir.Identifies{Type: consent.IdentifierPhone, Form: consent.FormPlain}
	shows = []ir.Processing{ir.ProcessingShow}
)

// TestPeopleInTheAddress are judged before anything is sent; who is not there looks like who refused.
func TestPeopleInTheAddress(t *testing.T) {
	profile := ir.Endpoint{
		Name: "profile", Methods: []string{"GET", "DELETE"}, Path: "/v1/people/{who}", Processing: shows,
		Segments: []ir.PathSegment{{Name: "who", Person: email}},
		Query:    []ir.QueryParam{{Name: "phone", Person: &phone}, {Name: "page"}},
		Response: &ir.Message{NotPersonal: []string{"/ok"}},
	}
	for name, tt := range map[string]struct {
		line   string
		status int
		// sent tells that the request reaches the service, passes that its answer comes back.
		sent, passes bool
	}{
		"somebody who agreed":                          {"GET /v1/people/anna@example.org", 200, true, true},
		"and a query that names nobody":                {"GET /v1/people/anna@example.org?page=2", 200, true, true},
		"somebody who did not":                         {"GET /v1/people/bert@example.org", 200, false, false},
		"a segment that is no address":                 {"GET /v1/people/anna", 200, false, false},
		"somebody who is not there":                    {"GET /v1/people/anna@example.org", 404, true, false},
		"somebody who is gone":                         {"DELETE /v1/people/anna@example.org", 410, true, false},
		"somebody else in the query":                   {"GET /v1/people/anna@example.org?phone=%2B49301111111", 200, false, false},
		"the same person in path and query":            {"GET /v1/people/anna@example.org?phone=%2B4930123456", 200, true, true},
		"an error of the service":                      {"GET /v1/people/anna@example.org", 503, true, true},
		"somebody who did not, and a broken parameter": {"GET /v1/people/bert@example.org?phone=", 200, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, onMissing := range []ir.OnMissing{ir.OnMissingDeny, ir.OnMissingDropRecord, ir.OnMissingRedactField} {
				r := withEndpoints(t, onMissing, "", profile)
				r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(tt.status)
					_, _ = io.WriteString(w, `{"ok":true}`)
				}
				answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), get(tt.line, ""))
				if (len(r.requests()) == 1) != tt.sent {
					t.Errorf("%s: %d requests reached the service", onMissing, len(r.requests()))
				}
				_, body, _ := strings.Cut(answer, "\r\n\r\n")
				if tt.passes {
					if body != `{"ok":true}` {
						t.Errorf("%s: answer %s", onMissing, answer)
					}
				} else if got := reasonOf(t, []byte(body)); got != decide.NotPermitted || !strings.HasPrefix(answer, "HTTP/1.1 403 ") {
					t.Errorf("%s: answer %s", onMissing, answer)
				}
			}
		})
	}
}

// TestPeopleInThePathOfASendingEndpoint: a call that mails one person names nobody in its body.
func TestPeopleInThePathOfASendingEndpoint(t *testing.T) {
	greet := ir.Endpoint{
		Name: "greet", Methods: []string{"POST"}, Path: "/v1/people/{who}/greetings", Processing: shows,
		Segments: []ir.PathSegment{{Name: "who", Person: email}},
	}
	for who, sent := range map[string]int{"anna@example.org": 1, "bert@example.org": 0} {
		r := withEndpoints(t, ir.OnMissingDropAddressee, "", greet)
		r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(http.StatusAccepted) }
		answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), get("POST /v1/people/"+who+"/greetings", "Content-Length: 0\r\n"))
		if len(r.requests()) != sent || strings.HasPrefix(answer, "HTTP/1.1 202 ") != (sent == 1) {
			t.Errorf("%s: %d requests, %s", who, len(r.requests()), answer)
		}
	}
}

// TestPeopleInPathAndBody: those on the list can be dropped, whoever the path names cannot.
func TestPeopleInPathAndBody(t *testing.T) {
	invite := ir.Endpoint{
		Name: "invite", Methods: []string{"POST"}, Path: "/v1/people/{who}/friends", Processing: shows,
		Segments: []ir.PathSegment{{Name: "who", Person: email}},
		Request: &ir.Message{
			Addressees: []ir.Addressees{{Each: "/to/*", Identifies: email}}, Fields: []ir.Field{{Pointer: "/to", Category: "pd:EmailAddress"}},
		},
	}
	for who, want := range map[string]string{"anna@example.org": `{"to":["anna@x.example"]}`, "bert@example.org": ""} {
		r := withEndpoints(t, ir.OnMissingDropAddressee, "", invite)
		request := post("", `{"to":["anna@x.example","bert@x.example"]}`)
		request = strings.Replace(strings.Replace(request, "/v3/mail/send", "/v1/people/"+who+"/friends", 1), "api.esp", "customers.crm", 1)
		answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), request)
		if got := r.requests(); (want == "") != (len(got) == 0) || len(got) > 0 && string(got[0].body) != want {
			t.Errorf("%s: %+v, %s", who, got, answer)
		}
	}
}

// TestTablesTimesAndRedactionOnTheirWayBack: what a rule says about fields reaches the application.
func TestTablesTimesAndRedactionOnTheirWayBack(t *testing.T) {
	table := ir.Endpoint{
		Name: "table", Methods: []string{"GET"}, Path: "/v1/table", Processing: shows,
		Response: &ir.Message{Records: &ir.Records{
			Each: "/rows/*", Identifier: "/email", Identifies: email, Columns: "/columns", Time: "/at", TimeFormat: ir.TimeUnixSeconds,
			Fields:      []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}, {Pointer: "/health", Category: "pd:MedicalHealth"}},
			NotPersonal: []string{"/at"},
		}},
	}
	const (
		after  = "1770000000"
		before = "1500000000"
	)
	for name, tt := range map[string]struct {
		onMissing    ir.OnMissing
		redaction    ir.Redaction
		answer, want string
	}{
		"left out": {
			ir.OnMissingDropRecord, ir.RedactionOmit, `{"columns":["health","email","at"],"rows":[["nuts","anna@x.example",` + after + `],["eggs","bert@x.example",` + after + `]]}`,
			`{"columns":["health","email","at"],"rows":[[null,"anna@x.example",` + after + `]]}`,
		},
		"masked, and a person kept without what is about them": {
			ir.OnMissingRedactField, ir.RedactionMask, `{"columns":["health","email","at"],"rows":[["nuts","anna@x.example",` + after + `],["eggs","bert@x.example",` + after + `]]}`,
			`{"columns":["health","email","at"],"rows":[["***","anna@x.example",` + after + `],["***","***",` + after + `]]}`,
		},
		"collected before the person agreed": {
			ir.OnMissingDropRecord, "", `{"columns":["email","at"],"rows":[["anna@x.example",` + before + `],["anna@x.example",` + after + `],["anna@x.example","soon"],["anna@x.example"]]}`,
			`{"columns":["email","at"],"rows":[["anna@x.example",` + after + `]]}`,
		},
		"no column names": {ir.OnMissingDropRecord, "", `{"rows":[["anna@x.example",` + after + `]]}`, `{"rows":[]}`},
		"names that two readers read in two ways": {
			ir.OnMissingRedactField, "", `{"columns":["email","email"],"rows":[["anna@x.example","bert@x.example"]]}`, `{"rows":[]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := withEndpoints(t, tt.onMissing, tt.redaction, table)
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, tt.answer)
			}
			answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), get("GET /v1/table", ""))
			if _, body, _ := strings.Cut(answer, "\r\n\r\n"); body != tt.want {
				t.Errorf("got %s\nwant %s", body, tt.want)
			}
		})
	}
}

// TestTablesOnTheirWayOut: rows whose cells have no names do not pass, whatever the rule does about people.
func TestTablesOnTheirWayOut(t *testing.T) {
	upload := ir.Endpoint{
		Name: "upload", Methods: []string{"POST"}, Path: "/v1/upload", Processing: shows,
		Request: &ir.Message{
			Addressees: []ir.Addressees{{Each: "/data/*", Identifier: "/EMAIL", Identifies: email, Columns: "/schema"}},
			Fields:     []ir.Field{{Pointer: "/data/*/EMAIL", Category: "pd:EmailAddress"}, {Pointer: "/data/*/FN", Category: "pd:Name"}},
		},
	}
	for name, tt := range map[string]struct {
		body, want string
		reason     decide.Reason
	}{
		"one of two":               {`{"schema":["FN","EMAIL"],"data":[["A","anna@x.example"],["B","bert@x.example"]]}`, `{"schema":["FN","EMAIL"],"data":[["A","anna@x.example"]]}`, ""},
		"a name twice":             {`{"schema":["EMAIL","EMAIL"],"data":[["anna@x.example","bert@x.example"]]}`, "", decide.CategoryNotCovered},
		"a row longer than others": {`{"schema":["EMAIL"],"data":[["anna@x.example"],["anna@x.example","bert@x.example"]]}`, "", decide.CategoryNotCovered},
		"no names":                 {`{"data":[["anna@x.example"]]}`, "", decide.CategoryNotCovered},
		"another column":           {`{"schema":["EMAIL","AGE"],"data":[["anna@x.example",3]]}`, "", decide.CategoryNotCovered},
	} {
		t.Run(name, func(t *testing.T) {
			r := withEndpoints(t, ir.OnMissingDropAddressee, "", upload)
			request := strings.Replace(strings.Replace(post("", tt.body), "/v3/mail/send", "/v1/upload", 1), "api.esp", "customers.crm", 1)
			answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), request)
			got := r.requests()
			if tt.reason == "" {
				if len(got) != 1 || string(got[0].body) != tt.want {
					t.Errorf("got %+v: %s", got, answer)
				}
				return
			}
			_, body, _ := strings.Cut(answer, "\r\n\r\n")
			if len(got) != 0 || reasonOf(t, []byte(body)) != tt.reason {
				t.Errorf("%d requests, %s", len(got), answer)
			}
		})
	}
}

// TestAnEmptyAnswerKeepsItsStatus: a request that was carried out is not told as denied.
func TestAnEmptyAnswerKeepsItsStatus(t *testing.T) {
	r := withEndpoints(t, ir.OnMissingDropRecord, "")
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(http.StatusAccepted) }
	if answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), get("GET /v1/customers", "")); !strings.HasPrefix(answer, "HTTP/1.1 202 ") {
		t.Errorf("answer %s", answer)
	}
}

// TestEveryReasonThatACallerMaySeeIsExplained.
func TestEveryReasonThatACallerMaySeeIsExplained(t *testing.T) {
	for _, r := range []decide.Reason{
		decide.HostUndeclared, decide.EndpointUnknown, decide.PurposeUndeclared, decide.PurposeAmbiguous, decide.NamespaceNotAllowed,
		decide.NoPolicy, decide.CategoryNotCovered, decide.PartyNotCovered, decide.TransferNotCovered, decide.ObligationUnmet,
		decide.NotCanonical, decide.BodyUnreadable, decide.BodyTooLarge, decide.EncodingNotAllowed, decide.TLSRefused, decide.LedgerBehind,
		decide.InternalError, decide.NotPermitted,
	} {
		if r.Public() != r || public(r) != r {
			t.Errorf("%s is told as %s", r, public(r))
		}
	}
}
