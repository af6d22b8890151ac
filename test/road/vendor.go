package road

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/optup/optup/api/v1alpha1"
)

// VendorHost is the name that the clients' SDKs call and that nobody can change in them.
const VendorHost = "api.sendgrid.com"

// ErrNoNames is given where names of the outside cannot be made to lead into the cluster.
var ErrNoNames = errors.New("names of the outside lead into the cluster only where CLUSTER=local: its name server can be told")

// outside tells whether names of the outside can lead into the cluster.
func outside() bool {
	c := os.Getenv("CLUSTER")
	return c == "" || c == "local"
}

// Names lets more names of the outside lead to Services of the cluster (host -> namespace/name).
func (r *Road) Names(ctx context.Context, services map[string]string) error {
	if !outside() {
		return ErrNoNames
	}
	if r.names == nil {
		r.names = map[string]string{}
	}
	args := []string{"-C", filepath.Join(r.Root, "hack/cluster"), "run", ".", "names"}
	for host, service := range services {
		namespace, name, _ := strings.Cut(service, "/")
		var s corev1.Service
		if err := r.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &s); err != nil {
			return err
		}
		r.names[host] = s.Spec.ClusterIP
	}
	for host, address := range r.names {
		args = append(args, host+"="+address)
	}
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("names: %w: %s", err, out)
	}
	return nil
}

// Vendor is the mail provider of the clients, with the authority that its certificate is of and the key that it takes.
type Vendor struct {
	r         *Road
	Authority *Authority
	Key       string
}

// Pairs that the vendor can show instead of the right one.
const (
	PairRight   = "right"
	PairExpired = "expired"
	PairOther   = "other"
	PairUnknown = "unknown"
)

// Vendor brings the mail provider up in the namespace esp, under its real name.
func (r *Road) Vendor(ctx context.Context) (*Vendor, error) {
	own, err := NewAuthority("the vendor's authority")
	if err != nil {
		return nil, err
	}
	stranger, err := NewAuthority("somebody else's authority")
	if err != nil {
		return nil, err
	}
	secret := &corev1.Secret{StringData: map[string]string{}}
	secret.Namespace, secret.Name = "esp", "vendor"
	day := 24 * time.Hour
	for _, p := range []struct {
		pair, host string
		of         *Authority
		end        time.Time
	}{
		{PairRight, VendorHost, own, time.Now().Add(day)},
		{PairExpired, VendorHost, own, time.Now().Add(-time.Hour)},
		{PairOther, "api.other.example", own, time.Now().Add(day)},
		{PairUnknown, VendorHost, stranger, time.Now().Add(day)},
	} {
		certificate, key, err := p.of.Issue(p.host, p.end)
		if err != nil {
			return nil, err
		}
		secret.StringData[p.pair+".crt"], secret.StringData[p.pair+".key"] = certificate, key
	}
	if err := r.Create(ctx, secret); err != nil {
		return nil, err
	}
	if err := r.Apply(ctx, filepath.Join(r.Root, "test/road/vendor.yaml")); err != nil {
		return nil, err
	}
	if err := r.Ready(ctx, "esp", "vendor"); err != nil {
		return nil, err
	}
	v := &Vendor{r: r, Authority: own, Key: "SG." + rand.Text() + "." + rand.Text()}
	if err := v.Tell(ctx, "/keys", []string{v.Key}); err != nil {
		return nil, err
	}
	return v, r.Names(ctx, map[string]string{VendorHost: "esp/vendor"})
}

// Tell posts to the vendor's admin pages.
func (v *Vendor) Tell(ctx context.Context, path string, body any) error {
	p, err := v.r.Pod(ctx, "esp", App("vendor"))
	if err != nil {
		return err
	}
	return v.r.Tell(ctx, p, 8081, path, body)
}

// Call is one that the vendor makes, signed as its event webhook signs.
type Call struct {
	URL    string `json:"url"`
	Method string `json:"method,omitempty"`
	Body   string `json:"body"`
	// At is the signed time, in seconds since 1970; nil for now.
	At *int64 `json:"at,omitempty"`
	// Forge changes the body after it was signed, Unsigned leaves the signature out.
	Forge    bool `json:"forge,omitempty"`
	Unsigned bool `json:"unsigned,omitempty"`
	// Headers are set besides, and may replace others.
	Headers map[string]string `json:"headers,omitempty"`
}

// Answer is what the vendor was answered.
type Answer struct {
	Status int
	Body   string
}

// Call has the vendor call somebody.
func (v *Vendor) Call(ctx context.Context, c Call) (Answer, error) {
	var a Answer
	p, err := v.r.Pod(ctx, "esp", App("vendor"))
	if err != nil {
		return a, err
	}
	return a, v.r.Have(ctx, p, 8081, "/events", c, &a)
}

// verificationKey is what the vendor's calls are verified with.
func (v *Vendor) verificationKey(ctx context.Context) (string, error) {
	p, err := v.r.Pod(ctx, "esp", App("vendor"))
	if err != nil {
		return "", err
	}
	var key struct {
		PublicKey string `json:"public_key"`
	}
	err = v.r.Ask(ctx, p, 8081, "/events/key", &key)
	return key.PublicKey, err
}

// Request is one that arrived at the vendor.
type Request struct {
	Method, Path, Protocol, UserAgent, Key string
	Headers                                []string
	Status                                 int
	Mail                                   *struct {
		Subject          string
		BatchID          string `json:"batch_id"`
		Personalizations []struct {
			To []struct{ Email string }
		}
		Tracking struct {
			Open  struct{ Enable *bool } `json:"open_tracking"`
			Click struct{ Enable *bool } `json:"click_tracking"`
		} `json:"tracking_settings"`
	}
}

// Requests gives what arrived since the last reset.
func (v *Vendor) Requests(ctx context.Context) ([]Request, error) {
	p, err := v.r.Pod(ctx, "esp", App("vendor"))
	if err != nil {
		return nil, err
	}
	var got struct{ Requests []Request }
	err = v.r.Ask(ctx, p, 8081, "/requests", &got)
	return got.Requests, err
}

// Declare declares the vendor's API as the catalogue has it, with its key in a Secret that only the platform team reads, and the key that its
// calls are signed with. Whoever objects there objects to all mail of a controller.
func (v *Vendor) Declare(ctx context.Context, controller string, namespaces ...string) error {
	data, err := os.ReadFile(filepath.Join(v.r.Root, "config/catalogue/services/sendgrid.yaml"))
	if err != nil {
		return err
	}
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, &o.Object); err != nil {
		return err
	}
	o.SetNamespace("esp")
	spec, _ := o.Object["spec"].(map[string]any)
	spec["ports"] = []any{map[string]any{"port": int64(443), "protocol": "HTTPS", "tls": map[string]any{"mode": "Intercept"}}}
	spec["authorities"] = v.Authority.PEM()
	allowed := []any{}
	for _, n := range namespaces {
		allowed = append(allowed, n)
	}
	spec["allowedNamespaces"] = map[string]any{"names": allowed}
	if err := v.signed(ctx, spec, controller); err != nil {
		return err
	}
	spec["credential"] = map[string]any{"secretRef": map[string]any{"name": "sendgrid-key", "key": "key"}, "type": "Bearer", "ownCredential": "Replace"}
	if err := v.SetKey(ctx); err != nil {
		return err
	}
	return v.r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), client.ForceOwnership, client.FieldOwner("optup-road"))
}

// signed puts what is of one customer of the vendor into the callbacks of a declaration.
func (v *Vendor) signed(ctx context.Context, spec map[string]any, controller string) error {
	key, err := v.verificationKey(ctx)
	if err != nil {
		return err
	}
	callbacks, _, err := unstructured.NestedSlice(spec, "callbacks")
	if err != nil {
		return err
	}
	for _, c := range callbacks {
		c := c.(map[string]any) //nolint:forcetypeassert // a file of ours
		if err := unstructured.SetNestedStringSlice(c, []string{key}, "signature", "publicKeys"); err != nil {
			return err
		}
		events, _, err := unstructured.NestedSlice(c, "events")
		if err != nil {
			return err
		}
		for _, e := range events {
			e.(map[string]any)["controller"] = controller //nolint:forcetypeassert // a file of ours
		}
		c["events"] = events
	}
	spec["callbacks"] = callbacks
	return nil
}

// SetKey writes the vendor's key to the Secret that sidecars' credentials come from.
func (v *Vendor) SetKey(ctx context.Context) error {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "stringData": map[string]any{"key": v.Key},
		"metadata": map[string]any{
			"name": "sendgrid-key", "namespace": "esp", "labels": map[string]any{"consent.optup.dev/credential": "true"},
			"annotations": map[string]any{"consent.optup.dev/hosts": VendorHost},
		},
	}}
	return v.r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), client.ForceOwnership, client.FieldOwner("optup-road"))
}

// Allow lets a purpose be used in these namespaces, too.
func (r *Road) Allow(ctx context.Context, purpose string, namespaces ...string) error {
	p := &v1alpha1.DataPurpose{}
	if err := r.Client.Get(ctx, types.NamespacedName{Name: purpose}, p); err != nil {
		return err
	}
	if p.Spec.AllowedNamespaces != nil {
		for _, n := range p.Spec.AllowedNamespaces.Names {
			namespaces = append(namespaces, string(n))
		}
	}
	slices.Sort(namespaces)
	namespaces = slices.Compact(namespaces)
	data, err := json.Marshal(map[string]any{"spec": map[string]any{"allowedNamespaces": map[string]any{"names": namespaces}}})
	if err != nil {
		return err
	}
	return r.Patch(ctx, p, client.RawPatch(types.MergePatchType, data))
}
