package intercept

import (
	"bytes"
	"crypto"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Authorities are those of one namespace, newest first. There are several because applications learn what to trust when they start: an
// authority that covers a new host, or follows one that ends, is trusted by pods that are made from then on, and pods that run go on
// with theirs.
type Authorities []*Authority

const (
	// renewAuthority is how long before its end an authority is followed by a new one: pods have as long to be made anew.
	renewAuthority = AuthorityLife / 2
	// maxAuthorities bounds what every handshake of every application may have to look through.
	maxAuthorities = 24
	certificateKey = ".crt"
	privateKey     = ".key"
)

// ReadAuthorities reads what Data wrote. What cannot be read is left out, and is made anew where it is needed.
func ReadAuthorities(data map[string][]byte) Authorities {
	var out Authorities
	for name, certificate := range data {
		id, ok := strings.CutSuffix(name, certificateKey)
		if !ok {
			continue
		}
		if a, err := ReadAuthority(certificate, data[id+privateKey]); err == nil {
			out = append(out, a)
		}
	}
	out.sort()
	return out
}

func (as Authorities) sort() {
	slices.SortFunc(as, func(a, b *Authority) int {
		if c := b.Certificate.NotBefore.Compare(a.Certificate.NotBefore); c != 0 {
			return c
		}
		return bytes.Compare(a.Certificate.Raw, b.Certificate.Raw)
	})
}

// Data gives certificates and keys for a Secret.
func (as Authorities) Data() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, a := range as {
		certificate, key, err := a.PEM()
		if err != nil {
			return nil, err
		}
		out[a.ID()+certificateKey], out[a.ID()+privateKey] = certificate, key
	}
	return out, nil
}

// Version names a set of authorities.
func (as Authorities) Version() string {
	ids := make([]string, 0, len(as))
	for _, a := range as {
		ids = append(ids, a.ID())
	}
	return strings.Join(ids, ",")
}

// Keep gives the authorities that there should be for some hosts: those that have not ended, and a new one where none covers all hosts and
// lives on for long enough. Changed tells that they are others.
func (as Authorities) Keep(name string, hosts []string, now time.Time) (out Authorities, changed bool, err error) {
	for _, a := range as {
		if now.Before(a.Certificate.NotAfter) {
			out = append(out, a)
		}
	}
	changed = len(out) != len(as)
	if len(hosts) > 0 && !out.cover(hosts, now) {
		a, err := NewAuthority(name, hosts, now)
		if err != nil {
			return nil, false, err
		}
		out, changed = append(Authorities{a}, out...), true
	}
	if len(out) > maxAuthorities {
		out = out[:maxAuthorities]
	}
	return out, changed, nil
}

func (as Authorities) cover(hosts []string, now time.Time) bool {
	return slices.ContainsFunc(as, func(a *Authority) bool {
		return !now.Add(renewAuthority).After(a.Certificate.NotAfter) && !slices.ContainsFunc(hosts, func(h string) bool { return !a.Covers(h) })
	})
}

// Certificates gives the certificates in DER, newest first.
func (as Authorities) Certificates() [][]byte {
	out := make([][]byte, 0, len(as))
	for _, a := range as {
		out = append(out, a.Certificate.Raw)
	}
	return out
}

// PEM gives the certificates in PEM, newest first.
func (as Authorities) PEM() []byte { return inPEM(as.Certificates()) }

// Leaves signs a leaf for each host and one key. The authority is the oldest that the applications trust, because they may have started
// with it; the newest where they trust none that is for the host.
func (as Authorities) Leaves(hosts []string, key crypto.PublicKey, trusted []string, now time.Time) ([][]byte, error) {
	out := make([][]byte, 0, len(hosts))
	for _, h := range hosts {
		a := as.forHost(h, trusted, now)
		if a == nil {
			return nil, fmt.Errorf("%w: %s", ErrNoLeaf, h)
		}
		leaf, err := a.Leaf(h, key, now)
		if err != nil {
			return nil, err
		}
		out = append(out, leaf)
	}
	return out, nil
}

func (as Authorities) forHost(host string, trusted []string, now time.Time) (found *Authority) {
	for _, a := range slices.Backward(as) {
		if a.Covers(host) && now.Add(LeafLife).Before(a.Certificate.NotAfter) && slices.Contains(trusted, a.ID()) {
			return a
		}
	}
	for _, a := range as {
		if a.Covers(host) && now.Before(a.Certificate.NotAfter) {
			return a
		}
	}
	return nil
}
