package doors

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/doors/doorstest/corpus"
)

// TestCorpus asks the door for Envoy about every request of the corpus. Its answers are those of the proxy but for the rules of
// corpus.Expected, and two of its own: a request whose body would be changed does not pass, because Envoy sends what came; and where
// nothing is enforced everything passes.
func TestCorpus(t *testing.T) {
	for _, c := range corpus.Cases(t, folder) {
		outcomes, err := c.Run()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			t.Run(c.Name+"/"+o.Decision.Name, func(t *testing.T) {
				s := corpus.For(t, folder, c, o.Decision)
				want, in := corpus.Expect(t, o), o.Decision.Request
				h, body := corpus.Request(t, s.Current.Load().Index, in)
				scheme, host := corpus.URL(s.Current.Load().Index, in)
				headers := map[string]string{":authority": host, ":method": in.Method, ":path": in.Path, ":scheme": scheme}
				for k, v := range h {
					headers[strings.ToLower(k)] = strings.Join(v, ",")
				}
				if body != nil {
					headers["x-envoy-auth-partial-body"] = "false"
				}
				q := &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
					Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
						Method: in.Method, Host: host, Path: in.Path, Scheme: scheme, Protocol: "HTTP/1.1", Headers: headers, RawBody: body,
					}},
					ContextExtensions: map[string]string{"optup-obligations": "withhold-answer,filter-answer,insert-credential,replace-body"},
				}}
				conn := dial(t, s)
				got := check(t, conn, q)
				passes := (want.Sent && want.Same) || want.Observed
				if !s.Current.Load().Index.Governs(in.Host) {
					passes = want.Sent
				}
				if allowed(t, got) != passes {
					t.Fatalf("%v, want %+v", got, want)
				}
				owed := obligations(got)
				maps.DeleteFunc(q.Attributes.ContextExtensions, func(string, string) bool { return true })
				if unpromised := check(t, conn, q); allowed(t, unpromised) != (passes && (owed == "" || want.Observed)) {
					t.Errorf("without a promise of %q: %v", owed, unpromised)
				}
				if passes {
					return
				}
				var p struct{ Reasons []decide.Reason }
				if err := json.Unmarshal([]byte(got.GetDeniedResponse().GetBody()), &p); err != nil || len(p.Reasons) != 1 {
					t.Fatalf("%v: %s", err, got.GetDeniedResponse().GetBody())
				}
				if reason := p.Reasons[0]; reason.Public() != reason || reason.Permits() || (!want.Sent && want.Reason != "" && reason != want.Reason) {
					t.Errorf("reason %s, want %s", reason, want.Reason)
				}
			})
		}
	}
}

// obligations are those that Envoy is told in a header.
func obligations(r *authv3.CheckResponse) string {
	for _, h := range r.GetOkResponse().GetHeaders() {
		if h.GetHeader().GetKey() == "optup-obligations" {
			return h.GetHeader().GetValue()
		}
	}
	return ""
}
