package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ir"
)

// begun asks the customers' service for something, and gives the body of the answer once that has begun.
func begun(t *testing.T, addr net.Addr, path string) *bufio.Reader {
	t.Helper()
	req, err := http.NewRequest("GET", "http://"+addr.String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "customers.crm"
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return bufio.NewReader(res.Body)
}

// TestLongListsFlow: a list of any length passes in little memory, and whoever withdraws meanwhile is not in the rest of it.
func TestLongListsFlow(t *testing.T) {
	const records = 300000 // about 30 MB, more than what is ever held
	r, c := feeding(t, "application/x-ndjson")
	half := make(chan struct{})
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		out := bufio.NewWriterSize(w, 64<<10)
		_, _ = io.WriteString(out, `{"customers":[`)
		for i := range records {
			if i > 0 {
				_ = out.WriteByte(',')
			}
			if i == records/2 {
				_ = out.Flush()
				<-half
			}
			name := "anna"
			if i%2 == 1 {
				name = "bert"
			}
			_, _ = fmt.Fprintf(out, `{"email":"%s@example.org","health":"%0*d"}`, name, 50, i)
		}
		_, _ = io.WriteString(out, `]}`)
		_ = out.Flush()
	}
	addr := r.listen(service)
	memory := heap()
	in := begun(t, addr, "/v1/customers")
	people := map[string]int{}
	withdrawn := false
	for {
		one, err := in.ReadString('}')
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"anna", "bert"} {
			if strings.Contains(one, name) {
				people[name]++
			}
		}
		if strings.Contains(one, "health") {
			t.Fatalf("a field that nobody declared: %s", one)
		}
		if people["anna"] == records/4-1000 && !withdrawn {
			withdrawn = true
			c.bertAgrees.Store(false)
			if now := heap(); now > memory+16<<20 {
				t.Errorf("%d MiB more are in use", (now-memory)>>20)
			}
			close(half)
		}
	}
	// What was decided when the consent was withdrawn may be on its way; nothing of the second half was.
	if people["anna"] != records/2 || people["bert"] > records/4+1 || people["bert"] < records/8 {
		t.Errorf("people %v", people)
	}
}

// TestListsThatGoWrong: a short one is told of by a status, and a long one breaks off.
func TestListsThatGoWrong(t *testing.T) {
	long := strings.Repeat(`{"email":"anna@example.org"},`, 10000)
	for name, tt := range map[string]struct {
		body      string
		onMissing ir.OnMissing
		status    int
		broken    bool
	}{
		"a short one that is whole":                 {`{"customers":[{"email":"anna@example.org"}]}`, ir.OnMissingDropRecord, 200, false},
		"a short one that breaks off":               {`{"customers":[{"email":"anna@example.org"}`, ir.OnMissingDropRecord, 502, false},
		"a long one that is whole":                  {`{"customers":[` + long + `{"email":"anna@example.org"}]}`, ir.OnMissingDropRecord, 200, false},
		"a long one that breaks off":                {`{"customers":[` + long, ir.OnMissingDropRecord, 200, true},
		"a long one with a name twice at its end":   {`{"customers":[` + long + `{"email":"anna@example.org","email":"bert@example.org"}]}`, ir.OnMissingDropRecord, 200, true},
		"a long one with something behind its end":  {`{"customers":[` + long + `{"email":"anna@example.org"}]}{}`, ir.OnMissingDropRecord, 200, true},
		"a long one with a record beyond measure":   {`{"customers":[` + long + `{"email":"anna@example.org","x":"` + strings.Repeat("x", maxRecord) + `"}]}`, ir.OnMissingDropRecord, 200, true},
		"a record beyond measure at once":           {`{"customers":[{"email":"anna@example.org","x":"` + strings.Repeat("x", 2*maxRecord) + `"}]}`, ir.OnMissingDropRecord, 200, true},
		"a long one with somebody where none may":   {`{"customers":[` + long + `{"email":"bert@example.org"}]}`, ir.OnMissingDeny, 403, false},
		"a long one where all have to agree and do": {`{"customers":[` + long + `{"email":"anna@example.org"}]}`, ir.OnMissingDeny, 200, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := withEndpoints(t, tt.onMissing, "")
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, tt.body)
			}
			res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw(t, r.listen(service), get("GET /v1/customers", "")))), nil)
			if err != nil && (!tt.broken || !strings.Contains(err.Error(), "EOF")) {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			body, err := io.ReadAll(res.Body)
			if res.StatusCode != tt.status || (err != nil) != tt.broken || strings.Contains(string(body), "bert") {
				t.Errorf("status %d, %d bytes, %v", res.StatusCode, len(body), err)
			}
		})
	}
}
