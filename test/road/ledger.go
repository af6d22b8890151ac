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

// Ledger is a way to a ledger in the namespace consent, as the service account that may write to it.
type Ledger struct {
	host  string
	http  *http.Client
	token string
	stop  chan struct{}
}

// OpenLedger is OpenLedgerOf the shop's ledger, main.
func (r *Road) OpenLedger(ctx context.Context) (*Ledger, error) { return r.OpenLedgerOf(ctx, "main") }

// OpenLedgerOf forwards a port to the ledger of a name and asks for a token.
func (r *Road) OpenLedgerOf(ctx context.Context, name string) (*Ledger, error) {
	var pod *corev1.Pod
	err := r.Until(ctx, time.Minute, "a replica of the ledger is ready", func(ctx context.Context) (bool, error) {
		p, err := r.Pod(ctx, "consent", map[string]string{"consent.optup.dev/ledger": name})
		pod = p
		return err == nil && ready(p), err
	})
	if err != nil {
		return nil, err
	}
	port, stop, err := r.Forward(pod, 0, 8443)
	if err != nil {
		return nil, err
	}
	l, err := r.ledgerAt(ctx, name, fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		close(stop)
		return nil, err
	}
	l.stop = stop
	return l, nil
}

// DialLedger goes to the ledger by its Service, as a workload does. It needs a cluster on this machine.
func (r *Road) DialLedger(ctx context.Context) (*Ledger, error) {
	var s corev1.Service
	if err := r.Client.Get(ctx, types.NamespacedName{Namespace: "consent", Name: "main-ledger"}, &s); err != nil {
		return nil, err
	}
	return r.ledgerAt(ctx, "main", net.JoinHostPort(s.Spec.ClusterIP, "8443"))
}

func (r *Road) ledgerAt(ctx context.Context, name, addr string) (*Ledger, error) {
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
	return &Ledger{host: name + "-ledger.consent.svc", token: t.Status.Token, stop: make(chan struct{}), http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
	}}}, nil
}

// Forward forwards a port of this machine, 0 for any that is free, to a port of a pod, until the channel is closed.
func (r *Road) Forward(p *corev1.Pod, local uint16, port int) (uint16, chan struct{}, error) {
	transport, upgrader, err := spdy.RoundTripperFor(r.Config)
	if err != nil {
		return 0, nil, err
	}
	url := r.Set.CoreV1().RESTClient().Post().Namespace(p.Namespace).Resource("pods").Name(p.Name).SubResource("portforward").URL()
	stop, ready := make(chan struct{}), make(chan struct{})
	f, err := portforward.New(spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url), []string{fmt.Sprintf("%d:%d", local, port)}, stop, ready, io.Discard, io.Discard)
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
	err := l.post(ctx, "/v1/imports", "text/csv", "", csv, &report)
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
	return l.AppendOnce(ctx, "", address, e)
}

// AppendOnce appends one event, once however often it is sent with the same key; an empty key is none.
func (l *Ledger) AppendOnce(ctx context.Context, key, address string, e consent.Event) (Appended, error) {
	body, err := json.Marshal(map[string]any{
		"identifiers": []map[string]string{{"type": "email", "form": "Plain", "value": address}}, "event": e,
	})
	if err != nil {
		return Appended{}, err
	}
	var out Appended
	err = l.post(ctx, "/v1/events", "application/json", key, body, &out)
	out.Acknowledged = time.Now()
	return out, err
}

// Head is the position of the newest event.
func (l *Ledger) Head(ctx context.Context) (uint64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+l.host+":8443/v1/head", nil)
	if err != nil {
		return 0, err
	}
	var head struct {
		Position uint64 `json:"position"`
	}
	err = l.do(req, &head)
	return head.Position, err
}

func (l *Ledger) post(ctx context.Context, path, kind, key string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+l.host+":8443"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	return l.do(req, into)
}

func (l *Ledger) do(req *http.Request, into any) error {
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
