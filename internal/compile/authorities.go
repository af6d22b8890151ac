package compile

import (
	"strings"

	"github.com/optup/optup/internal/ir"
)

// authorities checks what the service's certificate is to be verified with. A service that cannot be verified stays governed, and
// nothing is sent to it: without endpoints every request is denied.
func (c *compiler) authorities(s *service) {
	if s.Authorities == "" {
		return
	}
	s.Authorities = strings.TrimSpace(s.Authorities) + "\n"
	if _, err := ir.ParseAuthorities(s.Authorities); err != nil {
		c.findings.error(s.ref(), "spec.authorities", InvalidAuthorities, "The service cannot be verified, so every request to it is denied (%v). Give the authorities' certificates in PEM.", err)
		s.Authorities, s.Endpoints = "", nil
		return
	}
	for _, p := range s.Ports {
		if p.Intercept || p.TLSPort != 0 {
			return
		}
	}
	c.findings.warn(s.ref(), "spec.authorities", AuthoritiesWithoutTLS, "The sidecar speaks TLS to none of the ports, so there is nothing to verify. Take tls mode Intercept or Originate, or remove the authorities.")
}
