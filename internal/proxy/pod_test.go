package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/pods"
)

// podAddr is a pod's of the customers' register, which takes on 8080 what the Service takes on 80, and on 8443 what that takes on 443.
var podAddr = netip.MustParseAddr("10.1.2.3")

// place says where the register's pods are.
func (r *road) place(change func(*pods.Set)) {
	s := pods.Set{Host: "customers.crm", Groups: []pods.Group{{
		Addresses: []netip.Addr{podAddr}, Ports: []pods.Port{{Port: 80, Target: 8080}, {Port: 443, Target: 8443}, {Port: 5000, Target: 5000}},
	}}}
	if change != nil {
		change(&s)
	}
	r.current.Pods.Store(r.current.Pods.Load().With(time.Now(), s))
}

func (r *road) known() *road { r.place(nil); return r }

// answered gives what a request got: "passed", "closed", or the reason for which it was refused.
func answered(t *testing.T, r *road, to netip.AddrPort, request string) string {
	t.Helper()
	answer := raw(t, r.listen(to), request)
	head, body, _ := strings.Cut(answer, "\r\n\r\n")
	switch {
	case answer == "":
		return "closed"
	case strings.HasPrefix(head, "HTTP/1.1 200"):
		return "passed"
	default:
		return string(reasonOf(t, []byte(body)))
	}
}

// TestAPodIsGovernedAsItsService: by its own address, its requests are decided about as those to the declared host, and go there.
func TestAPodIsGovernedAsItsService(t *testing.T) {
	as := func(host string) string {
		return strings.Replace(get("GET /v1/customers", ""), "customers.crm", host, 1)
	}
	for name, tt := range map[string]struct {
		port    uint16
		request string
		want    string
	}{
		"its name":                                             {8080, as("customers.crm"), "passed"},
		"its name and the pod's port":                          {8080, as("customers.crm:8080"), "passed"},
		"its name and the Service's port":                      {8080, as("customers.crm:80"), string(decide.NotCanonical)},
		"an endpoint that nobody declares":                     {8080, get("GET /v1/export", ""), string(decide.EndpointUnknown)},
		"its address":                                          {8080, as("10.1.2.3:8080"), string(decide.NotCanonical)},
		"another name, as of a headless Service":               {8080, as("headless.crm:8080"), string(decide.NotCanonical)},
		"a port that the Service has too, and nobody declares": {5000, as("customers.crm:5000"), string(decide.HostUndeclared)},
		"a port of the pod alone":                              {9090, as("customers.crm:9090"), string(decide.HostUndeclared)},
		"a port of the pod alone, under its address":           {9090, as("10.1.2.3:9090"), string(decide.NotCanonical)},
		"no HTTP":                            {8080, "\x00\x01\x02", "closed"},
		"no HTTP on a port of the pod alone": {5432, "\x00\x01\x02", "closed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, func(b *ir.Bundle) { b.Ungoverned = ir.Ungoverned{Action: ir.UngovernedObserve} }).known()
			got := answered(t, r, netip.AddrPortFrom(podAddr, tt.port), tt.request)
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			arrived := r.requests()
			if (len(arrived) > 0) != (tt.want == "passed") || (len(arrived) > 0 && arrived[0].host != "customers.crm") {
				t.Errorf("the service got %+v", arrived)
			}
		})
	}
}

// TestTLSToAPodEndsHere by the port of the Service that it stands for, and without a declared name not at all.
func TestTLSToAPodEndsHere(t *testing.T) {
	r := shop(t, https).known()
	c := r.app(r.listen(netip.AddrPortFrom(podAddr, 8443)), nil)
	request := getting(customers)
	request.Host = "customers.crm:8443"
	res, body := call(t, c, request)
	if got := r.requests(); res.StatusCode != http.StatusOK || len(got) != 1 || got[0].tls != "customers.crm" {
		t.Errorf("%s: %s, %+v", res.Status, body, got)
	}
	r = shop(t, https).known()
	if got := raw(t, r.listen(netip.AddrPortFrom(podAddr, 8443)), clientHello(t, "10-1-2-3.customers.crm")); !strings.HasPrefix(got, "\x15\x03\x03") || len(r.requests()) != 0 {
		t.Errorf("another name: %q", got)
	}
	for _, port := range []uint16{443, 5000} {
		r = shop(t, https).known()
		if got := raw(t, r.listen(netip.AddrPortFrom(podAddr, port)), clientHello(t, "10-1-2-3.customers.crm")); !strings.HasPrefix(got, "\x15\x03\x03") || len(r.requests()) != 0 {
			t.Errorf("port %d: %q", port, got)
		}
	}
}

// somebody answers connections and remembers that there was one.
func somebody(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "somebody") })}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return netip.MustParseAddrPort(l.Addr().String())
}

// TestWhatIsNoPodPasses: other addresses, other ports of a node that a pod shares, and all of it where nothing is enforced.
func TestWhatIsNoPodPasses(t *testing.T) {
	to := somebody(t)
	at := func(shared bool, target uint16) func(*pods.Set) {
		return func(s *pods.Set) {
			s.Groups = []pods.Group{{Addresses: []netip.Addr{to.Addr()}, Ports: []pods.Port{{Port: 80, Target: target}}, Shared: shared}}
		}
	}
	for name, tt := range map[string]struct {
		mode   ir.Mode
		place  func(*pods.Set)
		passes bool
		// named requests name the declared host.
		named bool
	}{
		"no pod of anybody":                                       {ir.ModeEnforce, nil, true, false},
		"another port of a pod":                                   {ir.ModeEnforce, at(false, to.Port()+1), false, false},
		"another port of a node":                                  {ir.ModeEnforce, at(true, to.Port()+1), true, false},
		"the Service's port of a node":                            {ir.ModeEnforce, at(true, to.Port()), false, false},
		"where not all pods are known":                            {ir.ModeEnforce, func(s *pods.Set) { s.Incomplete = true }, false, false},
		"another port of a pod, observed":                         {ir.ModeObserve, at(false, to.Port()+1), true, false},
		"its port under another name, observed":                   {ir.ModeObserve, at(false, to.Port()), true, false},
		"another port of a pod under the declared name":           {ir.ModeEnforce, at(false, to.Port()+1), false, true},
		"another port of a pod under the declared name, observed": {ir.ModeObserve, at(false, to.Port()+1), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, func(b *ir.Bundle) { b.Mode, b.Ungoverned = tt.mode, ir.Ungoverned{Action: ir.UngovernedObserve} })
			r.place(tt.place)
			declared := r.proxy.Dial
			r.proxy.Dial = func(c ctx, network, addr string) (net.Conn, error) {
				if addr == to.String() {
					return (&net.Dialer{}).DialContext(c, network, addr)
				}
				return declared(c, network, addr)
			}
			host := to.String()
			if tt.named {
				host = fmt.Sprintf("customers.crm:%d", to.Port())
			}
			answer := raw(t, r.listen(to), fmt.Sprintf("GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host))
			if strings.HasSuffix(answer, "somebody") != tt.passes {
				t.Errorf("%q", answer)
			}
			if len(r.requests()) != 0 {
				t.Error("it went to the declared host")
			}
		})
	}
}

// TestAConnectionToAPodStaysOne: when the pod goes, what comes on the connection is no more somebody else's than before.
func TestAConnectionToAPodStaysOne(t *testing.T) {
	to := somebody(t)
	r := shop(t, func(b *ir.Bundle) { b.Ungoverned = ir.Ungoverned{Action: ir.UngovernedObserve} })
	r.place(func(s *pods.Set) {
		s.Groups = []pods.Group{{Addresses: []netip.Addr{to.Addr()}, Ports: []pods.Port{{Port: 80, Target: to.Port()}}}}
	})
	c, err := net.Dial("tcp", r.listen(to).String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	in := bufio.NewReader(c)
	say := func(host string) (*http.Response, string) {
		t.Helper()
		if _, err := fmt.Fprintf(c, "GET /v1/customers HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(body)
	}
	if res, body := say("customers.crm"); res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", res.Status, body)
	}
	r.current.Pods.Store(nil)
	if res, body := say("customers.crm"); res.StatusCode != http.StatusOK {
		t.Errorf("under the name: %s: %s", res.Status, body)
	}
	if res, body := say(to.String()); res.StatusCode != http.StatusBadRequest || reasonOf(t, []byte(body)) != decide.NotCanonical {
		t.Errorf("under the address: %s: %s", res.Status, body)
	}
}

// TestPodsOfHostsThatABundleDoesNotHave are nobody's, and hide no name that the address has.
func TestPodsOfHostsThatABundleDoesNotHave(t *testing.T) {
	to := somebody(t)
	r := shop(t, func(b *ir.Bundle) { b.Ungoverned = ir.Ungoverned{Action: ir.UngovernedObserve} })
	r.place(func(s *pods.Set) {
		s.Host, s.Groups = "other.shop", []pods.Group{{Addresses: []netip.Addr{to.Addr()}, Ports: []pods.Port{{Port: 80, Target: to.Port()}}}}
	})
	if answer := raw(t, r.listen(to), get("GET /", "")[:6]+"HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.HasSuffix(answer, "somebody") {
		t.Errorf("%q", answer)
	}
	r.place(func(s *pods.Set) {
		s.Host, s.Groups = "other.shop", []pods.Group{{Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Ports: []pods.Port{{Port: 80, Target: 80}}}}
	})
	if k := r.current.Load().classify(netip.MustParseAddrPort("192.0.2.1:80"), hello{protocol: opaque}); !k.governed || k.verdict != refuse {
		t.Errorf("%+v", k)
	}
}
