package local_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/proxy"
	"github.com/optup/optup/internal/scenario"
)

var everything = []decide.Obligation{
	proxy.ReplaceBody, proxy.FilterAnswer, proxy.WithholdAnswer,
}

// TestCorpus asks the AuthZEN door about every request of the corpus. Its answers are those of the proxy (TestCorpus in internal/proxy), but
// for three rules: what an answer shows is decided when it is there, so a request that may be sent is permitted, and whoever asks has to
// filter; what would be changed in a request is an obligation; and where nothing is enforced the door tells the decision itself.
func TestCorpus(t *testing.T) {
	for _, c := range cases(t) {
		b := golden(t, c.Folder)
		outcomes, err := c.Run()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			t.Run(c.Name+"/"+o.Decision.Name, func(t *testing.T) {
				now, err := o.Decision.Moment()
				if err != nil {
					t.Fatal(err)
				}
				s := newSidecar(b, told{
					fact: func(i consent.Identifier, p consent.PurposeID) consent.Fact { return c.Fact(i, p, o.Decision.At()) },
					now:  func() decide.Now { return now },
				})
				h := s.AuthZEN()
				q := request(t, s, o.Decision)
				q["context"] = map[string]any{"obligations": everything}
				status, got := ask(t, h, "/access/v1/evaluation", q)
				if status != 200 || got.Decision == nil {
					t.Fatalf("status %d: %s", status, got.Detail)
				}
				checkAnswer(t, o, got)
				delete(q, "context")
				if _, unpromised := ask(t, h, "/access/v1/evaluation", q); *unpromised.Decision != (*got.Decision && len(got.Context.Obligations) == 0) {
					t.Errorf("without a promise: %t with the obligations %v", *unpromised.Decision, got.Context.Obligations)
				}
			})
		}
	}
}

// request is the question about a request of the corpus.
func request(t *testing.T, s *sidecar, d scenario.Decision) map[string]any {
	t.Helper()
	in := d.Request
	url := "http://" + in.Host
	if in.Port != 80 {
		url += fmt.Sprintf(":%d", in.Port)
	}
	headers := map[string]string{}
	for k, v := range in.Headers {
		headers[k] = v
	}
	properties := map[string]any{"headers": headers}
	body, err := scenario.Bytes(in.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		properties["body"] = string(body)
		for k := range headers {
			if strings.EqualFold(k, "Content-Type") {
				delete(headers, k)
			}
		}
		headers["Content-Type"] = in.ContentType(formatOf(s.current.Load().Index, in))
	}
	return map[string]any{
		"subject": map[string]string{"type": "workload", "id": "mailer"}, "action": map[string]string{"name": in.Method},
		"resource": map[string]any{"type": "request", "id": url + in.Path, "properties": properties},
	}
}

func formatOf(x *decide.Index, in scenario.Request) ir.Format {
	path, _, _ := strings.Cut(in.Path, "?")
	e, reason := x.Endpoint(in.Method, in.Host, in.Port, path)
	if reason != "" || e.IR.Request == nil {
		return ir.FormatJSON
	}
	return e.IR.Request.Format
}

func checkAnswer(t *testing.T, o scenario.Outcome, got answered) {
	t.Helper()
	want := o.Decision.Expect
	sent := o.Sent > 0 || want.Effect != decide.Deny
	if o.Observed {
		sent = want.Effect != decide.Deny
	}
	if *got.Decision != sent {
		t.Fatalf("decision %t with %s, want %t; the proxy: %s %v", *got.Decision, got.Context.Reason, sent, want.Effect, want.Reasons)
	}
	if got.Context.Observed != o.Observed {
		t.Errorf("observed: %t", got.Context.Observed)
	}
	if !sent {
		if len(want.Reasons) == 1 && got.Context.Reason != want.Reasons[0] {
			t.Errorf("reason %s, want %s", got.Context.Reason, want.Reasons[0])
		}
		if got.Context.Reason.Public() != got.Context.Reason || got.Context.Reason.Permits() {
			t.Errorf("the caller learns %s", got.Context.Reason)
		}
		return
	}
	if got.Context.Reason != "" {
		t.Errorf("the caller learns %s", got.Context.Reason)
	}
	if o.Observed {
		return // the bodies of the corpus are those that came
	}
	var bodies []any
	switch all, several := o.Forwarded.([]any); {
	case several && o.Sent > 1:
		bodies = all
	case o.Sent == 1:
		bodies = []any{o.Forwarded}
	}
	same := len(bodies) == 1 && reflect.DeepEqual(plain(t, bodies[0]), plain(t, o.Decision.Request.Body))
	if replaced := slices.Contains(got.Context.Obligations, proxy.ReplaceBody); replaced == same {
		t.Fatalf("to be replaced: %t; forwarded %v of %v", replaced, o.Forwarded, o.Decision.Request.Body)
	}
	if same {
		return
	}
	if len(got.Context.Bodies) != len(bodies) {
		t.Fatalf("%d bodies, want %d", len(got.Context.Bodies), len(bodies))
	}
	for i := range bodies {
		if text, ok := bodies[i].(string); ok {
			if got.Context.Bodies[i] != text {
				t.Errorf("body %q, want %q", got.Context.Bodies[i], text)
			}
			continue
		}
		var is any
		if err := json.Unmarshal([]byte(got.Context.Bodies[i]), &is); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(is, plain(t, bodies[i])) {
			t.Errorf("body %s, want %v", got.Context.Bodies[i], bodies[i])
		}
	}
}

// plain is a value as JSON has it.
func plain(t *testing.T, v any) (out any) {
	t.Helper()
	if v == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
