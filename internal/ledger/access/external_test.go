package access_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

// configure has a ledger trust a provider besides its cluster.
func configure(l *ledgertest.Ledger, p *ledgertest.Provider) {
	l.Configure(map[string]any{
		"issuers": []any{
			map[string]any{"issuer": ledgertest.Issuer, "audience": ledgertest.Audience, "jwksFile": "jwks.json"},
			map[string]any{"issuer": p.URL, "audience": "optup", "groups": "groups", "person": map[string]any{"claim": "email", "type": "email"}},
		},
		"access": []any{
			map[string]any{"subject": ledgertest.Officer, "roles": []string{"officer"}},
			map[string]any{"issuer": p.URL, "group": "dpo", "roles": []string{"officer", "reader"}},
			map[string]any{"issuer": p.URL, "subject": "u-reader", "roles": []string{"reader"}},
		},
	})
}

func TestAnExternalIssuer(t *testing.T) {
	l, p := ledgertest.New(t), ledgertest.NewProvider(t)
	configure(l, p)
	g := open(t, l)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		token  string
		status int
		roles  []access.Role
		person string
	}{
		"a member of a group has its roles":             {p.Token(p.Key, map[string]any{"groups": []string{"x", "dpo"}}), 0, []access.Role{access.RoleOfficer, access.RoleReader}, ""},
		"a subject has its roles":                       {p.Token(p.Key, map[string]any{"sub": "u-reader"}), 0, []access.Role{access.RoleReader}, ""},
		"whoever is named nowhere has none":             {p.Token(p.Key, nil), 0, nil, ""},
		"a verified address is a person":                {p.Token(p.Key, map[string]any{"email": "Ada@Example.org", "email_verified": true}), 0, []access.Role{access.RolePerson}, "ada@example.org"},
		"an address that nobody verified is nobody":     {p.Token(p.Key, map[string]any{"email": "ada@example.org"}), 0, nil, ""},
		"a claim that says true in words is not enough": {p.Token(p.Key, map[string]any{"email": "ada@example.org", "email_verified": "true"}), 0, nil, ""},
		"an account of the cluster's has no roles here": {p.Token(p.Key, map[string]any{"sub": ledgertest.Officer}), 401, nil, ""},
		"another audience":                              {p.Token(p.Key, map[string]any{"aud": "shop"}), 401, nil, ""},
		"an expired token":                              {p.Token(p.Key, map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}), 401, nil, ""},
		"another key":                                   {p.Token(stranger, nil), 401, nil, ""},
		"an issuer that nobody trusts":                  {p.Token(p.Key, map[string]any{"iss": "https://elsewhere.test"}), 401, nil, ""},
		"the cluster's name with this issuer's key":     {p.Token(p.Key, map[string]any{"iss": ledgertest.Issuer, "sub": ledgertest.Officer}), 401, nil, ""},
		"what is no token":                              {"a.b.c", 401, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := g.Caller(request(c.token, "", pod, peer))
			if status(err) != c.status || !slices.Equal(got.Roles, c.roles) {
				t.Fatalf("%v, %v; want %v, %d", got.Roles, err, c.roles, c.status)
			}
			person := ""
			if got.Person != nil {
				person = got.Person.Value
			}
			if person != c.person {
				t.Fatalf("the person is %q, want %q", person, c.person)
			}
			if err != nil && strings.Contains(err.Error(), "ada@") {
				t.Fatal("the error names a person")
			}
		})
	}
}

// A subject means something together with its issuer only: whoever runs another trusted issuer must not become the cluster's officer.
func TestASubjectIsOneOfItsIssuer(t *testing.T) {
	l, p := ledgertest.New(t), ledgertest.NewProvider(t)
	l.Configure(map[string]any{
		"issuers": []any{
			map[string]any{"issuer": ledgertest.Issuer, "audience": ledgertest.Audience, "jwksFile": "jwks.json"},
			map[string]any{"issuer": p.URL, "audience": "optup"},
		},
		"access": []any{map[string]any{"subject": "u-1", "roles": []string{"officer"}}}, // of the first issuer, the cluster
	})
	g := open(t, l)
	if c, err := g.Caller(request(p.Token(p.Key, nil), "", pod, peer)); err != nil || len(c.Roles) > 0 {
		t.Fatalf("%+v, %v", c, err)
	}
}

// Forged tokens must not become questions to the issuer.
func TestForgedTokensAskTheIssuerOnce(t *testing.T) {
	l, p := ledgertest.New(t), ledgertest.NewProvider(t)
	configure(l, p)
	g := open(t, l)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := g.Caller(request(p.Token(stranger, nil), "", pod, peer)); status(err) != http.StatusUnauthorized {
			t.Fatalf("%v, want 401", err)
		}
	}
	if n := p.Asked.Load(); n != 1 {
		t.Fatalf("the issuer was asked for its keys %d times", n)
	}
}

func TestAnIssuerThatIsAwayIsNobodysFault(t *testing.T) {
	l, p := ledgertest.New(t), ledgertest.NewProvider(t)
	configure(l, p)
	g := open(t, l)
	p.Away.Store(true)
	if _, err := g.Caller(request(p.Token(p.Key, nil), "", pod, peer)); status(err) != http.StatusServiceUnavailable {
		t.Fatalf("%v, want 503", err)
	}
	if _, err := g.Caller(request(l.Token(ledgertest.Officer, "pod-1", time.Hour), "", pod, peer)); err != nil {
		t.Fatalf("the cluster's tokens need no other issuer: %v", err)
	}
}

func TestConfigurationsOfIssuers(t *testing.T) {
	const cluster = `{"issuer":"https://c","audience":"a","jwksFile":"f"}`
	for name, c := range map[string]struct {
		config string
		ok     bool
	}{
		"one by discovery":                        {`"issuers":[{"issuer":"https://i","audience":"a","groups":"g","person":{"claim":"email","type":"email"}}]`, true},
		"one twice":                               {`"issuers":[` + cluster + `,` + cluster + `]`, false},
		"a cluster does not know people":          {`"issuers":[{"issuer":"https://c","audience":"a","jwksFile":"f","person":{"claim":"email","type":"email"}}]`, false},
		"a device is no person":                   {`"issuers":[{"issuer":"https://i","audience":"a","person":{"claim":"d","type":"device"}}]`, false},
		"a group of an issuer without groups":     {`"issuers":[` + cluster + `],"access":[{"group":"g","roles":["reader"]}]`, false},
		"an entry of an issuer that is not there": {`"issuers":[` + cluster + `],"access":[{"issuer":"https://other","subject":"s","roles":["reader"]}]`, false},
		"subject and group in one":                {`"issuers":[{"issuer":"https://i","audience":"a","groups":"g"}],"access":[{"subject":"s","group":"g","roles":["reader"]}]`, false},
		"a person is no role to give":             {`"access":[{"subject":"s","roles":["person"]}]`, false},
		"one subject of two issuers":              {`"issuers":[` + cluster + `,{"issuer":"https://i","audience":"a"}],"access":[{"subject":"s","roles":[]},{"issuer":"https://i","subject":"s","roles":[]}]`, true},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := access.Parse([]byte(`{"controller":"a",`+c.config+`}`), "/etc/optup"); (err == nil) != c.ok {
				t.Fatalf("err = %v", err)
			}
		})
	}
	l := ledgertest.New(t)
	l.Configure(map[string]any{"issuers": []any{map[string]any{"issuer": "http://issuer.test", "audience": "a"}}})
	if _, err := access.Open(access.Options{ConfigFile: l.ConfigFile, Now: time.Now}); err == nil {
		t.Fatal("an issuer without TLS is trusted")
	}
}
