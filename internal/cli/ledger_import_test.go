package cli

import (
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/optup/optup/internal/ledger/ledgertest"
)

// cutting ends answers in their middle, for the first few of them.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(b []byte) (int, error) {
	if c.left -= len(b); c.left < 0 {
		panic(http.ErrAbortHandler)
	}
	return c.ResponseWriter.Write(b)
}

func (c *cutting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// TestAnImportThatIsCutGoesOn: the file is sent again, and no row counts twice.
func TestAnImportThatIsCutGoesOn(t *testing.T) {
	l := ledgertest.New(t).Start()
	target, err := url.Parse(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	var cuts atomic.Int32
	through := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	proxy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cuts.Add(1) <= 3 {
			w = &cutting{w, int(cuts.Load()) * 9000}
		}
		through.ServeHTTP(w, r)
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = proxy.Serve(listener) }()
	t.Cleanup(func() { _ = proxy.Close() })
	token := func() (string, error) { return ledgertest.DevToken, nil }
	x, err := newLedger("http://"+listener.Addr().String(), nil, nil, token)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	var file strings.Builder
	file.WriteString(csvHeader)
	const rows = 2000
	for n := range rows { // without a time, so that the key tells them apart
		file.WriteString("email,p" + strconv.Itoa(n) + "@example.org,given,newsletter,newsletter-v1,,,,,,,,\n")
	}
	seen, told := map[int]string{}, 0
	out, err := x.ImportFile(t.Context(), strings.NewReader(file.String()), ImportOptions{
		Key: "k", EveryRow: true, Tries: 5, Cut: func(error) { told++ },
		Row: func(r ImportedRow) error {
			if seen[r.Line] == "" {
				seen[r.Line] = r.Outcome
			}
			return nil
		},
	})
	if err != nil || out.Appended+out.Replayed != rows || out.Replayed == 0 || told != 3 || len(seen) != rows {
		t.Fatalf("%+v, %v, %d cuts, %d rows told", out, err, told, len(seen))
	}
	h, err := l.Store.Head(t.Context())
	if err != nil || h.Position != rows {
		t.Fatalf("position %d, %v", h.Position, err)
	}
	cuts.Store(0)
	if _, err := x.ImportFile(t.Context(), strings.NewReader(file.String()), ImportOptions{Key: "k", EveryRow: true}); !errors.Is(err, errCut) {
		t.Fatalf("an answer that broke off is taken for whole: %v", err)
	}
}
