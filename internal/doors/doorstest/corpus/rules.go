package corpus

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/scenario"
)

// Expected is what a door has to say about a request of the corpus. It differs from what becomes of the request at the proxy by three rules.
//
// What an answer shows is decided when it is there: a request that may be sent is permitted, and whoever asks has to filter the answer. What
// the proxy would change in a request is an obligation. And where nothing is enforced, a door tells the decision itself.
type Expected struct {
	// Sent tells that the request may be sent, once what is owed is promised.
	Sent bool
	// Reason is why not; empty where the proxy itself tells one of several.
	Reason   decide.Reason
	Observed bool
	// Same tells that the body goes as it came; otherwise Bodies go in its place, perhaps none.
	Same   bool
	Bodies []any
}

// Expect gives that of an outcome of a case.
func Expect(t testing.TB, o scenario.Outcome) Expected {
	t.Helper()
	want := o.Decision.Expect
	e := Expected{Sent: o.Sent > 0 || want.Effect != decide.Deny, Observed: o.Observed}
	if o.Observed {
		e.Sent = want.Effect != decide.Deny
	}
	if !e.Sent && len(want.Reasons) == 1 {
		e.Reason = want.Reasons[0]
	}
	switch all, several := o.Forwarded.([]any); {
	case several && o.Sent > 1:
		e.Bodies = all
	case o.Sent == 1:
		e.Bodies = []any{o.Forwarded}
	}
	e.Same = len(e.Bodies) == 1 && reflect.DeepEqual(plain(t, e.Bodies[0]), plain(t, o.Decision.Request.Body))
	return e
}

// IsBody tells whether a body is one of the corpus: a text as it is, everything else as JSON.
func IsBody(t testing.TB, got string, want any) bool {
	t.Helper()
	if text, ok := want.(string); ok {
		return got == text
	}
	var is any
	return json.Unmarshal([]byte(got), &is) == nil && reflect.DeepEqual(is, plain(t, want))
}

// plain is a value as JSON has it.
func plain(t testing.TB, v any) (out any) {
	t.Helper()
	if v == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Request gives the headers and the body of a request of the corpus, as they are sent; no body is nil.
func Request(t testing.TB, x *decide.Index, in scenario.Request) (http.Header, []byte) {
	t.Helper()
	h := http.Header{}
	for k, v := range in.Headers {
		h.Set(k, v)
	}
	body, err := scenario.Bytes(in.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		h.Set("Content-Type", in.ContentType(format(x, in)))
	}
	return h, body
}

// URL is where a request of the corpus goes: the scheme that is declared for the port, and the host with any port but that of the scheme.
func URL(x *decide.Index, in scenario.Request) (scheme, host string) {
	scheme, host = "http", in.Host
	if s := x.Service(in.Host, in.Port); s != nil {
		for _, p := range s.Ports {
			if p.Port == in.Port && p.Protocol != "HTTP" {
				scheme = "https"
			}
		}
	}
	if in.Port != map[string]int{"http": 80, "https": 443}[scheme] {
		host += ":" + strconv.Itoa(in.Port)
	}
	return scheme, host
}

func format(x *decide.Index, in scenario.Request) ir.Format {
	path, _, _ := strings.Cut(in.Path, "?")
	e, reason := x.Endpoint(in.Method, in.Host, in.Port, path)
	if reason != "" || e.IR.Request == nil {
		return ir.FormatJSON
	}
	return e.IR.Request.Format
}
