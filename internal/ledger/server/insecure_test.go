package server_test

import (
	"crypto/tls"
	"net/http"
)

// insecure takes the certificates that tests make.
var insecure = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // a server of the test
