package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/spf13/pflag"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/confirm"
	"github.com/optup/optup/internal/ledger/server"
)

// pagesFlags are those of what people reach. They get a listener of their own: whoever routes the Internet to the pages need not route it
// to the API, and NetworkPolicies and ingresses tell the two apart by the port.
type pagesFlags struct {
	listen, publicURL string
	proxies           []string
}

func (f *pagesFlags) add(v *pflag.FlagSet) {
	v.StringVar(&f.listen, "pages", "", "address of the pages for people, for example :8444; empty for none")
	v.StringVar(&f.publicURL, "public-url", "", "address under which people reach the pages, for example https://consent.example; mailed links begin with it")
	v.StringSliceVar(&f.proxies, "pages-proxies", nil, "networks (CIDR) of the proxies in front of the pages, whose X-Forwarded-For counts")
}

// check refuses what would let people's answers and cookies travel in the clear.
func (f *pagesFlags) check(withTLS bool) error {
	if f.listen == "" && len(f.proxies) > 0 {
		return errors.New("--pages-proxies are in front of the pages: give --pages, too")
	}
	if f.listen == "" && f.publicURL == "" {
		return nil
	}
	base, err := f.base()
	if err != nil {
		return err
	}
	if base.Scheme != "https" && !access.Loopback(net.JoinHostPort(base.Hostname(), "0")) {
		return errors.New("--public-url has to be https: browsers keep the cookies of the pages over https only")
	}
	if f.listen != "" && !withTLS && !access.Loopback(f.listen) {
		return errors.New("--tls-cert and --tls-key are needed unless --pages is a loopback address")
	}
	_, err = f.networks()
	return err
}

func (f *pagesFlags) base() (*url.URL, error) {
	base, err := url.Parse(f.publicURL)
	if err != nil || base.Host == "" || base.Path != "" || base.RawQuery != "" || base.User != nil || (base.Scheme != "https" && base.Scheme != "http") {
		return nil, errors.New("--public-url is a scheme and a host, for example https://consent.example, and --pages needs one")
	}
	return base, nil
}

func (f *pagesFlags) networks() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range f.proxies {
		n, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, errors.New("--pages-proxies are networks such as 10.0.0.0/8")
		}
		out = append(out, n)
	}
	return out, nil
}

// server gives the server of the pages; nil for none.
func (f *pagesFlags) server(l *server.Ledger, p server.Public) (_ *http.Server, err error) {
	if f.listen == "" {
		return nil, nil
	}
	if p.Proxies, err = f.networks(); err != nil {
		return nil, err
	}
	return l.Pages(p)
}

// confirming gives what mailed links do; nil without a public address.
func (f *pagesFlags) confirming(l *server.Ledger, bundle func() *ir.Bundle) (*confirm.Service, error) {
	if f.publicURL == "" {
		return nil, nil
	}
	base, err := f.base()
	if err != nil {
		return nil, err
	}
	return l.Confirming(base, bundle)
}

// serve opens the listener of the pages, and gives what serves it until the server is shut down.
func (f *pagesFlags) serve(ctx context.Context, s *http.Server, cert *certificate) (func() error, error) {
	lc := net.ListenConfig{}
	l, err := lc.Listen(ctx, "tcp", f.listen)
	if err != nil {
		return nil, fmt.Errorf("the pages cannot listen; free the port, or give another address with --pages: %w", err)
	}
	if cert == nil {
		return func() error { return ended(s.Serve(l)) }, nil
	}
	// Mail providers that withdraw for people may be older than sidecars are.
	s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: cert.get, NextProtos: []string{"h2", "http/1.1"}}
	return func() error { return ended(s.ServeTLS(l, "", "")) }, nil
}
