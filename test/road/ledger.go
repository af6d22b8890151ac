package road

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"

	"github.com/optup/optup/internal/consent"
)

// Ledger is a way to the ledger consent/main, as the service account that may write to it.
type Ledger struct {
	http  *http.Client
	token string
	stop  chan struct{}
}

// OpenLedger forwards a port to the ledger and asks for a token.
func (r *Road) OpenLedger(ctx context.Context) (*Ledger, error) {
	var pod *corev1.Pod
	err := r.Until(ctx, time.Minute, "a replica of the ledger is ready", func(ctx context.Context) (bool, error) {
		p, err := r.Pod(ctx, "consent", map[string]string{"consent.optup.dev/ledger": "main"})
		pod = p
		return err == nil && ready(p), err
	})
	if err != nil {
		return nil, err
	}
	port, stop, err := r.forward(pod, 8443)
	if err != nil {
		return nil, err
	}
	var trust corev1.ConfigMap
	if err := r.Client.Get(ctx, types.NamespacedName{Namespace: "consent", Name: "optup-trust"}, &trust); err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(trust.Data["ca.crt"])) {
		return nil, errors.New("the ConfigMap optup-trust holds no authority")
	}
	seconds := int64(3600)
	t, err := r.Set.CoreV1().ServiceAccounts("consent").CreateToken(ctx, "importer", &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: []string{"optup-ledger"}, ExpirationSeconds: &seconds},
	}, createOptions)
	if err != nil {
		return nil, err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	return &Ledger{token: t.Status.Token, stop: stop, http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
	}}}, nil
}

func (r *Road) forward(p *corev1.Pod, port int) (uint16, chan struct{}, error) {
	transport, upgrader, err := spdy.RoundTripperFor(r.Config)
	if err != nil {
		return 0, nil, err
	}
	url := r.Set.CoreV1().RESTClient().Post().Namespace(p.Namespace).Resource("pods").Name(p.Name).SubResource("portforward").URL()
	stop, ready := make(chan struct{}), make(chan struct{})
	f, err := portforward.New(spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url), []string{fmt.Sprintf("0:%d", port)}, stop, ready, io.Discard, io.Discard)
	if err != nil {
		return 0, nil, err
	}
	failed := make(chan error, 1)
	go func() { failed <- f.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-failed:
		return 0, nil, errors.Join(errors.New("the port could not be forwarded"), err)
	case <-time.After(20 * time.Second):
		close(stop)
		return 0, nil, errors.New("the port could not be forwarded in time")
	}
	ports, err := f.GetPorts()
	if err != nil {
		return 0, nil, err
	}
	return ports[0].Local, stop, nil
}

// Close ends the forwarding.
func (l *Ledger) Close() { close(l.stop) }

// Import imports a CSV of consents, and gives the ledger's report.
func (l *Ledger) Import(ctx context.Context, csv []byte) (map[string]any, error) {
	var report map[string]any
	err := l.post(ctx, "/v1/imports", "text/csv", csv, &report)
	return report, err
}

// Appended is what the ledger acknowledged.
type Appended struct {
	Position uint64    `json:"position"`
	At       time.Time `json:"at"`
	// Acknowledged is when the acknowledgement arrived here.
	Acknowledged time.Time `json:"-"`
}

// Append appends one event about the person with an address.
func (l *Ledger) Append(ctx context.Context, address string, e consent.Event) (Appended, error) {
	body, err := json.Marshal(map[string]any{
		"identifiers": []map[string]string{{"type": "email", "form": "Plain", "value": address}}, "event": e,
	})
	if err != nil {
		return Appended{}, err
	}
	var out Appended
	err = l.post(ctx, "/v1/events", "application/json", body, &out)
	out.Acknowledged = time.Now()
	return out, err
}

func (l *Ledger) post(ctx context.Context, path, kind string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://main-ledger.consent.svc:8443"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Authorization", "Bearer "+l.token)
	res, err := l.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("the ledger answered %s: %s", res.Status, data)
	}
	return json.Unmarshal(data, into)
}
