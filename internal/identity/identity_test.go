package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/optup/optup/internal/consent"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type cluster struct {
	key *ecdsa.PrivateKey
	kid string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id, err := keyID(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{key: key, kid: id}
}

func (c *cluster) jwks(t *testing.T) []byte {
	t.Helper()
	b, err := PublicJWKS(c.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func claims() map[string]any {
	return map[string]any{
		"iss": "https://cluster", "aud": []string{"optup-ledger"}, "sub": "system:serviceaccount:shop:mailer",
		"exp": start.Add(time.Hour).Unix(), "nbf": start.Add(-time.Minute).Unix(),
		"kubernetes.io": map[string]any{
			"namespace": "shop", "serviceaccount": map[string]any{"name": "mailer"},
			"pod": map[string]any{"name": "mailer-0", "uid": "pod-1"},
		},
	}
}

func (c *cluster) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: c.key, KeyID: c.kid}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func with(k string, v any) map[string]any {
	c := claims()
	if c[k] = v; v == nil {
		delete(c, k)
	}
	return c
}

func TestVerify(t *testing.T) {
	c := newCluster(t)
	keys, err := KeysFromBytes(c.jwks(t))
	if err != nil {
		t.Fatal(err)
	}
	v := NewVerifier(at(start), Issuer{Issuer: "https://other", Audience: "x", Keys: keys}, Issuer{Issuer: "https://cluster", Audience: "optup-ledger", Keys: keys})
	id, err := v.Verify(c.sign(t, claims()))
	if err != nil {
		t.Fatal(err)
	}
	want := Identity{
		Issuer: "https://cluster", Subject: "system:serviceaccount:shop:mailer", Namespace: "shop", ServiceAccount: "mailer", PodName: "mailer-0", PodUID: "pod-1",
		Expires: id.Expires,
	}
	if id != want || !id.Expires.Equal(start.Add(time.Hour)) {
		t.Fatalf("identity %+v", id)
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"`+c.kid+`"}`)) + "." + strings.Split(c.sign(t, claims()), ".")[1] + "."
	foreign := newCluster(t)
	impostor := &cluster{key: foreign.key, kid: c.kid}
	for name, token := range map[string]string{
		"the algorithm none is refused":              none,
		"an empty token is refused":                  "",
		"a token that is no token is refused":        "secret-garbage",
		"another audience is refused":                c.sign(t, with("aud", []string{"api"})),
		"another issuer is refused":                  c.sign(t, with("iss", "https://evil")),
		"an expired token is refused":                c.sign(t, with("exp", start.Unix())),
		"a token without an end is refused":          c.sign(t, with("exp", nil)),
		"a token from the future is refused":         c.sign(t, with("nbf", start.Add(time.Minute).Unix())),
		"an unknown key id is refused":               foreign.sign(t, claims()),
		"a foreign key under a known id is refused":  impostor.sign(t, claims()),
		"a subject that the claim denies is refused": c.sign(t, with("sub", "system:serviceaccount:shop:admin")),
		"a cluster subject without claim is refused": c.sign(t, with("kubernetes.io", nil)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(token)
			if !errors.Is(err, ErrRefused) {
				t.Fatalf("err = %v, want ErrRefused", err)
			}
			for _, part := range strings.Split(token, ".") {
				if len(part) > 8 && strings.Contains(err.Error(), part) {
					t.Fatal("the error shows the token")
				}
			}
		})
	}
}

func TestFileKeysAreReadAgainWhenTheyChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jwks.json")
	v := NewVerifier(at(start), Issuer{Issuer: "https://cluster", Audience: "optup-ledger", Keys: KeysFromFile(path)})
	old, renewed := newCluster(t), newCluster(t)
	check := func(c *cluster, want bool) {
		t.Helper()
		if _, err := v.Verify(c.sign(t, claims())); (err == nil) != want {
			t.Fatalf("accepted = %v (%v), want %v", err == nil, err, want)
		}
	}
	write := func(b []byte) {
		t.Helper()
		// A mounted ConfigMap is replaced, not written in place.
		if err := os.WriteFile(path+".new", b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	check(old, false)
	write(old.jwks(t))
	check(old, true)
	write(renewed.jwks(t))
	check(old, false)
	check(renewed, true)
	write([]byte("{broken"))
	check(renewed, true)
}

func TestPrivateKeysAreRefused(t *testing.T) {
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: newCluster(t).key, KeyID: "a"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := KeysFromBytes(b); err == nil {
		t.Fatal("a private key was accepted")
	}
}

func TestGrant(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewGrantSigner(key, at(start))
	if err != nil {
		t.Fatal(err)
	}
	jwks, err := PublicJWKS(s.Public())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := KeysFromBytes(jwks)
	if err != nil {
		t.Fatal(err)
	}
	caller := Identity{Subject: "system:serviceaccount:shop:mailer", PodUID: "pod-1"}
	token, err := s.Sign(Grant{
		Subject: caller.Subject, PodUID: caller.PodUID, Namespace: "shop", Workload: "Deployment/mailer", Controller: "shop-gmbh",
		Purposes: []consent.PurposeID{"newsletter"}, Expires: start.Add(15 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGrantVerifier(keys, "shop-gmbh", at(start)).Verify(token, caller)
	if err != nil || len(g.Purposes) != 1 || g.Workload != "Deployment/mailer" || !g.Expires.Equal(start.Add(15*time.Minute)) {
		t.Fatalf("grant %+v, %v", g, err)
	}
	for name, check := range map[string]func() error{
		"a swapped pod is refused": func() error {
			_, err := NewGrantVerifier(keys, "shop-gmbh", at(start)).Verify(token, Identity{Subject: caller.Subject, PodUID: "pod-2"})
			return err
		},
		"a caller without a pod is refused": func() error {
			_, err := NewGrantVerifier(keys, "shop-gmbh", at(start)).Verify(token, Identity{Subject: caller.Subject})
			return err
		},
		"another service account is refused": func() error {
			_, err := NewGrantVerifier(keys, "shop-gmbh", at(start)).Verify(token, Identity{Subject: "system:serviceaccount:shop:x", PodUID: "pod-1"})
			return err
		},
		"another controller's ledger is refused": func() error {
			_, err := NewGrantVerifier(keys, "other-gmbh", at(start)).Verify(token, caller)
			return err
		},
		"an expired grant is refused": func() error {
			_, err := NewGrantVerifier(keys, "shop-gmbh", at(start.Add(15*time.Minute))).Verify(token, caller)
			return err
		},
		"a service account token is no grant": func() error {
			c := newCluster(t)
			k, _ := KeysFromBytes(c.jwks(t))
			_, err := NewGrantVerifier(k, "shop-gmbh", at(start)).Verify(c.sign(t, with("iss", GrantIssuer)), caller)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := check(); !errors.Is(err, ErrRefused) {
				t.Fatalf("err = %v, want ErrRefused", err)
			}
		})
	}
}
