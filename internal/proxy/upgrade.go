package proxy

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
)

var errNotSwitched = errors.New("the service switched to a protocol that nobody asked for")

// upgrade is the protocol that a request asks to go on with; empty for none. Only where nothing is enforced do such requests pass, for
// nobody can decide about what follows. An offer of a protocol that carries further requests is let go, as RFC 9110 §7.8 allows: those would
// reach the service, or the application behind a callback, without anybody looking at them.
func upgrade(r *http.Request) string {
	for _, line := range r.Header["Connection"] {
		for token := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
				protocol := r.Header.Get("Upgrade")
				for offer := range strings.SplitSeq(protocol, ",") {
					name, _, _ := strings.Cut(strings.TrimSpace(offer), "/")
					if carrying[strings.ToLower(name)] {
						return ""
					}
				}
				return protocol
			}
		}
	}
	return ""
}

// carrying are protocols that carry requests: HTTP/2, by both of its names, other versions, and TLS (RFC 2817), with anything in it.
var carrying = set("h2c", "h2", "http", "tls")

// switched goes on with another protocol, byte for byte, until both sides are done.
func (x *exchange) switched(res *http.Response, protocol string) {
	server, ok := res.Body.(io.ReadWriteCloser)
	if !ok || protocol == "" {
		x.unreachable(errNotSwitched)
		return
	}
	client, buffered, err := http.NewResponseController(x.w.ResponseWriter).Hijack()
	if err != nil {
		x.unreachable(err)
		return
	}
	x.w.written = true
	defer func() { _ = client.Close() }()
	res.Body = nil
	if err := res.Write(buffered); err != nil || buffered.Flush() != nil {
		_ = server.Close()
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(server, buffered)
		_ = server.Close()
	})
	wg.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	wg.Wait()
}
