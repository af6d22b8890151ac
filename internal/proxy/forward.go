package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/optup/optup/internal/ir"
)

// upstreamTime bounds how long a service may take to begin its answer.
const upstreamTime = time.Minute

// hopByHop are headers of one connection (RFC 9110 §7.6.1).
var hopByHop = []string{
	"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// partial are request headers that ask for a part of an answer or compare it with an earlier one; a filtered answer is neither.
var partial = []string{"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"}

func removeHopByHop(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		h.Del(name)
	}
}

// upstream is where a request is sent: the declared host of the matched service, never the address that the application dialled.
type upstream struct {
	scheme, addr string
	// host is the Host header.
	host string
}

// port is the declared port that a request came for; nil if none is.
func (x *exchange) port() *ir.Port {
	if s := x.state.Index.Service(x.to.host, x.to.port); s != nil {
		if i := slices.IndexFunc(s.Ports, func(p ir.Port) bool { return p.Port == x.to.port }); i >= 0 {
			return &s.Ports[i]
		}
	}
	return nil
}

func (x *exchange) upstream() upstream {
	host := x.to.host
	if s := x.state.Index.Service(x.to.host, x.to.port); s != nil {
		host = s.Hosts[0]
	}
	if p := x.port(); p != nil && p.TLSPort != 0 {
		u := upstream{"https", net.JoinHostPort(host, strconv.Itoa(p.TLSPort)), host}
		if p.TLSPort != 443 {
			u.host = u.addr
		}
		return u
	}
	return upstream{"http", net.JoinHostPort(host, strconv.Itoa(x.to.port)), x.r.Host}
}

// outgoing is the request as it is sent: the same method, path and query, the given body.
func (x *exchange) outgoing(ctx context.Context, to upstream, body io.Reader, length int64) (*http.Request, error) {
	u := &url.URL{Scheme: to.scheme, Host: to.addr, Path: x.r.URL.Path, RawPath: x.r.URL.RawPath, RawQuery: x.r.URL.RawQuery}
	out, err := http.NewRequestWithContext(ctx, x.r.Method, u.String(), body)
	if err != nil {
		return nil, err
	}
	out.URL, out.Host, out.ContentLength = u, to.host, length
	out.Header = x.r.Header.Clone()
	removeHopByHop(out.Header)
	out.Header.Del("Expect")
	if out.Header.Get("User-Agent") == "" {
		out.Header["User-Agent"] = nil // none was sent, so none is made up
	}
	return out, nil
}

// pass forwards a request and its answer as they are.
func (x *exchange) pass() { x.passTo(x.upstream()) }

func (x *exchange) passTo(to upstream) {
	var body io.Reader = x.r.Body
	if x.r.ContentLength == 0 {
		body = nil
	}
	out, err := x.outgoing(x.r.Context(), to, body, x.r.ContentLength)
	if err != nil {
		x.unreachable(err)
		return
	}
	protocol := upgrade(x.r)
	if protocol != "" {
		out.Header.Set("Connection", "Upgrade")
		out.Header.Set("Upgrade", protocol)
	}
	res, err := x.proxy.transport.RoundTrip(out)
	if err != nil {
		x.unreachable(err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode == http.StatusSwitchingProtocols {
		x.switched(res, protocol)
		return
	}
	removeHopByHop(res.Header)
	copyHeader(x.w.Header(), res.Header)
	x.w.WriteHeader(res.StatusCode)
	x.stream(res.Body)
}

// stream copies an answer and ends the connection if the service breaks off, so that a part never looks whole.
func (x *exchange) stream(body io.Reader) {
	flusher := http.NewResponseController(x.w.ResponseWriter)
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if _, werr := x.w.Write(buf[:n]); werr != nil {
				return
			}
			_ = flusher.Flush()
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

func copyHeader(to, from http.Header) {
	for k, v := range from {
		to[k] = v
	}
}

// Unreachable is an error of Proxy.Dial that the caller is told: why a service cannot be reached, and what to do.
type Unreachable struct{ Sentence string }

// Error implements error.
func (u *Unreachable) Error() string { return u.Sentence }

// unreachable answers for a service that cannot be reached. It is no denial. Other errors than Unreachable tell of addresses, and
// stay here.
func (x *exchange) unreachable(err error) {
	x.proxy.Metrics.upstreamFailed()
	detail := "The service did not answer."
	var told *Unreachable
	if errors.As(err, &told) {
		detail = told.Sentence
	}
	body, err := json.Marshal(map[string]any{"type": "about:blank", "title": "Bad Gateway", "status": http.StatusBadGateway, "detail": detail})
	if err != nil {
		body = nil
	}
	x.w.Header().Set("Content-Type", "application/problem+json")
	x.w.WriteHeader(http.StatusBadGateway)
	_, _ = x.w.Write(body)
}

// exchange sends a request that was decided about, and filters the answer.
func (x *exchange) exchange(body []byte) {
	res, err := x.send(x.r.Context(), body, "")
	if err != nil {
		x.unreachable(err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	x.answer(res)
}

// send sends a body, or none, to the service. Group tells apart requests into which one was split; it is empty for a whole one.
func (x *exchange) send(ctx context.Context, body []byte, group string) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	out, err := x.outgoing(ctx, x.upstream(), reader, int64(len(body)))
	if err != nil {
		return nil, err
	}
	if !x.observing() {
		for _, h := range partial {
			out.Header.Del(h)
		}
		out.Header.Set("Accept-Encoding", "identity")
		for _, h := range []string{"Content-Digest", "Repr-Digest", "Digest", "Content-Md5"} {
			out.Header.Del(h)
		}
	}
	if group != "" {
		ownKey(out.Header, group)
	}
	return x.proxy.transport.RoundTrip(out)
}
