package ir

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// MaxAuthoritiesBytes bounds the authorities of one service.
const MaxAuthoritiesBytes = 16 << 10

// ParseAuthorities reads certificates of authorities. Comments may stand between them. Every other block is an error, a
// private key first of all: what is left out might be what the service is meant to be verified with.
func ParseAuthorities(text string) ([]*x509.Certificate, error) {
	if len(text) > MaxAuthoritiesBytes {
		return nil, fmt.Errorf("the authorities have %d bytes, at most %d; leave out those that the service does not need", len(text), MaxAuthoritiesBytes)
	}
	var out []*x509.Certificate
	for rest := []byte(text); ; {
		block, after := pem.Decode(rest)
		switch {
		case block == nil && len(out) == 0:
			return nil, errors.New("the authorities hold no certificate")
		case block == nil && len(out) != strings.Count(text, "-----BEGIN "):
			return nil, errors.New("the authorities hold something that is no whole PEM block; list certificates only")
		case block == nil:
			return out, nil
		case block.Type != "CERTIFICATE":
			return nil, fmt.Errorf("the authorities hold a %s; list certificates only", strings.ToLower(block.Type))
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("the authorities hold a certificate that cannot be read: %w", err)
		}
		if !c.IsCA || !c.BasicConstraintsValid {
			return nil, fmt.Errorf("the authorities hold %q, which is no authority; list the one that signed it", c.Subject)
		}
		out, rest = append(out, c), after
	}
}

// encryption checks what a service says about TLS.
func (v *validator) encryption(s *Service) {
	for _, p := range s.Ports {
		v.check(!p.Intercept || p.Protocol == "HTTPS", "service %q: port %d is intercepted and speaks %s, not HTTPS", s.Name, p.Port, p.Protocol)
		v.check(!p.Intercept || p.TLSPort == 0, "service %q: port %d has a TLS port and is intercepted", s.Name, p.Port)
	}
	if s.Authorities != "" {
		_, err := ParseAuthorities(s.Authorities)
		v.check(err == nil, "service %q: %v", s.Name, err)
	}
}
