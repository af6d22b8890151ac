// Command vendor is a mail provider of the end-to-end tests. It speaks the part of SendGrid's published API that the tests' clients
// use, over https with certificates that it is given, checks API keys, answers errors as the provider does, and keeps what arrived.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", ":8443", "address of the API, with TLS")
	admin := flag.String("admin", ":8081", "address of the admin pages")
	quic := flag.String("quic", ":8443", "address of QUIC, of which no version is spoken")
	folder := flag.String("certificates", "/etc/vendor", "folder with right.crt and right.key, and more pairs to change to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *admin, *quic, *folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, listen, admin, quic, folder string) error {
	certificate := &certificates{folder: folder}
	if err := certificate.use("right"); err != nil {
		return err
	}
	v, err := newVendor()
	if err != nil {
		return err
	}
	api := &http.Server{Addr: listen, Handler: v.handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, TLSConfig: &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate.now.Load(), nil },
		// Whoever comes again shows the certificate of now, not that of an earlier session.
		SessionTicketsDisabled: true,
	}}
	pages := &http.Server{Addr: admin, Handler: v.admin(certificate), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 3)
	go func() { failed <- api.ListenAndServeTLS("", "") }()
	go func() { failed <- pages.ListenAndServe() }()
	go func() { failed <- serveQUIC(ctx, quic) }()
	select {
	case <-ctx.Done():
		return errors.Join(api.Close(), pages.Close())
	case err := <-failed:
		return err
	}
}

// certificates are the pairs of a folder, of which one is shown to clients.
type certificates struct {
	folder string
	now    atomic.Pointer[tls.Certificate]
}

func (c *certificates) use(name string) error {
	pair, err := tls.LoadX509KeyPair(filepath.Join(c.folder, name+".crt"), filepath.Join(c.folder, name+".key"))
	if err == nil {
		c.now.Store(&pair)
	}
	return err
}
