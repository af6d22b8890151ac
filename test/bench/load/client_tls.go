package load

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// connector gives what opens connections for an order: plain ones, or such over TLS that resume each other's sessions.
func (o order) connector() (func() (net.Conn, error), error) {
	if o.Roots == "" {
		return func() (net.Conn, error) { return net.Dial("tcp", o.Address) }, nil
	}
	pem, err := os.ReadFile(o.Roots)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		RootCAs: x509.NewCertPool(), ServerName: serviceHost, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no authority", o.Roots)
	}
	return func() (net.Conn, error) { return tls.Dial("tcp", o.Address, config) }, nil
}

// fresh sends each request over a connection of its own.
func (o order) fresh() (told, error) {
	var t told
	connect, err := o.connector()
	if err != nil {
		return t, err
	}
	for _, request := range o.requests() {
		from := time.Now()
		resumed, err := once(connect, request)
		if err != nil {
			return t, err
		}
		t.Latencies = append(t.Latencies, time.Since(from).Nanoseconds())
		if resumed {
			t.Resumed++
		}
	}
	return t, nil
}

func once(connect func() (net.Conn, error), request []byte) (resumed bool, err error) {
	c, err := connect()
	if err != nil {
		return false, err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Write(request); err != nil {
		return false, err
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false, err
	}
	n, err := io.Copy(io.Discard, res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || n < bodySize/2) {
		err = fmt.Errorf("an answer with status %d and %d bytes", res.StatusCode, n)
	}
	x, ok := c.(*tls.Conn)
	return ok && x.ConnectionState().DidResume, err
}
