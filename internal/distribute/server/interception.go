package server

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/optup/optup/internal/distribute/configv1"
	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/ir"
)

// Interceptor has the authorities that applications of governed namespaces trust. Implementations are safe for concurrent use.
type Interceptor interface {
	// Version changes whenever the authorities of a namespace do. It is empty while there are none.
	Version(ctx context.Context, namespace string) string
	// Sign gives the authorities of a namespace, newest first, and a leaf for each host, all in DER. Trusted are the ids of the authorities
	// that the applications in question trust. It fails with intercept.ErrNoLeaf while no authority is for one of the hosts.
	Sign(ctx context.Context, namespace string, hosts []string, key crypto.PublicKey, trusted []string) (authorities, leaves [][]byte, err error)
}

// interceptionRetry is how soon it is tried again where an authority is not there yet, because a pod waits for it.
const interceptionRetry = time.Second

// intercepted is what one stream was sent for interception.
type intercepted struct {
	key     crypto.PublicKey
	trusted []string
	// hash is that of the bundle that the hosts are of.
	hash    string
	hosts   []string
	version string
	renew   time.Time
	// sent tells that the caller has leaves, and missing that it waits for some.
	sent, missing bool
}

func newIntercepted(req *configv1.WatchRequest) (intercepted, error) {
	out := intercepted{trusted: req.GetInterceptionAuthorities()}
	if len(req.GetInterceptionKey()) == 0 {
		return out, nil
	}
	key, err := x509.ParsePKIXPublicKey(req.GetInterceptionKey())
	if err != nil {
		return out, errors.New("the key for interception cannot be read")
	}
	if k, ok := key.(*ecdsa.PublicKey); !ok || k.Curve != elliptic.P256() {
		return out, errors.New("the key for interception has to be one of ECDSA on P-256")
	}
	out.key = key
	return out, nil
}

// addInterception adds leaves where the bundle needs others than the caller has. Until there is one for each host nothing is sent: what
// the caller has counts as long as it is valid.
func (w *watch) addInterception(ctx context.Context, m *configv1.WatchResponse, p Published) error {
	x := &w.intercepted
	if w.s.Interceptor == nil || x.key == nil {
		return nil
	}
	if x.hash != p.Hash {
		b, err := ir.Decode(p.Bundle)
		if err != nil {
			return fmt.Errorf("the published bundle cannot be read: %w", err)
		}
		x.hash, x.hosts, x.renew = p.Hash, intercept.Hosts(b), time.Time{}
	}
	x.missing = false
	if len(x.hosts) == 0 {
		if x.sent {
			m.Interception, x.sent = &configv1.Interception{}, false
		}
		return nil
	}
	version, now := w.s.Interceptor.Version(ctx, w.caller.Namespace), w.s.Now()
	if version == x.version && now.Before(x.renew) {
		return nil
	}
	authorities, leaves, err := w.s.Interceptor.Sign(ctx, w.caller.Namespace, x.hosts, x.key, x.trusted)
	if err != nil {
		x.missing = true
		if errors.Is(err, intercept.ErrNoLeaf) {
			return nil
		}
		return fmt.Errorf("certificates for interception could not be signed: %w", err)
	}
	if len(x.trusted) == 0 {
		// Applications start with these, and read no others later.
		for _, der := range authorities {
			x.trusted = append(x.trusted, intercept.ID(der))
		}
	}
	m.Interception = &configv1.Interception{Authorities: authorities, Leaves: leaves}
	x.version, x.renew, x.sent = version, now.Add(intercept.LeafLife/2), true
	return nil
}
