package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
)

// isDev tells whether a request shows the development token on a connection that cannot have come from another machine. That
// the listener is on loopback is checked here again, on the connection itself, whatever the flags say.
func (g *Guard) isDev(r *http.Request, token string) bool {
	if g.DevToken == "" || !local(r) {
		return false
	}
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], g.devSum[:]) == 1
}

func local(r *http.Request) bool {
	own, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && Loopback(own.String()) && Loopback(r.RemoteAddr)
}

// Loopback tells whether an address ("127.0.0.1:8443", "[::1]:8443", "localhost:8443") can be reached from this machine only.
func Loopback(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
