package proxy

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/optup/optup/internal/decide"
)

// TestADenialIsReadByClientsOfTheService: they look for errors[0].message in whatever has a status from 400 on.
func TestADenialIsReadByClientsOfTheService(t *testing.T) {
	rec := httptest.NewRecorder()
	deny(rec, decide.LedgerBehind, "id")
	var raw bytes.Buffer
	refuseHTTP(&raw, decide.TLSRefused, "id")
	_, body, _ := bytes.Cut(raw.Bytes(), []byte("\r\n\r\n"))
	withheld := httptest.NewRecorder()
	withhold(withheld, decide.BodyUnreadable, "id")
	for name, answer := range map[string][]byte{"a request": rec.Body.Bytes(), "a connection": body, "an answer": withheld.Body.Bytes()} {
		var p struct {
			Detail string
			Errors []struct{ Message string }
		}
		if err := json.Unmarshal(answer, &p); err != nil || p.Detail == "" || len(p.Errors) != 1 || p.Errors[0].Message != p.Detail {
			t.Errorf("%s: %v: %s", name, err, answer)
		}
	}
	if rec.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d", rec.Code)
	}
}
