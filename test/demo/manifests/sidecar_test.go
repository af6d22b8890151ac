package manifests_test

import (
	"bytes"
	"encoding/csv"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/shop"
)

// now is the moment of every decision: later than all that the shop knows.
var now = decide.Now{Ledger: time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)}

// imported folds the consent export of the shop as a ledger imports it.
func imported(t *testing.T) map[string]*consent.Record {
	t.Helper()
	var text bytes.Buffer
	if err := shop.WriteConsents(&text, shop.Consents(seed, people)); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]*consent.Record{}
	for position, row := range rows[1:] {
		at, err := time.Parse(time.RFC3339, row[5])
		if err != nil {
			t.Fatal(err)
		}
		who, err := consent.Normalize(consent.Identifier{Type: consent.IdentifierType(row[0]), Value: row[1]})
		if err != nil {
			t.Fatal(err)
		}
		r := records[who.Value]
		if r == nil {
			r = &consent.Record{}
			records[who.Value] = r
		}
		e := consent.Event{
			Position: consent.Position(position + 1), At: at, Actor: consent.ActorImport, Type: consent.EventType(row[2]),
			Purpose: consent.PurposeID(row[3]), Notice: consent.NoticeID(row[4]), Proof: consent.Proof(row[7]),
			ObjectionNotice: row[11] == "true", Scope: consent.Scope(row[12]),
		}
		if row[10] != "" {
			e.Goods = []string{row[10]}
		}
		if err := consent.Admit(r, e); err != nil {
			t.Fatalf("row %d is refused: %v", position+2, err)
		}
		r.Apply(e)
	}
	return records
}

// sidecar stands where the sidecar of a workload stands: it decides about every person in a body and counts what is not declared.
type sidecar struct {
	t       *testing.T
	index   *decide.Index
	records map[string]*consent.Record
	// undeclared counts requests that would be denied for values that nobody declared.
	undeclared atomic.Int64
}

// plan finds out what a request is for; the reason is empty if there is a purpose.
func (s *sidecar) plan(r *http.Request, body enforce.Body) (*decide.Plan, decide.Reason) {
	port := 80
	if r.URL.Scheme == "https" {
		port = 443
	}
	e, reason := s.index.Endpoint(r.Method, r.URL.Hostname(), port, r.URL.Path)
	if reason != "" {
		return nil, reason
	}
	for name := range r.URL.Query() {
		if !slices.ContainsFunc(e.IR.Query, func(q ir.QueryParam) bool { return q.Name == name }) {
			s.t.Errorf("the query parameter %s is not declared", name)
		}
	}
	return s.index.Plan(e, func(source ir.Source, name string) (string, bool) {
		if source != ir.SourceBody || body == nil {
			return "", false
		}
		return body.Constant(name)
	})
}

func (s *sidecar) judge(p *decide.Plan) enforce.Judge {
	return func(who enforce.Person) decide.Verdict {
		id, err := consent.Normalize(who.Identifier)
		if who.Unresolved || err != nil {
			s.t.Errorf("somebody cannot be told apart: %v", err)
			return p.Unresolved()
		}
		facts := func(purpose consent.PurposeID) consent.Fact {
			if r := s.records[id.Value]; r != nil {
				return consent.Project(r, purpose, now.Ledger)
			}
			return consent.Fact{}
		}
		return p.Person(facts, who.Collected, now)
	}
}

// guard sends a request of the shop on, filtered, to the handler of the service, and filters the answer.
func (s *sidecar) guard(h http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			s.t.Error(err)
		}
		var doc enforce.Body
		if len(body) > 0 {
			if doc, err = enforce.Read(&ir.Message{}, body); err != nil {
				s.t.Error(err)
			}
		}
		p, reason := s.plan(r, doc)
		if reason != "" {
			http.Error(w, string(reason), http.StatusForbidden)
			return
		}
		sent := enforce.Request(p, nil, doc, s.judge(p))
		switch {
		case sent.Reason == decide.CategoryNotCovered:
			s.undeclared.Add(1)
			http.Error(w, string(sent.Reason), http.StatusForbidden)
			return
		case sent.Accepted:
			w.WriteHeader(http.StatusAccepted)
			return
		case sent.Reason != "" || len(sent.Bodies) != 1:
			s.t.Errorf("%s, sent in %d parts", sent.Reason, len(sent.Bodies))
			return
		}
		body = sent.Bodies[0]
		forwarded := httptest.NewRequest(r.Method, r.URL.String(), bytes.NewReader(body))
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, forwarded)
		out := answer.Body.Bytes()
		if p.Endpoint.Response != nil {
			answered, err := enforce.Read(p.Endpoint.Response, out)
			if err != nil {
				s.t.Error(err)
				return
			}
			out = enforce.Answer(p, answered, s.judge(p)).Body
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(out)
	}
}

// between puts the sidecar of a workload between a program and a service, and gives the URL under which the program reaches it.
func between(t *testing.T, workload, base string, records map[string]*consent.Record, h http.Handler) (*sidecar, string) {
	t.Helper()
	x := compiled(t)[workload]
	if x == nil {
		t.Fatalf("there is no bundle for %s", workload)
	}
	s := &sidecar{t: t, index: x, records: records}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme, r.URL.Host, _ = strings.Cut(base, "://")
		s.guard(h)(w, r)
	}))
	t.Cleanup(server.Close)
	return s, server.URL
}
