package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// offers is an endpoint that is about one person and in whose answer nothing is personal.
var offers = ir.Endpoint{
	Name: "offers", Methods: []string{"GET"}, Path: "/v1/offers/{who}", Processing: shows,
	Segments: []ir.PathSegment{{Name: "who", Person: email}}, Response: &ir.Message{NotPersonal: []string{""}},
}

// TestAnswersOfNobody: what is declared to hold nothing personal passes as it is, with the headers of a governed answer; what is not what
// was declared does not, and the person is decided about as ever.
func TestAnswersOfNobody(t *testing.T) {
	const body = `{"offers":[{"sku":"A-1","total":2}] , "count":1}`
	long := strings.Repeat(" ", 8<<10) // so that there can be trailers
	said := func(name, value string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.Header().Set(name, value) }
	}
	for name, tt := range map[string]struct {
		who    string
		answer func(http.ResponseWriter)
		// passes tells that the body comes back as it was.
		passes bool
	}{
		"an answer":                       {"anna@example.org", func(http.ResponseWriter) {}, true},
		"one with a length":               {"anna@example.org", said("Content-Length", fmt.Sprint(len(body)+len(long))), true},
		"one in another spelling":         {"anna@example.org", said("Content-Type", "application/json; charset=utf-8"), true},
		"one that is created":             {"anna@example.org", func(w http.ResponseWriter) { w.WriteHeader(http.StatusCreated) }, true},
		"one of another type":             {"anna@example.org", said("Content-Type", "text/html"), false},
		"one with an encoding of its own": {"anna@example.org", said("Content-Encoding", "br"), false},
		"one that says nothing is there":  {"anna@example.org", func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, false},
		"a part":                          {"anna@example.org", func(w http.ResponseWriter) { w.WriteHeader(http.StatusPartialContent) }, false},
		"an error that nobody can read": {"anna@example.org", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte("anna is there already: "))
		}, false},
		"an answer to who may not be used": {"bert@example.org", func(http.ResponseWriter) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := withEndpoints(t, ir.OnMissingDropRecord, "", offers)
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				h := w.Header()
				h.Set("Content-Type", "application/json")
				for _, n := range []string{"Set-Cookie", "Location", "X-Customer", "Etag", http.TrailerPrefix + "X-Sum"} {
					h.Set(n, "anna@example.org")
				}
				tt.answer(w)
				_, _ = w.Write([]byte(body + long))
			}
			got := raw(t, r.listen(service), get("GET /v1/offers/"+tt.who, "TE: trailers\r\n"))
			if passed := strings.Contains(got, body); passed != tt.passes {
				t.Errorf("passed: %v\n%s", passed, got)
			}
			if strings.Contains(got, "anna") || !strings.Contains(got, "Cache-Control: ") {
				t.Errorf("headers\n%s", got)
			}
			if tt.passes && !strings.Contains(got, DecisionHeader+": ") {
				t.Errorf("no decision\n%s", got)
			}
		})
	}
}

// TestAnAnswerOfNobodyThatChanges: an answer that has come to be declared otherwise is treated as is declared now.
func TestAnAnswerOfNobodyThatChanges(t *testing.T) {
	r := withEndpoints(t, ir.OnMissingDropRecord, "", offers)
	asked := make(chan struct{})
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		old := r.current.Load()
		b := *old.Index.Bundle()
		b.Services = append([]ir.Service(nil), b.Services...)
		for i := range b.Services {
			b.Services[i].Endpoints = append([]ir.Endpoint(nil), b.Services[i].Endpoints...)
			for j := range b.Services[i].Endpoints {
				if b.Services[i].Endpoints[j].Name == offers.Name {
					b.Services[i].Endpoints[j].Response = &ir.Message{NotPersonal: []string{"/count"}}
				}
			}
		}
		r.current.Store(&State{Index: decide.NewIndex(&b), Facts: old.Facts})
		close(asked)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"offers":["secret"],"count":1}`))
	}
	got := raw(t, r.listen(service), get("GET /v1/offers/anna@example.org", ""))
	select {
	case <-asked:
	case <-time.After(30 * time.Second):
		t.Fatal(got)
	}
	if strings.Contains(got, "secret") || !strings.Contains(got, `{"count":1}`) {
		t.Error(got)
	}
}

func TestWhatIsOfNobody(t *testing.T) {
	for name, tt := range map[string]struct {
		message ir.Message
		want    bool
	}{
		"the whole body":                 {ir.Message{NotPersonal: []string{""}}, true},
		"a part":                         {ir.Message{NotPersonal: []string{"/a"}}, false},
		"nothing said":                   {ir.Message{}, false},
		"with a personal field":          {ir.Message{NotPersonal: []string{""}, Fields: []ir.Field{{Pointer: "/a", Category: "contact"}}}, false},
		"with a total":                   {ir.Message{NotPersonal: []string{""}, Totals: []string{"/a"}}, false},
		"with records":                   {ir.Message{NotPersonal: []string{""}, Records: &ir.Records{Each: "/a/*"}}, false},
		"in lines, which has no root":    {ir.Message{Format: ir.FormatNDJSON, NotPersonal: []string{""}}, false},
		"the whole body and part of it ": {ir.Message{NotPersonal: []string{"", "/a"}}, false},
	} {
		if got := tt.message.OfNobody(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (*ir.Message)(nil).OfNobody() {
		t.Error("no message")
	}
}

// TestAPersonalFieldOfNobodyWithinWhatIsNotPersonal: a declaration of a part counts before that of the whole, also where nobody can be
// decided about for the part.
func TestAPersonalFieldOfNobodyWithinWhatIsNotPersonal(t *testing.T) {
	r := withEndpoints(t, ir.OnMissingDropRecord, "", ir.Endpoint{
		Name: "pages", Methods: []string{"GET"}, Path: "/v1/pages", Processing: shows,
		Response: &ir.Message{
			Fields: []ir.Field{{Pointer: "/meta/owner", Category: "contact"}}, NotPersonal: []string{"/meta"},
			Records: &ir.Records{Each: "/found/*", Identifier: "/email", Identifies: email, NotPersonal: []string{"/email"}},
		},
	})
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"meta":{"owner":"bert","n":1},"found":[]}`))
	}
	if got := raw(t, r.listen(service), get("GET /v1/pages", "")); strings.Contains(got, "bert") || !strings.Contains(got, `"n":1`) {
		t.Error(got)
	}
}
