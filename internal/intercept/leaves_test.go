package intercept

import (
	"bytes"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"
	"time"
)

func one() *big.Int { return big.NewInt(1) }

func leaves(t *testing.T) *Leaves {
	t.Helper()
	l, err := NewLeaves()
	if err != nil {
		t.Fatal(err)
	}
	l.now = func() time.Time { return now }
	return l
}

// signed are leaves for the key of a sidecar, as the manager makes them.
func signed(t *testing.T, a *Authority, public []byte, hosts ...string) (out [][]byte) {
	t.Helper()
	key, err := x509.ParsePKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hosts {
		der, err := a.Leaf(h, key, now)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, der)
	}
	return out
}

func TestLeavesAreThoseOfTheOwnKey(t *testing.T) {
	a := authority(t, "api.esp.example", "crm.example")
	l, other := leaves(t), leaves(t)
	if _, err := l.Leaf("crm.example"); !errors.Is(err, ErrNoLeaf) {
		t.Errorf("before the first: %v", err)
	}
	if err := l.Take(signed(t, a, l.PublicKey(), "crm.example")); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][][]byte{
		"for another key":        signed(t, a, other.PublicKey(), "api.esp.example"),
		"one of two for another": append(signed(t, a, l.PublicKey(), "crm.example"), signed(t, a, other.PublicKey(), "api.esp.example")...),
		"no certificate":         {[]byte("x")},
		"an authority's":         {a.Certificate.Raw},
	} {
		if err := l.Take(bad); err == nil {
			t.Errorf("%s was taken", name)
		}
		if _, err := l.Leaf("crm.example"); err != nil {
			t.Errorf("%s: the leaves before are gone: %v", name, err)
		}
		if _, err := l.Leaf("api.esp.example"); err == nil {
			t.Errorf("%s is shown", name)
		}
	}
	if bytes.Equal(l.PublicKey(), other.PublicKey()) {
		t.Error("two processes have one key")
	}
	l.now = func() time.Time { return now.Add(LeafLife) }
	if _, err := l.Leaf("crm.example"); !errors.Is(err, ErrNoLeaf) {
		t.Errorf("an expired leaf is shown: %v", err)
	}
	if !l.Expire().Equal(now.Add(LeafLife)) {
		t.Errorf("expires %s", l.Expire())
	}
}

func TestASidecarAloneSignsItsLeavesAndKeepsThem(t *testing.T) {
	l, err := NewLocal(authority(t, "crm.example"))
	if err != nil {
		t.Fatal(err)
	}
	at := now
	l.now = func() time.Time { return at }
	first, err := l.Leaf("crm.example")
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := l.Leaf("crm.example"); again != first {
		t.Error("a leaf is made anew for each handshake")
	}
	at = now.Add(LeafLife - LeafLife/4)
	if again, err := l.Leaf("crm.example"); err != nil || again == first || !again.Leaf.NotAfter.After(first.Leaf.NotAfter) {
		t.Errorf("it is not renewed in time: %v", err)
	}
	if _, err := l.Leaf("bank.example"); !errors.Is(err, ErrNoLeaf) {
		t.Errorf("a host of nobody: %v", err)
	}
	at = now.Add(AuthorityLife)
	if _, err := l.Leaf("crm.example"); !errors.Is(err, ErrNoLeaf) {
		t.Errorf("past the authority's end: %v", err)
	}
}
