package road

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
)

// ProviderHost is where the shop's mail provider is, for everybody: a name of the outside.
const ProviderHost = "api.brieftaube.example"

// host is the provider's name: on clusters whose name server cannot be told, that of its Service.
func (r *Road) host() string {
	if outside() {
		return ProviderHost
	}
	return "api.esp.svc.cluster.local"
}

// provider is what there is about the shop's mail provider outside of its programs.
type provider struct {
	authority *Authority
	// known is the key that the marketing team has had for long, own the one that only sidecars get.
	known, own string
}

// provide makes what the shop's mail provider and its customers need before they start: a certificate of an authority that the customers'
// machines know, and the key that the marketing team was given once.
func (r *Road) provide(ctx context.Context) error {
	authority, err := NewAuthority("the mail provider's authority")
	if err != nil {
		return err
	}
	certificate, key, err := authority.Issue(r.host(), time.Now().Add(24*time.Hour))
	if err != nil {
		return err
	}
	r.provider = provider{authority: authority, known: "BT." + rand.Text(), own: "BT." + rand.Text()}
	roots := &corev1.ConfigMap{Data: map[string]string{"ca-certificates.crt": authority.PEM()}}
	roots.Namespace, roots.Name = "marketing", "roots"
	return errors.Join(
		r.secret(ctx, "esp", "certificate", map[string]string{"tls.crt": certificate, "tls.key": key}, nil, nil),
		r.secret(ctx, "marketing", "esp-key", map[string]string{"key": r.provider.known}, nil, nil),
		r.Create(ctx, roots),
	)
}

func (r *Road) secret(ctx context.Context, namespace, name string, data, labels, annotations map[string]string) error {
	s := &corev1.Secret{StringData: data}
	s.Namespace, s.Name, s.Labels, s.Annotations = namespace, name, labels, annotations
	return client.IgnoreAlreadyExists(r.Create(ctx, s))
}

// entrust gives the provider's new key to the platform team, for sidecars alone, and tells them whom the provider's certificate is of.
func (r *Road) entrust(ctx context.Context) error {
	err := r.secret(ctx, "esp", "brieftaube", map[string]string{"key": r.provider.own},
		map[string]string{"consent.optup.dev/credential": "true"}, map[string]string{"consent.optup.dev/hosts": r.host()})
	if err != nil {
		return err
	}
	s := &v1alpha1.DataService{}
	if err := r.Client.Get(ctx, types.NamespacedName{Namespace: "esp", Name: "mail"}, s); err != nil {
		return err
	}
	before := s.DeepCopy()
	s.Spec.Authorities = r.provider.authority.PEM()
	return r.Patch(ctx, s, client.MergeFrom(before))
}

// Keys says which keys the provider takes: the one that the marketing team has had for long, or only the one that sidecars have.
func (r *Road) Keys(ctx context.Context, known bool) error {
	esp, err := r.Pod(ctx, "esp", App("esp"))
	if err != nil {
		return err
	}
	keys := []string{r.provider.own}
	if known {
		keys = append(keys, r.provider.known)
	}
	return r.Tell(ctx, esp, 8081, "/keys", keys)
}

// Opens tells whether the provider takes the key that the marketing team's programs hold.
func (r *Road) Opens(ctx context.Context) (bool, error) {
	esp, err := r.Pod(ctx, "esp", App("esp"))
	if err != nil {
		return false, err
	}
	var held corev1.Secret
	if err := r.Client.Get(ctx, types.NamespacedName{Namespace: "marketing", Name: "esp-key"}, &held); err != nil {
		return false, err
	}
	var got struct{ Knows bool }
	err = r.Ask(ctx, esp, 8081, "/knows?key="+string(held.Data["key"]), &got)
	return got.Knows, err
}

// KeyIn counts the objects of a namespace that hold the key which the provider takes: pods, Secrets, ConfigMaps and bundles.
func (r *Road) KeyIn(ctx context.Context, namespace string) (int, error) {
	n := 0
	for _, list := range []client.ObjectList{&corev1.PodList{}, &corev1.SecretList{}, &corev1.ConfigMapList{}, &v1alpha1.SidecarConfigList{}} {
		if err := r.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return 0, err
		}
		text, err := json.Marshal(list)
		if err != nil {
			return 0, err
		}
		for _, form := range []string{r.provider.own, base64.StdEncoding.EncodeToString([]byte(r.provider.own))} {
			n += bytes.Count(text, []byte(form))
		}
	}
	return n, nil
}
