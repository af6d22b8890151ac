package local_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
)

const folder = "../../../test/corpus"

// answered is what the AuthZEN door says to one question.
type answered struct {
	Decision *bool
	Context  struct {
		Reason      decide.Reason
		Obligations []decide.Obligation
		Bodies      []string
		Purpose     consent.PurposeID
		DecisionID  string
		Observed    bool
		Position    *int
		Error       *struct{ Status int }
	}
	Evaluations []answered
	Detail      string
}

// ask posts JSON to a path and reads the answer.
func ask(t testing.TB, h http.Handler, path string, question any, headers ...string) (int, answered) {
	t.Helper()
	body, ok := question.(string)
	if !ok {
		data, err := json.Marshal(question)
		if err != nil {
			t.Fatal(err)
		}
		body = string(data)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:15021"+path, bytes.NewReader([]byte(body)))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var out answered
	data, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("%d %s", w.Code, data)
	}
	return w.Code, out
}
