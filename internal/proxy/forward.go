package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/optup/optup/internal/decide"
)

// outgoing is the request as it is sent: the same method, path and query, the given body, and the headers that go beyond a connection.
func (x *exchange) outgoing(ctx context.Context, to upstream, body io.ReadCloser, length int64) *http.Request {
	x.via = to
	u := *x.r.URL
	u.Scheme, u.Host = to.scheme, to.addr
	out := x.r.WithContext(ctx)
	out.URL, out.Host, out.RequestURI = &u, to.host, ""
	out.Body, out.GetBody, out.ContentLength = body, nil, length
	out.TransferEncoding, out.Trailer, out.Close, out.Response = nil, nil, false, nil
	out.Header = endToEnd(x.r.Header)
	if x.arrival != nil {
		withoutToken(out.Header) // for this sidecar alone
	}
	if _, there := out.Header["User-Agent"]; !there {
		out.Header["User-Agent"] = nil // none was sent, so none is made up
	}
	return out
}

// pass forwards a request and its answer as they are.
func (x *exchange) pass() { x.passTo(x.upstream()) }

func (x *exchange) passTo(to upstream) {
	var body io.ReadCloser
	var sent *patient
	if x.r.ContentLength != 0 && x.r.Body != nil && x.r.Body != http.NoBody {
		sent = &patient{ReadCloser: x.counted(x.r.Body), client: http.NewResponseController(x.w.ResponseWriter), stall: x.proxy.stall}
		body = unpurposed{x.looked(sent), x.r}
	}
	withoutPurpose(x.r.Trailer)
	out := x.outgoing(x.r.Context(), to, body, x.r.ContentLength)
	out.Trailer = x.r.Trailer // the server fills it in when the body ends
	protocol := upgrade(x.r)
	if protocol != "" {
		out.Header["Connection"], out.Header["Upgrade"] = []string{"Upgrade"}, []string{protocol}
	}
	if wantsTrailers(x.r.Header) {
		out.Header["Te"] = []string{"trailers"}
	}
	res, err := x.roundTrip(out)
	switch {
	case errors.Is(err, errOverrides):
		x.refuse(decide.NotCanonical)
		return
	case err != nil && sent != nil && sent.lost.Load():
		x.unreachable(errBodyLost)
		return
	case err != nil:
		x.unreachable(err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode == http.StatusSwitchingProtocols {
		x.switched(res, protocol)
		return
	}
	x.unchanged(res)
	x.w.WriteHeader(res.StatusCode)
	x.stream(res)
}

func wantsTrailers(h http.Header) bool {
	for _, line := range h["Te"] {
		if strings.Contains(strings.ToLower(line), "trailers") {
			return true
		}
	}
	return false
}

// unchanged copies an answer's headers, and announces its trailers.
func (x *exchange) unchanged(res *http.Response) {
	h := x.w.Header()
	for name, values := range res.Header {
		if !hopByHop[name] {
			h[name] = values
		}
	}
	for _, line := range res.Header["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			delete(h, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	if _, there := h["Content-Type"]; !there {
		h["Content-Type"] = nil // none was sent, so none is guessed
	}
	delete(h, "Alt-Svc") // other ways to the service do not lead through here
	for name := range res.Trailer {
		h["Trailer"] = append(h["Trailer"], name)
	}
}

// Unreachable is an error of Proxy.Dial that the caller is told: why a service cannot be reached, and what to do.
type Unreachable struct{ Sentence string }

// Error implements error.
func (u *Unreachable) Error() string { return u.Sentence }

// unreachable answers for a service that cannot be reached or does not answer in time. It is no denial. Other errors than Unreachable
// tell of addresses, and stay here.
func (x *exchange) unreachable(err error) {
	x.proxy.Metrics.upstreamFailed()
	x.unanswered()
	status, detail := http.StatusBadGateway, "The service did not answer."
	var told *Unreachable
	var late net.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		detail = x.notVerified(certificate.Err)
	case errors.As(err, &told):
		detail = told.Sentence
	case errors.Is(err, errBodyLost):
		status, detail = http.StatusRequestTimeout, "The request's body did not come."
	case errors.Is(err, errStalled), errors.As(err, &late) && late.Timeout():
		status, detail = http.StatusGatewayTimeout, "The service did not answer in time."
	}
	body, err := json.Marshal(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail})
	if err != nil {
		body = nil
	}
	x.w.Header().Set("Content-Type", "application/problem+json")
	x.w.WriteHeader(status)
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

// send sends a body, or none, to the service. Group tells apart requests into which one was split; it is empty for a whole one. A body
// goes out with its length and without trailers, which nobody decided about.
func (x *exchange) send(ctx context.Context, body []byte, group string) (*http.Response, error) {
	var reader io.ReadCloser
	length := int64(len(body))
	switch {
	case body != nil:
		reader = io.NopCloser(bytes.NewReader(body))
	case x.observing() && x.r.ContentLength != 0 && x.r.Body != nil:
		reader, length = x.r.Body, x.r.ContentLength // one that was not read, or only in part
	}
	out := x.outgoing(ctx, x.upstream(), reader, length)
	x.introduce(out)
	if x.observing() {
		if len(x.r.Trailer) > 0 && reader != nil {
			withoutPurpose(x.r.Trailer)
			out.Trailer, out.ContentLength = x.r.Trailer, -1
			out.Body = unpurposed{reader, x.r}
		}
	} else {
		asWhole(out.Header)
	}
	if group != "" {
		ownKey(out.Header, group)
	}
	if body != nil && !keyed(out.Header) && out.URL.Scheme == "http" {
		// A connection that turns out to be closed before anything was written is replaced. With a key, or over HTTP/2, the transport
		// would repeat what was written, too; whether to repeat is for the application to say.
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	return x.roundTrip(out)
}

func keyed(h http.Header) bool {
	return len(h["Idempotency-Key"]) > 0 || len(h["X-Idempotency-Key"]) > 0
}
