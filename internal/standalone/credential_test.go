package standalone

import (
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestTokensAreObtainedAndInserted: a client's secret from a file, a token endpoint with an authority of its own, and a service that wants
// what that gives.
func TestTokensAreObtainedAndInserted(t *testing.T) {
	var mu sync.Mutex
	var asked, got []string
	tokens := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, user+" "+password+" "+string(body))
		_, _ = fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":3600}`, len(asked))
	}))
	defer tokens.Close()
	crm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"customers":[]}`)
	}))
	defer crm.Close()

	folder := samples(t)
	file := filepath.Join(folder, "dataservice.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tokens.Certificate().Raw}))
	const before = "metadata: {name: customers, namespace: shop-services}\nspec:\n"
	with := before + `  credential:
    type: OAuth2ClientCredentials
    secretRef: {name: crm, key: secret}
    ownCredential: Replace
    oauth2:
      tokenURL: https://example.com/oauth/token
      clientID: shop
      scopes: [customers.read]
      authorities: |
        ` + strings.ReplaceAll(strings.TrimSpace(authority), "\n", "\n        ") + "\n"
	if !strings.Contains(string(text), before) {
		t.Fatal("the sample is another one")
	}
	write(t, file, strings.Replace(string(text), before, with, 1))
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, "correct-horse\n")
	h := start(t, folder, func(o *Options) {
		o.Workloads = []string{dashboard}
		o.Upstreams = []string{"example.com=" + tokens.Listener.Addr().String(), "customers.shop-services.svc=" + crm.Listener.Addr().String()}
		o.Credentials = []string{"shop-services/crm/secret=" + secret}
	})
	for range 2 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.at(dashboard, register)+"/v1/customers", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer a-dummy")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%d: %s", res.StatusCode, answer)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(asked) != 1 || asked[0] != "shop correct-horse grant_type=client_credentials&scope=customers.read" || strings.Join(got, ",") != "Bearer token-1,Bearer token-1" {
		t.Errorf("asked %q, sent %q", asked, got)
	}
}

func TestCredentialsThatNobodyAsksFor(t *testing.T) {
	x, err := Start(t.Context(), Options{Folder: samples(t), People: 1, Credentials: []string{"shop-services/crm/secret=x"}})
	if err == nil {
		_ = x.Stop()
	}
	if err == nil || !strings.Contains(err.Error(), "no service asks for it") {
		t.Errorf("%v", err)
	}
}
