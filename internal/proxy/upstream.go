package proxy

import (
	"net"
	"strconv"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/roots"
)

// upstream is where a request is sent: the declared host of the matched service, never the address that the application dialled.
type upstream struct {
	scheme, addr string
	// host is the Host header.
	host string
	// encrypted tells that the declared port takes nothing in plain.
	encrypted bool
	// authorities are those of the service (PEM); empty for the public ones.
	authorities string
}

// upstreams are those of every declared host and port.
func upstreams(x *decide.Index) map[place]upstream {
	out := map[place]upstream{}
	for i := range x.Bundle().Services {
		for _, host := range x.Bundle().Services[i].Hosts {
			for _, p := range x.Bundle().Services[i].Ports {
				at := place{host, p.Port}
				// Where several services share a host, the first that declares the port counts, as it does for endpoints.
				if _, there := out[at]; !there {
					out[at] = toward(&x.Bundle().Services[i], host, p)
				}
			}
		}
	}
	return out
}

func toward(s *ir.Service, host string, p ir.Port) upstream {
	dialled := s.Hosts[0]
	if len(s.Endpoints) == 0 {
		dialled = host // nobody said what a request to it is: what passes because nothing is enforced goes where the application wants it
	}
	u := upstream{scheme: "http", addr: net.JoinHostPort(dialled, strconv.Itoa(p.Port)), host: authority(host, p.Port), encrypted: p.Protocol != "HTTP"}
	port := p.TLSPort
	if p.Intercept {
		port = p.Port
	}
	if port != 0 {
		if s.Authorities == "" {
			roots.Ready()
		}
		u.scheme, u.addr, u.host, u.authorities = "https", net.JoinHostPort(dialled, strconv.Itoa(port)), dialled, s.Authorities
		if port != 443 {
			u.host = u.addr
		}
	}
	return u
}

// upstream is where the request goes; its host need not be declared on this port.
func (x *exchange) upstream() upstream {
	if x.arrival != nil {
		return upstream{scheme: "http", addr: x.arrival.dst.String(), host: authority(x.to.host, x.to.port)}
	}
	if u, ok := x.state.upstreams[place{x.to.host, x.to.port}]; ok {
		return u
	}
	return upstream{scheme: "http", addr: net.JoinHostPort(x.to.host, strconv.Itoa(x.to.port)), host: x.r.Host}
}
