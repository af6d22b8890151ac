package road

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/optup/optup/api/v1alpha1"
)

// Road is a cluster, and what is needed to bring OptUp and the shop to it.
type Road struct {
	client.Client
	Config *rest.Config
	Set    *kubernetes.Clientset
	// Root of the repository.
	Root string
	// Prefix and Tag of the images, as `make images` named them.
	Prefix, Tag string
	// Helm is the helm binary.
	Helm string
	// Clients is the tag of the images of the vendor and of real clients.
	Clients string
	// names are those of the outside that lead into the cluster.
	names map[string]string
	// provider is the shop's mail provider.
	provider provider
	// Database is the tag of the image of PostgreSQL, for a ledger of two replicas on it; without one the ledger is on a volume.
	Database string
}

// Open connects with the cluster that KUBECONFIG names.
func Open(root, helm string) (*Road, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("no cluster (%w); run make cluster-up, or set KUBECONFIG and CLUSTER=existing", err)
	}
	config.QPS, config.Burst = 200, 400
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	set, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	tag, err := os.ReadFile(filepath.Join(root, "bin", "tag"))
	if err != nil {
		return nil, fmt.Errorf("no images (%w); run make images", err)
	}
	r := &Road{Client: c, Config: config, Set: set, Root: root, Helm: helm, Tag: strings.TrimSpace(string(tag)), Prefix: prefix()}
	return r, nil
}

// prefix is empty on kind, where images are loaded by their bare names.
func prefix() string {
	if os.Getenv("CLUSTER") == "kind" {
		return ""
	}
	if registry := os.Getenv("OPTUP_REGISTRY"); registry != "" {
		return registry + "/"
	}
	return "127.0.0.1:5001/"
}

// Image is the name of one of the images.
func (r *Road) Image(name string) string { return r.Prefix + "optup/" + name + ":" + r.Tag }

// Install installs OptUp with the chart, or brings what is there up to date.
func (r *Road) Install(ctx context.Context) error {
	crds, err := filepath.Glob(filepath.Join(r.Root, "charts/optup/crds/*.yaml"))
	if err != nil {
		return err
	}
	// Helm leaves CRDs alone that are there already.
	if err := r.Apply(ctx, crds...); err != nil {
		return err
	}
	args := []string{
		"upgrade", "--install", "optup", filepath.Join(r.Root, "charts/optup"), "--namespace", "optup-system", "--create-namespace",
		"--wait", "--timeout", "3m", "--set", "images.registry=" + r.Prefix, "--set", "manager.shareInterval=2s",
	}
	for _, i := range []string{"manager", "sidecar", "ledger"} {
		args = append(args, "--set", "images."+i+".tag="+r.Tag)
	}
	out, err := exec.CommandContext(ctx, r.Helm, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("helm: %w\n%s", err, out)
	}
	return r.Until(ctx, time.Minute, "the webhooks know their authority", func(ctx context.Context) (bool, error) {
		m, err := r.Set.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(ctx, "optup", getOptions)
		if err != nil {
			return false, err
		}
		v, err := r.Set.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(ctx, "optup", getOptions)
		return err == nil && len(m.Webhooks[0].ClientConfig.CABundle) > 0 && len(v.Webhooks[0].ClientConfig.CABundle) > 0, err
	})
}

// Apply applies files server-side. Images become those that were built, and the ledger's storage the database if there is one.
func (r *Road) Apply(ctx context.Context, files ...string) error {
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if err := r.ApplyYAML(ctx, string(data)); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(f), err)
		}
	}
	return nil
}

// ApplyYAML applies documents server-side.
func (r *Road) ApplyYAML(ctx context.Context, text string) error {
	text = strings.ReplaceAll(text, "127.0.0.1:5001/optup/shop:dev", r.Image("shop"))
	text = strings.ReplaceAll(text, ProviderHost, r.host())
	for _, i := range []string{"vendor", "client-go", "client-java", "client-node", "client-debian"} {
		text = strings.ReplaceAll(text, "127.0.0.1:5001/optup/"+i+":e2e", r.Prefix+"optup/"+i+":"+r.Clients)
	}
	if r.Database != "" {
		text = strings.ReplaceAll(text, "127.0.0.1:5001/optup/postgres:e2e", r.Prefix+"optup/postgres:"+r.Database)
		text = strings.ReplaceAll(text, "127.0.0.1:5001/optup/mailpit:e2e", r.Prefix+"optup/mailpit:"+r.Database)
		text = strings.ReplaceAll(text, "storage: {sqlite: {size: 1Gi}}", "storage: {postgres: {dsnSecretRef: {name: database, key: url}}}")
	}
	docs := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(doc, &o.Object); err != nil {
			return err
		}
		if len(bytes.TrimSpace(doc)) == 0 || o.Object == nil {
			continue
		}
		if err := r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), client.ForceOwnership, client.FieldOwner("optup-road")); err != nil {
			return fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
}

// Manifest is the path of a manifest of the demo.
func (r *Road) Manifest(name string) string {
	return filepath.Join(r.Root, "test/demo/manifests", name)
}

// Namespaces of the shop.
var Namespaces = []string{"marketing", "marketing-strict", "crm", "esp", "consent", "loyalty", "partner"}

// Clear takes the shop away, with its ledger and the keys in it.
func (r *Road) Clear(ctx context.Context) error {
	for _, list := range []client.ObjectList{&v1alpha1.DataPurposeList{}, &v1alpha1.ConsentNoticeList{}} {
		if err := r.List(ctx, list); err != nil {
			continue // the kinds are not there yet
		}
		switch l := list.(type) {
		case *v1alpha1.DataPurposeList:
			for i := range l.Items {
				_ = r.Delete(ctx, &l.Items[i])
			}
		case *v1alpha1.ConsentNoticeList:
			for i := range l.Items {
				_ = r.Delete(ctx, &l.Items[i])
			}
		}
	}
	for _, n := range Namespaces {
		ns := &corev1.Namespace{}
		ns.Name = n
		if err := client.IgnoreNotFound(r.Delete(ctx, ns)); err != nil {
			return err
		}
	}
	return r.Until(ctx, 3*time.Minute, "the shop's namespaces are gone", func(ctx context.Context) (bool, error) {
		for _, n := range Namespaces {
			err := r.Get(ctx, types.NamespacedName{Name: n}, &corev1.Namespace{})
			if !apierrors.IsNotFound(err) {
				return false, err
			}
		}
		return true, nil
	})
}

// Until waits for something. The error of the last try is part of what it fails with.
func (r *Road) Until(ctx context.Context, limit time.Duration, what string, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last error
	for {
		ok, err := done(ctx)
		if ok {
			return nil
		}
		if err != nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %s (%w)", limit, what, errors.Join(last, ctx.Err()))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
