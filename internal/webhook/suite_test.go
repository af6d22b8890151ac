package webhook

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/optup/optup/internal/inject"
)

var (
	ctx = context.Background()
	// environment is an API server of the suite's own, without nodes, with the webhook configurations of the chart.
	environment *envtest.Environment
	k8s         client.Client
	config      = inject.Config{Image: "optup/sidecar:1", ManagerURL: "https://optup-manager.optup-system.svc:9443"}
	// stop stops the webhooks; start starts them.
	stop func()
)

func TestWebhook(t *testing.T) {
	if err := assets(); err != nil {
		t.Fatal(err)
	}
	RegisterFailHandler(Fail)
	RunSpecs(t, "Webhook")
}

// assets fails where there is no API server to run: a suite that skips itself proves nothing.
func assets() error {
	dir := os.Getenv("KUBEBUILDER_ASSETS")
	for _, program := range []string{"etcd", "kube-apiserver"} {
		if _, err := os.Stat(filepath.Join(dir, program)); dir == "" || err != nil {
			return fmt.Errorf("this suite needs %s in the folder that KUBEBUILDER_ASSETS names (now %q): run `make assets`, then `make test`", program, dir)
		}
	}
	return nil
}

var _ = BeforeSuite(func() {
	ctrl.SetLogger(GinkgoLogr)
	SetDefaultEventuallyTimeout(30 * time.Second)
	mutating, validating := configurations()
	environment = &envtest.Environment{
		WebhookInstallOptions: envtest.WebhookInstallOptions{
			MutatingWebhooks: mutating, ValidatingWebhooks: validating, LocalServingHost: "127.0.0.1",
		},
		ControlPlaneStartTimeout: 2 * time.Minute,
		ControlPlaneStopTimeout:  time.Minute,
	}
	// As on a cluster, pods get a token for the API server mounted into every container.
	environment.ControlPlane.GetAPIServer().Configure().Disable("disable-admission-plugins")
	cluster, err := environment.Start()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(environment.Stop)
	cluster.QPS, cluster.Burst = 500, 1000
	k8s, err = client.New(cluster, client.Options{Scheme: clientgoscheme.Scheme})
	Expect(err).NotTo(HaveOccurred())
	start()
	DeferCleanup(func() { stop() })
	for name, labels := range map[string]map[string]string{
		"governed": {inject.ModeLabel: inject.ModeEnforce}, "observed": {inject.ModeLabel: inject.ModeObserve},
		"restricted": {inject.ModeLabel: inject.ModeEnforce, "pod-security.kubernetes.io/enforce": "restricted"},
		"mistyped":   {inject.ModeLabel: "enfroce"}, "free": nil, releaseNamespace: {inject.ModeLabel: inject.ModeEnforce},
	} {
		Expect(k8s.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})).To(Succeed())
		account(name)
	}
	account("kube-system")
})

// places are read from the API server. The same hosts are governed everywhere.
type places struct{}

// Of implements Places.
func (places) Of(ctx context.Context, pod *corev1.Pod) (inject.Namespace, error) {
	n := &corev1.Namespace{}
	err := k8s.Get(ctx, client.ObjectKey{Name: pod.Namespace}, n)
	return inject.Namespace{Name: n.Name, Labels: n.Labels, Annotations: n.Annotations, Hosts: []string{"api.esp.example", "customers.crm"}}, err
}

// governed is what is known of a namespace.
func governed(name string) inject.Namespace {
	GinkgoHelper()
	n, err := places{}.Of(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: name}})
	Expect(err).NotTo(HaveOccurred())
	return n
}

// account makes the service account that pods run under; no controller does.
func account(namespace string) {
	GinkgoHelper()
	Expect(k8s.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "default"}})).To(Succeed())
}

// start runs the webhooks as the manager does, and waits until they answer.
func start() {
	GinkgoHelper()
	o := environment.WebhookInstallOptions
	server := ctrlwebhook.NewServer(ctrlwebhook.Options{Host: o.LocalServingHost, Port: o.LocalServingPort, CertDir: o.LocalServingCertDir})
	decoder := admission.NewDecoder(clientgoscheme.Scheme)
	server.Register(MutatePath, &admission.Webhook{Handler: &Mutate{Config: config, Places: places{}, Decoder: decoder}})
	server.Register(ValidatePath, &admission.Webhook{Handler: &Validate{Config: config, Places: places{}, Decoder: decoder}})
	run, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- server.Start(run) }()
	stop = func() {
		cancel()
		Eventually(done).Should(Receive(BeNil()))
	}
	address := net.JoinHostPort(o.LocalServingHost, fmt.Sprint(o.LocalServingPort))
	Eventually(func() error {
		c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // only whether it answers
		if err != nil {
			return err
		}
		return c.Close()
	}).Should(Succeed())
}
