package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ir"
)

// TestTablesFlow: rows of people who did not agree do not come, whatever the length; what goes wrong later never looks whole.
func TestTablesFlow(t *testing.T) {
	export := ir.Endpoint{
		Name: "export", Methods: []string{"GET"}, Path: "/v1/export", Processing: shows,
		Response: &ir.Message{
			Format: ir.FormatCSV, Records: &ir.Records{Each: "/*", Identifier: "/email", Identifies: email, NotPersonal: []string{"/email"}},
		},
	}
	many := strings.Repeat("anna@example.org,x\n", 20_000)
	for name, tt := range map[string]struct {
		onMissing  ir.OnMissing
		kind, body string
		want       string
	}{
		"a short one":                      {ir.OnMissingDropRecord, "text/csv", "email,shoe\nanna@example.org,40\nbert@example.org,41\n", "email\nanna@example.org\n"},
		"a long one":                       {ir.OnMissingDropRecord, "text/csv", "email,shoe\nbert@example.org,1\n" + many, "email\n" + strings.ReplaceAll(many, ",x", "")},
		"a long one that is broken":        {ir.OnMissingDropRecord, "text/csv", "email,shoe\n" + many + "bert@example.org\n", "broken"},
		"a short one that is broken":       {ir.OnMissingDropRecord, "text/csv", "email,shoe\nbert@example.org\n", "502"},
		"a long one where nobody may lack": {ir.OnMissingDeny, "text/csv", "email,shoe\n" + many + "bert@example.org,1\n", "403"},
		"another type":                     {ir.OnMissingDropRecord, "application/json", "email,shoe\nbert@example.org,1\n", "502"},
		"another charset":                  {ir.OnMissingDropRecord, "text/csv; charset=utf-16", "email,shoe\nbert@example.org,1\n", "502"},
	} {
		t.Run(name, func(t *testing.T) {
			r := withEndpoints(t, tt.onMissing, "", export)
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Content-Type", tt.kind)
				w.Header().Set("Content-Length", fmt.Sprint(len(tt.body)))
				_, _ = io.WriteString(w, tt.body)
			}
			answer := raw(t, r.listen(service), get("GET /v1/export", ""))
			res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			switch {
			case strings.Contains(string(body), "bert"):
				t.Error("somebody who did not agree is shown")
			case tt.want == "broken" && err == nil:
				t.Errorf("what was broken off looks whole: status %d", res.StatusCode)
			case tt.want != "broken" && string(body) != tt.want && fmt.Sprint(res.StatusCode) != tt.want:
				t.Errorf("status %d, %.200s", res.StatusCode, body)
			}
		})
	}
}
