// Command reverseproxy is the plainest sound proxy that Go has: httputil.ReverseProxy with pooled buffers and kept connections. It is
// a peer for the benchmarks, and links nothing else.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on")
	to := flag.String("to", "http://127.0.0.1:8081", "URL of the service")
	certificate := flag.String("certificate", "", "file with the certificate to serve TLS with, and the key; plain without it")
	roots := flag.String("roots", "", "file with the authorities of the service")
	flag.Parse()
	if err := serve(*listen, *to, *certificate, *roots); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(listen, to, certificate, roots string) error {
	target, err := url.Parse(to)
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:  &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second, DisableCompression: true},
		BufferPool: &buffers{},
	}
	server := &http.Server{Addr: listen, Handler: proxy, ReadHeaderTimeout: 30 * time.Second}
	if certificate == "" {
		return server.ListenAndServe()
	}
	// As towards the application, so towards the service: TLS, HTTP/2 where it is offered, sessions that resume.
	pem, err := os.ReadFile(roots)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	proxy.Transport = &http.Transport{
		MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second, DisableCompression: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
	}
	return server.ListenAndServeTLS(certificate, certificate)
}

// buffers of the size that ReverseProxy would make for each request.
type buffers struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, 32<<10)
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(buf []byte) { b.pool.Put(&buf) }
