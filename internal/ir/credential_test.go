package ir

import (
	"slices"
	"strings"
	"testing"
)

func withCredential(c *Credential) *Bundle {
	return &Bundle{
		Schema: Schema, Mode: ModeEnforce, Ungoverned: Ungoverned{Action: UngovernedDeny}, FreshnessBoundMillis: 5000,
		Purposes: []Purpose{{Name: "news", Objection: ObjectionNone}},
		Services: []Service{
			{Name: "esp/mail", Hosts: []string{"api.esp.example"}, Ports: []Port{{Port: 80, Protocol: "HTTP"}}, Credential: c, Endpoints: []Endpoint{{Name: "send", Methods: []string{"POST"}, Path: "/"}}},
			{Name: "esp/other", Hosts: []string{"other.example"}, Ports: []Port{{Port: 80, Protocol: "HTTP"}}, Credential: c},
		},
		Rules: []Rule{{Policy: "m/p/r", Purpose: "news", Service: "esp/mail", Endpoints: []string{"send"}, OnMissing: OnMissingDeny, OnEmpty: OnEmptyDeny, Mode: ModeEnforce}},
	}
}

func TestCredentialsOfBundles(t *testing.T) {
	oauth := &OAuth2{TokenURL: "https://login.example/t", ClientIDValue: "mail/id"}
	for name, c := range map[string]struct {
		credential Credential
		// values that a sidecar needs; none where the bundle is refused.
		values []Value
	}{
		"a header":                    {Credential{ID: "mail/key", Type: CredentialHeader, Header: "Api-Key", Own: OwnRefuse}, []Value{{"esp/mail", "mail/key"}}},
		"a user":                      {Credential{ID: "mail/key", Type: CredentialBasic, Username: "api", Own: OwnReplace}, []Value{{"esp/mail", "mail/key"}}},
		"a parameter":                 {Credential{ID: "mail/key", Type: CredentialQuery, Query: "api_key", Own: OwnRefuse}, []Value{{"esp/mail", "mail/key"}}},
		"a client":                    {Credential{ID: "mail/key", Type: CredentialOAuth2, OAuth2: oauth, Own: OwnRefuse}, []Value{{"esp/mail", "mail/id"}, {"esp/mail", "mail/key"}}},
		"no id":                       {Credential{Type: CredentialBasic, Own: OwnRefuse}, nil},
		"no word about own ones":      {Credential{ID: "mail/key", Type: CredentialBasic}, nil},
		"a type of tomorrow":          {Credential{ID: "mail/key", Type: "Cookie", Own: OwnRefuse}, nil},
		"a header that ends the line": {Credential{ID: "mail/key", Type: CredentialHeader, Header: "A\r\nB", Own: OwnRefuse}, nil},
		"a prefix that ends the line": {Credential{ID: "mail/key", Type: CredentialHeader, Header: "A", Prefix: "x\r\n", Own: OwnRefuse}, nil},
		"a user with a password":      {Credential{ID: "mail/key", Type: CredentialBasic, Username: "a:b", Own: OwnRefuse}, nil},
		"two parameters":              {Credential{ID: "mail/key", Type: CredentialQuery, Query: "a&b", Own: OwnRefuse}, nil},
		"tokens from nowhere":         {Credential{ID: "mail/key", Type: CredentialOAuth2, Own: OwnRefuse}, nil},
		"tokens in plain":             {Credential{ID: "mail/key", Type: CredentialOAuth2, OAuth2: &OAuth2{TokenURL: "http://login.example/t", ClientID: "a"}, Own: OwnRefuse}, nil},
		"tokens with a user":          {Credential{ID: "mail/key", Type: CredentialOAuth2, OAuth2: &OAuth2{TokenURL: "https://a:b@login.example/t", ClientID: "a"}, Own: OwnRefuse}, nil},
		"two names of one client":     {Credential{ID: "mail/key", Type: CredentialOAuth2, OAuth2: &OAuth2{TokenURL: "https://login.example/t", ClientID: "a", ClientIDValue: "b"}, Own: OwnRefuse}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := withCredential(&c.credential)
			encoded, err := Encode(b)
			if (err == nil) != (c.values != nil) {
				t.Fatalf("%v", err)
			}
			if err != nil {
				return
			}
			again, err := Decode(encoded)
			if err != nil || !slices.Contains(again.Critical, criticalCredential) {
				t.Errorf("%v, critical %v", err, again)
			}
			// A service that no rule refers to asks for nothing.
			if got := Values(again); !slices.Equal(got, c.values) {
				t.Errorf("values %v", got)
			}
			older := strings.Replace(string(encoded), criticalCredential, criticalCredential+".tomorrow", 1)
			if _, err := Decode([]byte(older)); err == nil {
				t.Error("a reader that does not know credentials takes the bundle")
			}
		})
	}
}
