package standalone

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/proxy"
	"github.com/optup/optup/internal/shop"
)

// services are those of the demo shop: its register of customers, its mail provider, and what only the provider knows (counts).
type services struct {
	register, mail, counts string // host:port
	servers                []*http.Server
}

func (x *Instance) startShop(ctx context.Context) error {
	esp := shop.NewESP()
	for _, s := range []struct {
		addr    *string
		handler http.Handler
	}{
		{&x.shop.register, shop.NewCRM(x.o.Seed, x.o.People).Handler()}, {&x.shop.mail, esp.Handler()}, {&x.shop.counts, esp.Admin()},
	} {
		l, err := x.servicePorts.listen(ctx)
		if err != nil {
			return err
		}
		srv := &http.Server{Handler: s.handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
		*s.addr = l.Addr().String()
		x.shop.servers = append(x.shop.servers, srv)
		x.group.Go(func() error { return ended(srv.Serve(l)) })
	}
	return nil
}

func (s *services) close(ctx context.Context) error {
	var errs []error
	for _, srv := range s.servers {
		errs = append(errs, srv.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// Paths of the calls that examples show: a list of customers, and a mail.
const (
	listPath = "/v1/customers"
	sendPath = "/v3/mail/send"
)

// Calls of the demo's services, as "METHOD path" with {} for each segment that varies.
var (
	registerCalls = []string{"GET " + listPath, "GET /v1/customers/{}", "GET /v1/clicks"}
	mailCalls     = []string{"POST " + sendPath, "GET /v3/templates/{}"}
)

// answers gives who of the demo's services answers for a declared one: the one that has a call of its; "" for none.
func (s *services) answers(d *policy.Service) string {
	for i := range d.Endpoints {
		for _, m := range d.Endpoints[i].Methods {
			switch call := m + " " + anonymous(d.Endpoints[i].Path); {
			case slices.Contains(mailCalls, call):
				return s.mail
			case slices.Contains(registerCalls, call):
				return s.register
			}
		}
	}
	return ""
}

// anonymous writes {} for the named segments of a template.
func anonymous(template string) string {
	segments := strings.Split(template, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

// upstreamsOf says where the services of a folder really are, by what a sidecar dials: the first host, and the port.
func (x *Instance) upstreamsOf(p *policies) map[string]string {
	out := map[string]string{}
	for i := range p.snapshot.Services {
		d := &p.snapshot.Services[i]
		for _, port := range d.Ports {
			to := x.shop.answers(d)
			for _, h := range d.Hosts {
				if addr := x.o.upstreams[h]; addr != "" {
					to = addr
				}
				if addr := x.o.upstreams[hostPort(h, port.Port)]; addr != "" {
					to = addr
				}
			}
			if to != "" && len(d.Hosts) > 0 {
				out[hostPort(d.Hosts[0], port.Port)] = to
			}
		}
		if host, port := tokenEndpoint(d.Credential); host != "" {
			at := hostPort(host, port)
			out[at] = cmp.Or(x.o.upstreams[at], x.o.upstreams[host], at) // a token endpoint is where it says, unless somebody says otherwise
		}
	}
	return out
}

// tokenEndpoint is where tokens for a service come from; empty for nowhere.
func tokenEndpoint(c *ir.Credential) (host string, port int) {
	if c == nil || c.OAuth2 == nil {
		return "", 0
	}
	u, err := url.Parse(c.OAuth2.TokenURL)
	if err != nil {
		return "", 0
	}
	if port, err = strconv.Atoi(u.Port()); err != nil {
		port = 443
	}
	return u.Hostname(), port
}

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// dial stands for the network between sidecars and services.
func (x *Instance) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	to := (*x.upstreams.Load())[addr]
	if to == "" {
		return nil, &proxy.Unreachable{Sentence: fmt.Sprintf(
			"The request was permitted, but nothing answers for %s here: it has none of the paths of the demo shop. Start again with --upstream %s=ADDRESS:PORT.", addr, addr)}
	}
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, to)
	if err != nil {
		return nil, &proxy.Unreachable{Sentence: fmt.Sprintf("The request was permitted, but %s, which stands for %s, does not answer.", to, addr)}
	}
	return conn, nil
}
