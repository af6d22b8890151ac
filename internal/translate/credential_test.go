package translate

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/ir"
)

// TestAValueIsForItsHosts: a bundle names a value together with the hosts that it is sent to. One that was made when the service had other
// hosts, or that takes the value for a callback's secret, names another value, whoever is faster.
func TestAValueIsForItsHosts(t *testing.T) {
	ref := v1alpha1.SecretKeyReference{Name: "mail", Key: "key"}
	declared := func(change func(*v1alpha1.DataService)) *v1alpha1.DataService {
		d := &v1alpha1.DataService{ObjectMeta: metav1.ObjectMeta{Namespace: "esp", Name: "mail"}, Spec: v1alpha1.DataServiceSpec{
			Hosts: []v1alpha1.Host{"api.example", "api.eu.example"}, Credential: &v1alpha1.Credential{Type: v1alpha1.CredentialBearer, SecretRef: ref},
		}}
		change(d)
		return d
	}
	client := v1alpha1.SecretKeyReference{Name: "mail", Key: "id"}
	seen := map[string]string{}
	for name, d := range map[string]*v1alpha1.DataService{
		"two hosts":        declared(func(*v1alpha1.DataService) {}),
		"one of them":      declared(func(d *v1alpha1.DataService) { d.Spec.Hosts = d.Spec.Hosts[:1] }),
		"another":          declared(func(d *v1alpha1.DataService) { d.Spec.Hosts[1] = "evil.example" }),
		"a token endpoint": declared(func(d *v1alpha1.DataService) { withTokens(d, "https://login.example/t", &client) }),
		"another one":      declared(func(d *v1alpha1.DataService) { withTokens(d, "https://evil.example/t", &client) }),
		"a callback's secret": declared(func(d *v1alpha1.DataService) {
			d.Spec.Credential, d.Spec.Callbacks = nil, []v1alpha1.Callback{{Signature: v1alpha1.CallbackSignature{KeyRef: &ref}}}
		}),
	} {
		kept := ValuesOf(d)
		if d.Spec.Credential == nil {
			if _, there := kept[ir.ValueID("mail", "key")]; !there || len(kept) != 1 {
				t.Errorf("%s: %v", name, kept)
			}
			continue
		}
		c := service(d).Credential
		ids := []string{c.ID}
		if c.OAuth2 != nil {
			ids = append(ids, c.OAuth2.ClientIDValue)
		}
		for _, id := range ids {
			k, there := kept[id]
			if !there || len(k.Hosts) == 0 {
				t.Errorf("%s: the bundle names %s, which the service does not have with hosts: %v", name, id, kept)
			}
			if other, twice := seen[id]; twice || id == ir.ValueID("mail", "key") {
				t.Errorf("%s names the same value as %s", name, other)
			}
			seen[id] = name
			if got := (ir.Value{ID: id}).KeptAs(); got != "mail/key" && got != "mail/id" {
				t.Errorf("%s is kept as %s", id, got)
			}
		}
	}
	swapped := declared(func(d *v1alpha1.DataService) { d.Spec.Hosts[0], d.Spec.Hosts[1] = d.Spec.Hosts[1], d.Spec.Hosts[0] })
	if seen[service(swapped).Credential.ID] != "two hosts" {
		t.Error("the order of hosts makes it another value")
	}
}

func withTokens(d *v1alpha1.DataService, url string, client *v1alpha1.SecretKeyReference) {
	d.Spec.Credential.Type, d.Spec.Credential.OAuth2 = v1alpha1.CredentialOAuth2, &v1alpha1.OAuth2Client{TokenURL: url, ClientIDRef: client}
}
