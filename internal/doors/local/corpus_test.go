package local_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/doors/doorstest/corpus"
	"github.com/optup/optup/internal/proxy"
	"github.com/optup/optup/internal/scenario"
)

var everything = []decide.Obligation{proxy.ReplaceBody, proxy.FilterAnswer, proxy.WithholdAnswer, proxy.InsertCredential}

// TestCorpus asks the AuthZEN door about every request of the corpus. Its answers are those of the proxy (TestCorpus in internal/proxy), but
// for the rules of corpus.Expected.
func TestCorpus(t *testing.T) {
	for _, c := range corpus.Cases(t, folder) {
		outcomes, err := c.Run()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			t.Run(c.Name+"/"+o.Decision.Name, func(t *testing.T) {
				s := corpus.For(t, folder, c, o.Decision)
				h := s.AuthZEN()
				q := request(t, s, o.Decision)
				q["context"] = map[string]any{"obligations": everything}
				status, got := ask(t, h, "/access/v1/evaluation", q)
				if status != http.StatusOK || got.Decision == nil {
					t.Fatalf("status %d: %s", status, got.Detail)
				}
				checkAnswer(t, corpus.Expect(t, o), got)
				delete(q, "context")
				if _, unpromised := ask(t, h, "/access/v1/evaluation", q); *unpromised.Decision != (*got.Decision && len(got.Context.Obligations) == 0) {
					t.Errorf("without a promise: %t with the obligations %v", *unpromised.Decision, got.Context.Obligations)
				}
			})
		}
	}
}

// request is the question about a request of the corpus.
func request(t *testing.T, s *corpus.Sidecar, d scenario.Decision) map[string]any {
	t.Helper()
	in := d.Request
	scheme, host := corpus.URL(s.Current.Load().Index, in)
	url := scheme + "://" + host
	h, body := corpus.Request(t, s.Current.Load().Index, in)
	headers := map[string]string{}
	for k := range h {
		headers[k] = h.Get(k)
	}
	properties := map[string]any{"headers": headers}
	if body != nil {
		properties["body"] = string(body)
	}
	return map[string]any{
		"subject": map[string]string{"type": "workload", "id": "mailer"}, "action": map[string]string{"name": in.Method},
		"resource": map[string]any{"type": "request", "id": url + in.Path, "properties": properties},
	}
}

func checkAnswer(t *testing.T, want corpus.Expected, got answered) {
	t.Helper()
	reason := got.Context.Reason
	if *got.Decision != want.Sent || got.Context.Observed != want.Observed {
		t.Fatalf("decision %t with %s, observed %t; want %+v", *got.Decision, reason, got.Context.Observed, want)
	}
	if !want.Sent {
		if (want.Reason != "" && reason != want.Reason) || reason == "" || reason.Public() != reason || reason.Permits() {
			t.Errorf("reason %s, want %s", reason, want.Reason)
		}
		return
	}
	if reason != "" {
		t.Errorf("the caller learns %s", reason)
	}
	if want.Observed {
		return // the bodies of the corpus are those that came
	}
	if slices.Contains(got.Context.Obligations, proxy.ReplaceBody) == want.Same {
		t.Fatalf("obligations %v; the body is the same: %t", got.Context.Obligations, want.Same)
	}
	if want.Same {
		return
	}
	if len(got.Context.Bodies) != len(want.Bodies) {
		t.Fatalf("%d bodies, want %d", len(got.Context.Bodies), len(want.Bodies))
	}
	for i := range want.Bodies {
		if !corpus.IsBody(t, got.Context.Bodies[i], want.Bodies[i]) {
			t.Errorf("body %s, want %v", got.Context.Bodies[i], want.Bodies[i])
		}
	}
}
