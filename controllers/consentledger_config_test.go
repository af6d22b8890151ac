package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	ledgeraccess "github.com/optup/optup/internal/ledger/access"
)

func TestLedgerConfig(t *testing.T) {
	options := LedgerOptions{
		ManagerSubject: "system:serviceaccount:optup-system:optup-manager", Issuer: func() string { return "https://cluster.test" },
		JWKS: func() []byte { return []byte(`{"keys":["cluster"]}`) }, GrantKeys: []byte(`{"keys":["grants"]}`),
	}
	base := v1alpha1.ConsentLedgerSpec{Controller: shop}
	access, population := base, base
	access.Access = []v1alpha1.LedgerAccess{{
		ServiceAccount: &v1alpha1.ServiceAccountReference{Namespace: "shop", Name: "desk"},
		Roles:          []v1alpha1.LedgerRole{v1alpha1.LedgerRoleReader, v1alpha1.LedgerRoleOfficer},
	}}
	population.Population = &v1alpha1.Population{Sources: []v1alpha1.PopulationSource{{Name: "crm", People: 12000}, {Name: "shop", People: 300}}}

	for name, test := range map[string]struct {
		spec v1alpha1.ConsentLedgerSpec
		want string
	}{
		"without more, the manager alone may read": {base, `{
  "controller": "Gartenhaus Grün GmbH",
  "issuers": [
    {
      "issuer": "https://cluster.test",
      "audience": "optup-ledger",
      "jwksFile": "jwks.json"
    }
  ],
  "access": [
    {
      "subject": "system:serviceaccount:optup-system:optup-manager",
      "roles": [
        "reader"
      ]
    }
  ],
  "sidecars": {
    "grantKeysFile": "grant-keys.json"
  }
}`},
		"service accounts get their roles in lower case": {access, `{
  "controller": "Gartenhaus Grün GmbH",
  "issuers": [
    {
      "issuer": "https://cluster.test",
      "audience": "optup-ledger",
      "jwksFile": "jwks.json"
    }
  ],
  "access": [
    {
      "subject": "system:serviceaccount:optup-system:optup-manager",
      "roles": [
        "reader"
      ]
    },
    {
      "subject": "system:serviceaccount:shop:desk",
      "roles": [
        "reader",
        "officer"
      ]
    }
  ],
  "sidecars": {
    "grantKeysFile": "grant-keys.json"
  }
}`},
		"the population is handed on by source": {population, `{
  "controller": "Gartenhaus Grün GmbH",
  "issuers": [
    {
      "issuer": "https://cluster.test",
      "audience": "optup-ledger",
      "jwksFile": "jwks.json"
    }
  ],
  "access": [
    {
      "subject": "system:serviceaccount:optup-system:optup-manager",
      "roles": [
        "reader"
      ]
    }
  ],
  "sidecars": {
    "grantKeysFile": "grant-keys.json"
  },
  "population": {
    "sources": [
      {
        "name": "crm",
        "people": 12000
      },
      {
        "name": "shop",
        "people": 300
      }
    ]
  }
}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ledgerConfig(&v1alpha1.ConsentLedger{ObjectMeta: metav1.ObjectMeta{Namespace: "consent", Name: "main"}, Spec: test.spec}, options)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"config.json": test.want, "jwks.json": `{"keys":["cluster"]}`, "grant-keys.json": `{"keys":["grants"]}`}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the manager writes is what the ledger reads.
func TestTheLedgerReadsItsIssuers(t *testing.T) {
	l := &v1alpha1.ConsentLedger{Spec: v1alpha1.ConsentLedgerSpec{
		Controller: shop,
		Issuers: []v1alpha1.TokenIssuer{{
			Issuer: "https://id.example.org", Audience: "optup", GroupsClaim: "groups", Person: &v1alpha1.PersonClaim{Claim: "email", Type: "email"},
		}},
		Access: []v1alpha1.LedgerAccess{{
			External: &v1alpha1.ExternalSubject{Issuer: "https://id.example.org", Group: "dpo"}, Roles: []v1alpha1.LedgerRole{v1alpha1.LedgerRoleOfficer},
		}},
	}}
	files, err := ledgerConfig(l, LedgerOptions{
		ManagerSubject: "system:serviceaccount:optup-system:optup-manager", Issuer: func() string { return "https://cluster.test" }, JWKS: func() []byte { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := ledgeraccess.Parse([]byte(files["config.json"]), "/etc/optup")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]ledgeraccess.Issuer{
		{Issuer: "https://cluster.test", Audience: "optup-ledger", JWKSFile: "/etc/optup/jwks.json"},
		{Issuer: "https://id.example.org", Audience: "optup", Groups: "groups", Person: &ledgeraccess.PersonClaim{Claim: "email", Type: "email"}},
	}, got.Issuers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]ledgeraccess.Entry{
		{Issuer: "https://cluster.test", Subject: "system:serviceaccount:optup-system:optup-manager", Roles: []ledgeraccess.Role{ledgeraccess.RoleReader}},
		{Issuer: "https://id.example.org", Group: "dpo", Roles: []ledgeraccess.Role{ledgeraccess.RoleOfficer}},
	}, got.Access); diff != "" {
		t.Error(diff)
	}
}
