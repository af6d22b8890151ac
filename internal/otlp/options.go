package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/optup/optup/internal/roots"
)

const (
	tracesPath     = "/v1/traces"
	defaultTimeout = 10 * time.Second
)

// Configured tells whether the variables of OpenTelemetry name a receiver of traces.
func Configured() bool { return variable("ENDPOINT") != "" }

// variable reads one of OpenTelemetry's variables for exporters: the one for traces, or else the one for everything.
func variable(name string) string {
	if v := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_" + name); v != "" {
		return v
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_" + name)
}

// newExporter makes an exporter to a URL, or to what the variables name if it is empty. They also give headers, timeout (in
// milliseconds), authorities (CERTIFICATE) and a certificate of our own (CLIENT_CERTIFICATE, CLIENT_KEY).
func newExporter(endpoint string, about map[string]string) (*exporter, error) {
	e := &exporter{timeout: defaultTimeout}
	attributes, err := pairs("OTEL_RESOURCE_ATTRIBUTES", os.Getenv("OTEL_RESOURCE_ATTRIBUTES"))
	if err != nil {
		return nil, err
	}
	maps.Copy(attributes, about)
	for _, k := range slices.Sorted(maps.Keys(attributes)) {
		v := attributes[k]
		e.about = append(e.about, keyValue{k, value{String: &v}})
	}
	if e.url, err = receiver(endpoint); err != nil {
		return nil, err
	}
	if p := variable("PROTOCOL"); p == "grpc" {
		return nil, errors.New("traces are sent by OTLP over HTTP only: set OTEL_EXPORTER_OTLP_PROTOCOL to http/json, and the endpoint to the receiver's HTTP port (4318)")
	}
	if e.headers, err = pairs("OTEL_EXPORTER_OTLP_HEADERS", variable("HEADERS")); err != nil {
		return nil, err
	}
	if v := variable("TIMEOUT"); v != "" {
		ms, err := strconv.ParseUint(v, 10, 31)
		if err != nil || ms == 0 {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_TIMEOUT %q: write a number of milliseconds", v)
		}
		e.timeout = time.Duration(ms) * time.Millisecond
	}
	if strings.HasPrefix(e.url, "https:") {
		roots.Ready()
	}
	secure, err := secured()
	if err != nil {
		return nil, err
	}
	e.client = &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: defaultTimeout, MaxIdleConns: 1, IdleConnTimeout: 90 * time.Second,
		},
		// The headers may hold a token, which a redirect would carry to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return e, nil
}

// receiver is the URL that spans are sent to. One that is given, or named for traces alone, counts as it is; the one for everything is
// what OTLP's path follows. A given one without a path gets it, too.
func receiver(endpoint string) (string, error) {
	base := false
	if endpoint == "" {
		if endpoint = os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"); endpoint == "" {
			endpoint, base = os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), true
		}
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", errors.New("the receiver of traces needs an http or https URL, for example http://collector.observability:4318")
	}
	if base || u.Path == "" {
		u.Path = strings.TrimSuffix(u.Path, "/") + tracesPath
	}
	return u.String(), nil
}

// pairs reads a variable with name=value pairs and commas between; values are escaped as in URLs.
func pairs(variable, text string) (map[string]string, error) {
	out := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		plain, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil || strings.TrimSpace(name) == "" {
			// The text may hold a token and is not repeated.
			return nil, errors.New(variable + ": write name=value, with commas between")
		}
		out[strings.TrimSpace(name)] = plain
	}
	return out, nil
}

// secured is how TLS is spoken; the system's authorities count where none are named.
func secured() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if file := variable("CERTIFICATE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %s holds no certificate in PEM", file)
		}
	}
	if file := variable("CLIENT_CERTIFICATE"); file != "" {
		own, err := tls.LoadX509KeyPair(file, variable("CLIENT_KEY"))
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}
