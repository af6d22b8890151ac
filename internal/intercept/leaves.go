package intercept

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ErrNoLeaf reports a host for which there is no certificate, or none that is valid.
var ErrNoLeaf = errors.New("there is no valid certificate for this host")

// Source gives the certificate to show for a host. Implementations are safe for concurrent use and never wait for anybody.
type Source interface {
	Leaf(host string) (*tls.Certificate, error)
}

// Leaves are what a manager signed for the key of this process, which is made here, stays in memory, and is replaced by a new one in
// each process.
type Leaves struct {
	key    *ecdsa.PrivateKey
	public []byte
	byHost atomic.Pointer[map[string]*tls.Certificate]
	now    func() time.Time
}

// NewLeaves makes a key. There are no leaves before the first Take.
func NewLeaves() (*Leaves, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	return &Leaves{key: key, public: public, now: time.Now}, nil
}

// PublicKey gives the key to sign, in DER (PKIX).
func (l *Leaves) PublicKey() []byte { return l.public }

// Take replaces all leaves (DER). One that is for another key, or for other names than one host, refuses them all, and those before stay.
func (l *Leaves) Take(leaves [][]byte) error {
	byHost := make(map[string]*tls.Certificate, len(leaves))
	for _, der := range leaves {
		c, err := x509.ParseCertificate(der)
		switch {
		case err != nil:
			return fmt.Errorf("a certificate for interception cannot be read: %w", err)
		case !l.key.PublicKey.Equal(c.PublicKey):
			return errors.New("a certificate for interception is for another key")
		case len(c.DNSNames) != 1 || !Interceptable(c.DNSNames[0]):
			return errors.New("a certificate for interception is not for one host")
		}
		byHost[c.DNSNames[0]] = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: l.key, Leaf: c}
	}
	l.byHost.Store(&byHost)
	return nil
}

// Leaf implements Source.
func (l *Leaves) Leaf(host string) (*tls.Certificate, error) {
	if all := l.byHost.Load(); all != nil {
		if c := (*all)[host]; c != nil && l.now().Before(c.Leaf.NotAfter) {
			return c, nil
		}
	}
	return nil, ErrNoLeaf
}

// Expire tells when the first of the leaves ends; the zero time if there are none.
func (l *Leaves) Expire() (first time.Time) {
	all := l.byHost.Load()
	if all == nil {
		return first
	}
	for _, c := range *all {
		if first.IsZero() || c.Leaf.NotAfter.Before(first) {
			first = c.Leaf.NotAfter
		}
	}
	return first
}

// Local signs leaves itself, for a sidecar that runs alone. It keeps one for each host that it is asked for, so ask for declared ones only.
type Local struct {
	authority *Authority
	key       *ecdsa.PrivateKey
	mu        sync.Mutex
	byHost    map[string]*tls.Certificate
	now       func() time.Time
}

// NewLocal makes a key and signs with an authority.
func NewLocal(a *Authority) (*Local, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return &Local{authority: a, key: key, byHost: map[string]*tls.Certificate{}, now: time.Now}, nil
}

// Leaf implements Source. A leaf is renewed when a third of its life is left.
func (l *Local) Leaf(host string) (*tls.Certificate, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if !now.Before(l.authority.Certificate.NotAfter) {
		return nil, ErrNoLeaf
	}
	if c := l.byHost[host]; c != nil && (now.Add(LeafLife/3).Before(c.Leaf.NotAfter) || c.Leaf.NotAfter.Equal(l.authority.Certificate.NotAfter)) {
		return c, nil
	}
	der, err := l.authority.Leaf(host, l.key.Public(), now)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoLeaf, err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	l.byHost[host] = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: l.key, Leaf: c}
	return l.byHost[host], nil
}
