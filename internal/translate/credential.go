package translate

import (
	"fmt"
	"net/textproto"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// credential gives all but the value. A bearer token is a header.
func credential(s *v1alpha1.DataServiceSpec) *ir.Credential {
	c := s.Credential
	if c == nil {
		return nil
	}
	hosts := sentTo(s)
	out := &ir.Credential{ID: valueID(c.SecretRef, hosts...), Own: ir.OwnRefuse}
	if c.OwnCredential == v1alpha1.OwnReplace {
		out.Own = ir.OwnReplace
	}
	switch c.Type {
	case "", v1alpha1.CredentialHeader:
		out.Type, out.Header, out.Prefix = ir.CredentialHeader, textproto.CanonicalMIMEHeaderKey(c.Header), c.Prefix
	case v1alpha1.CredentialBearer:
		out.Type, out.Header, out.Prefix = ir.CredentialHeader, "Authorization", "Bearer "
	case v1alpha1.CredentialBasic:
		out.Type, out.Username = ir.CredentialBasic, c.Username
	case v1alpha1.CredentialQuery:
		out.Type, out.Query = ir.CredentialQuery, c.Query
	case v1alpha1.CredentialOAuth2:
		out.Type, out.OAuth2 = ir.CredentialOAuth2, oauth2(c.OAuth2, hosts)
	default:
		out.Type = ir.CredentialType(c.Type) // which no bundle takes, so that the service is denied
	}
	return out
}

func oauth2(o *v1alpha1.OAuth2Client, hosts []string) *ir.OAuth2 {
	if o == nil {
		return nil
	}
	out := &ir.OAuth2{
		TokenURL: o.TokenURL, ClientID: o.ClientID, InBody: o.ClientAuthentication == v1alpha1.ClientBody,
		Scopes: convert[string](o.Scopes), Audience: o.Audience,
	}
	if o.Authorities != "" {
		out.Authorities = strings.TrimSpace(o.Authorities) + "\n"
	}
	if o.ClientIDRef != nil {
		out.ClientIDValue = valueID(*o.ClientIDRef, hosts...)
	}
	return out
}

func valueID(r v1alpha1.SecretKeyReference, hosts ...string) string {
	return ir.ValueID(string(r.Name), r.Key, hosts...)
}

// sentTo are the hosts that a service's credential goes to: a client's secret to the token endpoint, and what is got for it to the service.
func sentTo(s *v1alpha1.DataServiceSpec) []string {
	hosts := convert[string](s.Hosts)
	if o := s.Credential.OAuth2; o != nil {
		hosts = append(hosts, hostOf(o.TokenURL))
	}
	return hosts
}

// Kept is a value that a DataService has in a Secret of its namespace.
type Kept struct {
	// Field of the DataService that names it, and What it is, for people.
	Field, What string
	Secret      v1alpha1.SecretKeyReference
	// Hosts that the value is sent to, all of which the Secret's owner has to name; empty for a value that is sent nowhere.
	Hosts []string
	// Binary tells that the value is taken as it is; any other is one line of text. Pair tells that it has to be "user:password".
	Binary, Pair bool
}

// ValuesOf gives the values of a DataService by the ids that bundles name them by (see ir.Values).
func ValuesOf(d *v1alpha1.DataService) map[string]Kept {
	out := map[string]Kept{}
	for i := range d.Spec.Callbacks {
		if ref := d.Spec.Callbacks[i].Signature.KeyRef; ref != nil {
			out[valueID(*ref)] = Kept{Field: fmt.Sprintf("spec.callbacks[%d].signature.keyRef", i), What: "the callback's secret", Secret: *ref}
		}
	}
	c := d.Spec.Credential
	if c == nil {
		return out
	}
	hosts := sentTo(&d.Spec)
	if o := c.OAuth2; o != nil && o.ClientIDRef != nil {
		out[valueID(*o.ClientIDRef, hosts...)] = Kept{Field: "spec.credential.oauth2.clientIDRef", What: "the client's name", Secret: *o.ClientIDRef, Hosts: hosts}
	}
	k := Kept{Field: "spec.credential.secretRef", What: "the credential", Secret: c.SecretRef, Hosts: hosts}
	if c.Type == v1alpha1.CredentialBasic && c.Username == "" {
		k.Pair, k.What = true, `"user:password"`
	}
	out[valueID(c.SecretRef, hosts...)] = k
	return out
}

// Allows tells whether a service may be used from a namespace.
func Allows(d *v1alpha1.DataService, n *corev1.Namespace) bool {
	return d.Namespace == n.Name || selector(d.Spec.AllowedNamespaces).Matches(policy.Namespace{Name: n.Name, Labels: n.Labels})
}

func hostOf(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
