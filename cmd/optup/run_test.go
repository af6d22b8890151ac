package main

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestRunEndsWithWhatToCall also shows that an interrupt ends it without an error.
func TestRunEndsWithWhatToCall(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		end  *regexp.Regexp
	}{
		"as text": {nil, regexp.MustCompile(`\nReady\. .*curl -s http://127\.0\.0\.1:\d+/v1/customers.*\n$`)},
		"as JSON": {[]string{"-o", "json"}, regexp.MustCompile(`(?s)^{.*"tokenFile".*curl -s http://127\.0\.0\.1:\d+/v1/customers.*\n}\n$`)},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			out := &printed{wrote: make(chan struct{}, 1)}
			c := command()
			c.SetArgs(append([]string{"run", "../../config/samples", "--port", "0", "--people", "50"}, tt.args...))
			c.SetOut(out)
			c.SetErr(io.Discard)
			done := make(chan error, 1)
			go func() { done <- c.ExecuteContext(ctx) }()
			for late := time.After(30 * time.Second); !tt.end.MatchString(out.String()); {
				select {
				case <-out.wrote:
				case err := <-done:
					t.Fatalf("it ended: %v", err)
				case <-late:
					t.Fatalf("it does not end with what to call:\n%s", out)
				}
			}
			interrupt()
			if err := <-done; err != nil {
				t.Errorf("interrupted, it ends with %v", err)
			}
		})
	}
}

func TestRunWithoutAFolderThatWorks(t *testing.T) {
	if _, _, err := run(t, "", "run", t.TempDir()); err == nil || !strings.Contains(err.Error(), "no .yaml file") {
		t.Errorf("%v", err)
	}
	if _, _, err := run(t, "", "run"); err == nil {
		t.Error("it runs nothing")
	}
}

// printed is what was printed so far; wrote tells of more.
type printed struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	wrote chan struct{}
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.wrote <- struct{}{}:
	default:
	}
	return p.buf.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.String()
}
