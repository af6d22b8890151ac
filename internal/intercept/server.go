package intercept

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
)

// ServerConfig is how applications are answered: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, the latter also where a client names neither.
// Sessions are resumed by tickets, whose keys the standard library makes, keeps in memory and replaces each day; for that the config
// has to be the same for all connections.
func ServerConfig(source Source) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return source.Leaf(strings.ToLower(h.ServerName))
		},
	}
}

// Distrust is how an application shows that it does not accept our certificate.
type Distrust string

// Ways to show it.
const (
	// DistrustAlert is an alert that says so.
	DistrustAlert Distrust = "alert"
	// DistrustHangup is the end of the connection right after the certificate, or before the first request. It may have other reasons.
	DistrustHangup Distrust = "hangup"
)

// distrustful are bad_certificate, unsupported_certificate, certificate_revoked, certificate_expired, certificate_unknown and unknown_ca
// (RFC 8446 §6.2).
var distrustful = []tls.AlertError{42, 43, 44, 45, 46, 48}

// Distrusts tells whether a handshake failed because the client did not accept our certificate.
func Distrusts(err error) (Distrust, bool) {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		// The standard library keeps the type of these alerts to itself, but not their texts.
		for _, alert := range distrustful {
			if op.Err.Error() == alert.Error() {
				return DistrustAlert, true
			}
		}
		return "", false
	}
	gone := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	return DistrustHangup, gone
}
