package browser

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"
)

// The interfaces of pods come and go while people use pages. Without what keeps the browser from hearing of it, it gives up a request that
// is under way on HTTP/2, which Failed then tells as net::ERR_NETWORK_CHANGED.
func TestChangesOfTheNetworkDoNotDisturb(t *testing.T) {
	if os.Geteuid() != 0 {
		missing(t, "this needs root: it makes network interfaces")
	}
	changed := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-changed
		}
		_, _ = w.Write([]byte("arrived"))
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	b := New(t, Options{})
	b.Go(s.URL + "/")
	go func() {
		defer close(changed)
		for range 3 {
			ip(t, "link", "add", "optuptest0", "type", "veth", "peer", "name", "optuptest1")
			ip(t, "address", "add", "192.0.2.1/32", "dev", "optuptest0")
			ip(t, "link", "set", "optuptest0", "up")
			ip(t, "link", "set", "optuptest1", "up")
			time.Sleep(time.Second) // it lets changes settle before it acts on them
			ip(t, "link", "delete", "optuptest0")
		}
	}()
	got := Eval[string](b, `fetch("/slow").then((r) => r.text(), (e) => String(e))`)
	<-changed
	if got != "arrived" || len(b.Failed()) > 0 {
		t.Errorf("the request came to %q: %q", got, b.Failed())
	}
}

func ip(t *testing.T, args ...string) {
	out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "ip", args...).CombinedOutput()
	if err != nil {
		t.Errorf("ip %q: %v: %s", args, err, out)
	}
}
