package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/peer"
)

// The messages of internal/distribute/configv1 in their JSON form, which the manager's server takes as well as the binary one. Spoken like
// this they need no protobuf, which every sidecar would keep in memory. The tests of internal/distribute/server hold them against the
// real server.
type (
	watchRequest struct {
		Version    string `json:"version,omitempty"`
		Schema     int    `json:"schema,omitempty"`
		Generation int64  `json:"generation,string"`
		Hash       string `json:"hash,omitempty"`
		// IdentityKey is the public key of this stream.
		IdentityKey []byte `json:"identityKey,omitempty"`
		// InterceptionKey is the public key to end TLS with, and InterceptionAuthorities what applications trust.
		InterceptionKey         []byte   `json:"interceptionKey,omitempty"`
		InterceptionAuthorities []string `json:"interceptionAuthorities,omitempty"`
	}
	watchResponse struct {
		Generation         int64         `json:"generation,string"`
		Hash               string        `json:"hash"`
		Bundle             []byte        `json:"bundle"`
		LedgerGrant        string        `json:"ledgerGrant"`
		LedgerGrantExpires time.Time     `json:"ledgerGrantExpires"`
		Heartbeat          bool          `json:"heartbeat"`
		Credentials        []value       `json:"credentials"`
		Identity           *identityWire `json:"identity"`
		// Interception is nil where nothing of it changed.
		Interception *Interception `json:"interception"`
		Pods         []podsWire    `json:"pods"`
	}
	value struct {
		Service string            `json:"service"`
		ID      string            `json:"id"`
		Value   credential.Secret `json:"value"`
	}
	identityWire struct {
		Certificates [][]byte `json:"certificates"`
		Authorities  string   `json:"authorities"`
		TokenIssuer  string   `json:"tokenIssuer"`
		TokenKeys    []byte   `json:"tokenKeys"`
	}
	acknowledgeRequest struct {
		Generation int64  `json:"generation,string"`
		Hash       string `json:"hash,omitempty"`
		Accepted   bool   `json:"accepted"`
		Error      string `json:"error,omitempty"`
		Version    string `json:"version,omitempty"`
		// UntrustingHosts are those whose applications do not accept our certificate.
		UntrustingHosts []string `json:"untrustingHosts,omitempty"`
		// Callers are who called the services that are provided here.
		Callers []peer.Observed `json:"callers,omitempty"`
	}
	// failure is how the protocol tells of errors.
	failure struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
)

func (f *failure) Error() string { return fmt.Sprintf("%s: %.500s", f.Code, f.Message) }

const (
	servicePath = "/optup.config.v1.ConfigService/"
	// Flags of a message in a stream of the Connect protocol (https://connectrpc.com/docs/protocol).
	flagCompressed = 1
	flagEnd        = 2
	prefixBytes    = 5
)

var errTooLong = errors.New("the manager sent a message that is longer than any bundle")

// post sends one message. It gives the answer only if it is one of the protocol.
func (c *connection) post(ctx context.Context, method, kind string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.manager, "/")+servicePath+method, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Connect-Protocol-Version", "1")
	res, err := c.client.Do(r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK && res.Header.Get("Content-Type") == kind {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	f := &failure{}
	if json.Unmarshal(text, f) != nil || f.Code == "" {
		return nil, fmt.Errorf("the manager answers %s", res.Status)
	}
	return nil, f
}

// acknowledge tells what became of a bundle.
func (c *connection) acknowledge(ctx context.Context, m acknowledgeRequest) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	res, err := c.post(ctx, "Acknowledge", "application/json", body)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 4<<10)) // an empty message
	return res.Body.Close()
}

// watch opens the stream of bundles.
func (c *connection) watch(ctx context.Context, m watchRequest) (*stream, error) {
	message, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	body := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))                 //nolint:gosec // a few hundred bytes
	res, err := c.post(ctx, "Watch", "application/connect+json", append(body, message...)) //nolint:bodyclose // the stream does
	if err != nil {
		return nil, err
	}
	return &stream{res.Body}, nil
}

// stream are messages of the manager, each after its length.
type stream struct{ body io.ReadCloser }

func (s *stream) close() { _ = s.body.Close() }

// next gives the next message. It fails with io.EOF where the manager ended the stream in order, and otherwise where it ended.
func (s *stream) next() (m watchResponse, err error) {
	var prefix [prefixBytes]byte
	if _, err := io.ReadFull(s.body, prefix[:]); err != nil {
		return m, broken(err)
	}
	n := binary.BigEndian.Uint32(prefix[1:])
	if n > maxMessage {
		return m, errTooLong
	}
	message := make([]byte, n)
	if _, err := io.ReadFull(s.body, message); err != nil {
		return m, broken(err)
	}
	switch prefix[0] {
	case 0:
		return m, json.Unmarshal(message, &m)
	case flagEnd:
		return m, ended(message)
	case flagCompressed, flagCompressed | flagEnd:
		return m, errors.New("the manager sent a compressed message, which nobody asked for")
	default:
		return m, fmt.Errorf("the manager sent a message with the flags %d", prefix[0])
	}
}

func ended(message []byte) error {
	var end struct {
		Error *failure `json:"error"`
	}
	if err := json.Unmarshal(message, &end); err != nil {
		return err
	}
	if end.Error != nil {
		return end.Error
	}
	return io.EOF
}

// broken tells a stream that broke off from one that was ended.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
