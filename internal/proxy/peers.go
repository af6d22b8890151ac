package proxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/peer"
)

// peers are the transports to services whose pods have sidecars, for one identity of ours. A new identity begins with none, so that no
// connection outlives the certificate that it was made with by more than a request.
type peers struct {
	proxy *Proxy
	who   *peer.Identity
	// attested speaks to sidecars that have proven to be the service's, and to nothing else. Known tells whoever answers who we are, if
	// that is a sidecar.
	attested, known *http.Transport

	mu sync.Mutex
	// routes are what the names stand for that connections are pooled by.
	routes map[string]way
	// mute and strangers say until when services are not asked again, because no sidecar answered there, or one of somebody else.
	mute, strangers map[string]time.Time
}

// way is a service as it is to be reached.
type way struct {
	addr, namespace string
	providers       []string
}

// quietTime is how long a service whose sidecars do not answer is not asked again.
const quietTime = 10 * time.Second

// errNotAttested tells that nothing was sent, because nobody has proven to be a sidecar of the service.
var errNotAttested = errors.New("no sidecar of the service has proven to be one")

// toPeers gives the transports of the identity in force; nil without one.
func (p *Proxy) toPeers() *peers {
	who := p.Current.Peers.Load()
	if who == nil {
		return nil
	}
	for {
		now := p.peers.Load()
		if now != nil && now.who == who {
			return now
		}
		next := &peers{proxy: p, who: who, routes: map[string]way{}, mute: map[string]time.Time{}, strangers: map[string]time.Time{}}
		next.attested, next.known = p.transport.Clone(), p.transport.Clone()
		next.attested.DialContext, next.known.DialContext = next.dialAttested, next.dialKnown
		if p.peers.CompareAndSwap(now, next) {
			now.close()
			return next
		}
	}
}

// close gives up connections that nobody uses now.
func (t *peers) close() {
	if t != nil {
		t.attested.CloseIdleConnections()
		t.known.CloseIdleConnections()
	}
}

// name gives what connections to a service are pooled by: all that a sidecar has to prove, so that a connection never serves for more.
func (t *peers) name(s *ir.Service, addr string) string {
	namespace, _, _ := strings.Cut(s.Name, "/")
	sum := sha256.Sum256([]byte(namespace + "\x00" + addr + "\x00" + strings.Join(s.Providers, "\x00")))
	name := hex.EncodeToString(sum[:16])
	t.mu.Lock()
	defer t.mu.Unlock()
	t.routes[name+":80"] = way{addr: addr, namespace: namespace, providers: s.Providers}
	return name
}

func (t *peers) route(name string) way {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.routes[name]
}

// dialAttested connects with a sidecar of the service, or with nobody.
func (t *peers) dialAttested(ctx context.Context, network, name string) (net.Conn, error) {
	if t.quiet(t.strangers, name) || t.quiet(t.mute, name) {
		return nil, errNotAttested
	}
	r := t.route(name)
	c, who, err := t.shake(ctx, network, name)
	switch {
	case err == nil && who.Name.Namespace == r.namespace && slices.Contains(r.providers, who.Name.Workload):
		return c, nil
	case err == nil:
		_ = c.Close()
		t.note(t.strangers, name)
		return nil, errNotAttested
	case errors.Is(err, peer.ErrNoSidecar):
		return nil, errors.Join(errNotAttested, err)
	default:
		return nil, err // nobody is there, whether with a sidecar or without
	}
}

// dialKnown connects with whoever answers, and tells a sidecar who we are.
func (t *peers) dialKnown(ctx context.Context, network, name string) (net.Conn, error) {
	if !t.quiet(t.mute, name) {
		c, _, err := t.shake(ctx, network, name)
		if err == nil || !errors.Is(err, peer.ErrNoSidecar) {
			return c, err
		}
	}
	return t.proxy.transport.DialContext(ctx, network, t.route(name).addr)
}

// shake connects with a sidecar, whoever's it is. It fails with ErrNoSidecar where somebody answers who is none that the manager knows.
func (t *peers) shake(ctx context.Context, network, name string) (net.Conn, peer.Peer, error) {
	raw, err := t.proxy.transport.DialContext(ctx, network, t.route(name).addr)
	if err != nil {
		return nil, peer.Peer{}, err
	}
	c, who, err := t.who.Dial(ctx, raw)
	if err == nil {
		return c, who, nil
	}
	_ = raw.Close()
	if ctx.Err() != nil {
		return nil, peer.Peer{}, ctx.Err() // nobody had the time to answer
	}
	t.note(t.mute, name)
	return nil, peer.Peer{}, errors.Join(peer.ErrNoSidecar, err)
}

// note has a service not asked again for some time: an application that waits for the rest of what it takes for a request would hold up
// every connection.
func (t *peers) note(until map[string]time.Time, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	until[name] = time.Now().Add(quietTime)
}

func (t *peers) quiet(until map[string]time.Time, name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Now().Before(until[name])
}

// toSidecars sends requests to the sidecars of a service.
type toSidecars struct {
	peers     *peers
	service   *ir.Service
	transport *http.Transport
}

// RoundTrip implements http.RoundTripper. Where a request goes is told by its URL until here.
func (s toSidecars) RoundTrip(out *http.Request) (*http.Response, error) {
	u := *out.URL
	u.Host = s.peers.name(s.service, u.Host)
	out = out.WithContext(out.Context())
	out.URL = &u
	return s.transport.RoundTrip(out)
}

// introduce has a request to a service with sidecars sent so that those know whose it is.
func (x *exchange) introduce(out *http.Request) {
	if x.arrival != nil || x.endpoint == nil || len(x.endpoint.Service.Providers) == 0 || out.URL.Scheme != "http" {
		return
	}
	if t := x.proxy.toPeers(); t != nil {
		x.by = toSidecars{t, x.endpoint.Service, t.known}
	}
}

// delegated sends a request to a sidecar of the service that decides about it, and tells whether one took it. The request has a purpose by
// our own rules; about the people in it only the service's sidecar decides. If none answers that has proven to be one, nothing was sent.
func (x *exchange) delegated(body []byte) bool {
	s := x.endpoint.Service
	if x.arrival != nil || x.observing() || !s.ProvidersEnforce || len(s.Providers) == 0 || !enforce.Declared(x.endpoint.IR, x.to.query) {
		return false
	}
	t, to := x.proxy.toPeers(), x.upstream()
	if t == nil || to.scheme != "http" {
		return false
	}
	var reader io.ReadCloser
	if body != nil {
		reader = io.NopCloser(bytes.NewReader(body))
	}
	out := x.outgoing(x.r.Context(), to, reader, int64(len(body)))
	out.Header[decide.PurposeHeader] = []string{string(x.plan.Purpose.Name)}
	plan := x.plan
	x.by, x.plan = toSidecars{t, s, t.attested}, nil // the use is the other sidecar's to record
	res, err := x.roundTrip(out)
	switch {
	case errors.Is(err, errNotAttested):
		x.by, x.plan = nil, plan
		return false
	case err != nil:
		x.unreachable(err)
		return true
	}
	defer func() { _ = res.Body.Close() }()
	x.proxy.Metrics.decision(x, decide.Permit, "")
	x.proxy.Metrics.connection("delegated")
	x.unchanged(res)
	x.w.WriteHeader(res.StatusCode)
	x.stream(res)
	return true
}
