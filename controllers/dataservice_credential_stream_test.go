package controllers

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/optup/optup/api/v1alpha1"
	sidecar "github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/identity"
)

// podTokens take the name of a pod for its token.
type podTokens map[string]*corev1.Pod

func (p podTokens) Verify(token string) (identity.Identity, error) {
	pod := p[token]
	if pod == nil {
		return identity.Identity{}, identity.ErrRefused
	}
	who := who(pod)
	who.Expires = time.Now().Add(time.Hour)
	return who, nil
}

type noGrants struct{}

func (noGrants) Sign(identity.Grant) (string, error) { return "grant", nil }

// written is a log that several goroutines write.
type written struct {
	mu   gosync.Mutex
	text bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *written) String() string { w.mu.Lock(); defer w.mu.Unlock(); return w.text.String() }

// lender is a manager whose sidecars are connected to it, each by a real client.
type lender struct {
	world   *world
	log     written
	url, ca string
	folder  string
}

func newLender(w *world, pods podTokens) *lender {
	GinkgoHelper()
	l := &lender{world: w, folder: GinkgoT().TempDir()}
	run, stop := context.WithCancel(ctx)
	skip := true
	// The most that a manager logs.
	log := logr.FromSlogHandler(slog.NewTextHandler(&l.log, &slog.HandlerOptions{Level: slog.Level(-7)}))
	mgr, err := ctrl.NewManager(cluster, manager.Options{
		Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}, Controller: config.Controller{SkipNameValidation: &skip}, Logger: log,
	})
	Expect(err).NotTo(HaveOccurred())
	marked, err := cache.New(cluster, cache.Options{Scheme: scheme, ByObject: map[client.Object]cache.ByObject{
		&corev1.Secret{}: {Label: labels.SelectorFromSet(labels.Set{v1alpha1.LabelCredential: "true"})},
	}})
	Expect(err).NotTo(HaveOccurred())
	values := &Values{Reader: mgr.GetClient(), Secrets: marked, Direct: mgr.GetAPIReader()}
	Expect(values.Watch(run, marked)).To(Succeed())
	Expect(mgr.Add(manager.RunnableFunc(marked.Start))).To(Succeed())
	Expect((&Bundles{Client: mgr.GetClient(), Sessions: w.sessions, Values: values}).SetupWithManager(mgr)).To(Succeed())
	services, err := cache.New(cluster, cache.Options{Scheme: scheme, ByObject: PodsCache()})
	Expect(err).NotTo(HaveOccurred())
	places := &Pods{Reader: mgr.GetClient(), Services: services, Domain: "cluster.local"}
	Expect(places.Watch(run, services)).To(Succeed())
	Expect(mgr.Add(manager.RunnableFunc(services.Start))).To(Succeed())
	d := &Directory{Reader: mgr.GetClient()}
	Expect(d.Watch(run, mgr.GetCache())).To(Succeed())
	s := &server.Server{Tokens: pods, Directory: d, Grants: noGrants{}, Sessions: w.sessions, Values: values, Pods: places, Now: time.Now}
	srv := httptest.NewUnstartedServer(s.Handler())
	srv.EnableHTTP2 = true
	srv.StartTLS()
	done := make(chan error)
	go func() { done <- mgr.Start(run) }()
	DeferCleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		stop()
		Eventually(done).WithTimeout(30 * time.Second).Should(Receive(BeNil()))
	})
	l.url, l.ca = srv.URL, l.file("ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
	return l
}

func (l *lender) file(name, text string) string {
	GinkgoHelper()
	name = filepath.Join(l.folder, name)
	Expect(os.WriteFile(name, []byte(text), 0o600)).To(Succeed())
	return name
}

// connect gives what a pod's sidecar has of the key, at any time.
func (l *lender) connect(pod *corev1.Pod) func() string {
	run, stop := context.WithCancel(ctx)
	state := filepath.Join(l.folder, pod.Name)
	Expect(os.Mkdir(state, 0o700)).To(Succeed())
	var mu gosync.Mutex
	var has string
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = sidecar.Run(run, sidecar.Options{
			Manager: l.url, TrustFile: l.ca, TokenFile: l.file(pod.Name+".token", pod.Name), StateDir: state, Version: "test",
			Logger: slog.New(slog.NewTextHandler(&l.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Apply: func(u sidecar.Update) error {
				mu.Lock()
				defer mu.Unlock()
				if v, ok := u.Credentials[espValue]; ok {
					has = v.Reveal()
				}
				return nil
			},
		})
	}()
	DeferCleanup(func() { stop(); <-done })
	return func() string { mu.Lock(); defer mu.Unlock(); return has }
}

var _ = Describe("A credential on its way", Ordered, func() {
	const second = "SG.correct-cavalry"
	var (
		w             *world
		l             *lender
		mailer, other func() string
		service       *v1alpha1.DataService
		secret        *corev1.Secret
	)
	BeforeAll(func() {
		w = newWorld("enforce")
		create(w.ledger("main"), w.newsletter())
		service, secret = w.credentialed(), w.secret()
		DeferCleanup(func() { Expect(client.IgnoreNotFound(k8s.Delete(ctx, w.secret()))).To(Succeed()) })
		create(service, w.policy("mailer", "mailer"))
		pods := podTokens{}
		for _, name := range []string{"mailer", "dashboard"} {
			pod := w.running(name, "a")
			pods[pod.Name] = pod
		}
		l = newLender(w, pods)
		mailer, other = l.connect(pods["mailer-5d4f-a"]), l.connect(pods["dashboard-5d4f-a"])
	})
	condition := func(status metav1.ConditionStatus, reason string) {
		GinkgoHelper()
		Eventually(func() []metav1.Condition { return fresh(service).Status.Conditions }).Should(haveCondition("CredentialReady", status, reason, ""))
	}

	It("is missing while there is no Secret", func() {
		condition(metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound)
		Expect(mailer()).To(BeEmpty())
	})
	It("reaches a stream that is open when the Secret comes, and its status", func() {
		Expect(k8s.Create(ctx, secret)).To(Succeed()) // it stays for the specs that follow
		Eventually(mailer).Should(Equal(espKey))
		condition(metav1.ConditionTrue, v1alpha1.ReasonCredentialReady)
	})
	It("changes with the Secret", func() {
		change(secret, func(s *corev1.Secret) { s.Data["key"] = []byte(second) })
		Eventually(mailer).Should(Equal(second))
	})
	It("is taken away when the Secret is broken, and comes back", func() {
		change(secret, func(s *corev1.Secret) { s.Data["key"] = []byte(second + "\nX: y") })
		Eventually(mailer).Should(BeEmpty())
		condition(metav1.ConditionFalse, v1alpha1.ReasonCredentialUnusable)
		change(secret, func(s *corev1.Secret) { s.Data["key"] = []byte(second) })
		Eventually(mailer).Should(Equal(second))
	})
	It("is taken away when the Secret's owner takes back the mark, or a host", func() {
		change(secret, func(s *corev1.Secret) { s.Labels = nil })
		Eventually(mailer).Should(BeEmpty())
		condition(metav1.ConditionFalse, v1alpha1.ReasonSecretNotPermitted)
		change(secret, func(s *corev1.Secret) { s.Labels = map[string]string{v1alpha1.LabelCredential: "true"} })
		Eventually(mailer).Should(Equal(second))
		change(secret, func(s *corev1.Secret) { s.Annotations[v1alpha1.AnnotationHosts] = "other.example" })
		Eventually(mailer).Should(BeEmpty())
		change(secret, func(s *corev1.Secret) { s.Annotations[v1alpha1.AnnotationHosts] = "api." + esp + ".svc" })
		Eventually(mailer).Should(Equal(second))
	})
	It("goes to nobody without a rule about the service", func() {
		Expect(other()).To(BeEmpty())
	})
	It("is in no object but its Secret, in no log, metric, or state folder", func() {
		Expect(holding(second, espKey)).To(ConsistOf("secrets " + esp + "/mail"))
		told := l.log.String()
		Expect(filepath.WalkDir(l.folder, func(path string, f os.DirEntry, err error) error {
			if err == nil && !f.IsDir() {
				var text []byte
				text, err = os.ReadFile(path)
				told += string(text)
			}
			return err
		})).To(Succeed())
		families, err := metrics.Registry.Gather()
		Expect(err).NotTo(HaveOccurred())
		for _, f := range families {
			told += f.String()
		}
		Expect(told).To(And(ContainSubstring("mail/key"), ContainSubstring("bundles"), ContainSubstring("workqueue")), "there is something to look at")
		for line := range strings.Lines(told) {
			Expect(line).NotTo(Or(ContainSubstring("correct"), ContainSubstring(base64.StdEncoding.EncodeToString([]byte("SG.correct-"))[:14])))
		}
	})
	It("is taken away when the Secret is deleted", func() {
		Expect(k8s.Delete(ctx, secret)).To(Succeed())
		Eventually(mailer).Should(BeEmpty())
		condition(metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound)
	})
})

// holding lists the objects of the whole cluster that hold one of some texts, in base64 too.
func holding(texts ...string) []string {
	GinkgoHelper()
	d, err := discovery.NewDiscoveryClientForConfig(cluster)
	Expect(err).NotTo(HaveOccurred())
	kinds, err := d.ServerPreferredResources()
	Expect(err).NotTo(HaveOccurred())
	all, err := dynamic.NewForConfig(cluster)
	Expect(err).NotTo(HaveOccurred())
	var out []string
	seen := 0
	for _, group := range kinds {
		for i := range group.APIResources {
			r := &group.APIResources[i]
			if !strings.Contains(strings.Join(r.Verbs, " "), "list") {
				continue
			}
			gv, err := schema.ParseGroupVersion(group.GroupVersion)
			Expect(err).NotTo(HaveOccurred())
			list, err := all.Resource(gv.WithResource(r.Name)).List(ctx, metav1.ListOptions{})
			Expect(err).NotTo(HaveOccurred(), r.Name)
			for j := range list.Items {
				text, err := list.Items[j].MarshalJSON()
				Expect(err).NotTo(HaveOccurred())
				seen++
				for _, t := range texts {
					if bytes.Contains(text, []byte(t)) || bytes.Contains(text, []byte(base64.StdEncoding.EncodeToString([]byte(t)))) {
						out = append(out, r.Name+" "+list.Items[j].GetNamespace()+"/"+list.Items[j].GetName())
						break
					}
				}
			}
		}
	}
	Expect(seen).To(BeNumerically(">", 50), "objects that were looked at")
	return out
}
