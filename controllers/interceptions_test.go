package controllers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/distribute/configv1"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/testkit"
)

var _ = Describe("The authority of interception", func() {
	var (
		w     *world
		r     *Interceptions
		clock *testkit.Clock
		mail  *v1alpha1.DataService
	)
	secret := func() *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: InterceptionSecret(marketing)}}
	}
	BeforeEach(func() {
		w = newWorld("enforce")
		clock = testkit.NewClock(time.Now())
		r = &Interceptions{Client: k8s, Namespace: system, Now: clock.Now}
		DeferCleanup(func() { _ = k8s.Delete(ctx, secret()) })
		w.mailer()
		mail = fresh(w.mail())
	})
	reconciled := func() {
		GinkgoHelper()
		w.reconcile()
		_, err := r.Reconcile(ctx, reconcile.Request{NamespacedName: types.NamespacedName{Name: marketing}})
		Expect(err).NotTo(HaveOccurred())
	}
	// intercepts has the mail service called by HTTPS, under some hosts.
	intercepts := func(hosts ...v1alpha1.Host) {
		GinkgoHelper()
		change(mail, func(s *v1alpha1.DataService) {
			s.Spec.Hosts = hosts
			s.Spec.Ports = []v1alpha1.ServicePort{{Port: 443, Protocol: v1alpha1.ProtocolHTTPS, TLS: &v1alpha1.PortTLS{Mode: v1alpha1.TLSIntercept}}}
		})
		reconciled()
	}
	authorities := func() intercept.Authorities {
		GinkgoHelper()
		return intercept.ReadAuthorities(fresh(secret()).Data)
	}

	It("is there where something is intercepted, and for that alone", func() {
		reconciled()
		Expect(k8s.Get(ctx, keyOf(secret()), secret())).To(MatchError(ContainSubstring("not found")))
		intercepts("api.esp.example")
		Expect(authorities()).To(HaveLen(1))
		Expect(authorities()[0].Certificate.PermittedDNSDomains).To(Equal([]string{"api.esp.example"}))
		Expect(authorities()[0].Certificate.PermittedDNSDomainsCritical).To(BeTrue())
		Expect(fresh(secret()).OwnerReferences[0].Name).To(Equal(marketing), "it goes with the namespace")
	})

	It("is written once, and followed by a new one for a new host and in time", func() {
		intercepts("api.esp.example")
		first := fresh(secret()).ResourceVersion
		reconciled()
		Expect(fresh(secret()).ResourceVersion).To(Equal(first))
		clock.Advance(time.Hour)
		intercepts("api.esp.example", "eu.esp.example")
		Expect(authorities()).To(HaveLen(2), "pods that run trust the first one")
		clock.Advance(intercept.AuthorityLife/2 + time.Hour)
		reconciled()
		Expect(authorities()).To(HaveLen(3))
		clock.Advance(intercept.AuthorityLife/2 - 30*time.Minute)
		reconciled()
		Expect(authorities()).To(HaveLen(1), "the first two have ended")
	})

	It("goes when nothing is governed any more", func() {
		intercepts("api.esp.example")
		label(marketing, "")
		_, err := r.Reconcile(ctx, reconcile.Request{NamespacedName: types.NamespacedName{Name: marketing}})
		Expect(err).NotTo(HaveOccurred())
		Expect(fresh(secret()).Data).To(BeEmpty())
	})

	It("is public in its namespace, without its key", func() {
		intercepts("api.esp.example")
		create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: CASecret}, Data: map[string][]byte{corev1.TLSCertKey: newAuthority("ours", time.Now().Add(time.Hour)).roots}})
		DeferCleanup(func() {
			for _, ns := range []string{system, marketing, consent} {
				_ = k8s.Delete(ctx, trusted(ns))
			}
		})
		_, err := (&Trust{Client: k8s, Namespace: system, Webhooks: "optup", Now: time.Now}).Reconcile(ctx, reconcile.Request{})
		Expect(err).NotTo(HaveOccurred())
		m := fresh(trusted(marketing))
		Expect(m.Data[inject.InterceptionKey]).To(BeEquivalentTo(authorities().PEM()))
		Expect(m.Data[inject.TrustKey]).NotTo(BeEmpty())
		for _, text := range m.Data {
			Expect(text).NotTo(ContainSubstring("PRIVATE"))
		}
		Expect(fresh(trusted(system)).Data).NotTo(HaveKey(inject.InterceptionKey))
	})

	It("signs on every replica, for the hosts of its namespace", func() {
		intercepts("api.esp.example")
		i := &Interceptor{Reader: k8s, Namespace: system, Now: clock.Now}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		Expect(err).NotTo(HaveOccurred())
		certificates, leaves, err := i.Sign(ctx, marketing, []string{"api.esp.example"}, key.Public(), nil)
		Expect(err).NotTo(HaveOccurred())
		leaf, err := x509.ParseCertificate(leaves[0])
		Expect(err).NotTo(HaveOccurred())
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(authorities().PEM())
		_, err = leaf.Verify(x509.VerifyOptions{DNSName: "api.esp.example", Roots: roots})
		Expect(err).NotTo(HaveOccurred())
		Expect(certificates).To(HaveLen(1))
		_, _, err = i.Sign(ctx, marketing, []string{"bank.example"}, key.Public(), nil)
		Expect(err).To(MatchError(intercept.ErrNoLeaf))
		_, _, err = i.Sign(ctx, esp, []string{"api.esp.example"}, key.Public(), nil)
		Expect(err).To(MatchError(intercept.ErrNoLeaf), "another namespace has no authority")
		Expect(i.Version(ctx, esp)).To(BeEmpty())
		version := i.Version(ctx, marketing)
		clock.Advance(time.Hour)
		intercepts("api.esp.example", "eu.esp.example")
		Expect(i.Version(ctx, marketing)).NotTo(Equal(version))
	})

	It("is not accepted by applications, and status names the hosts", func() {
		intercepts("api.esp.example")
		pod := w.running("mailer", "a")
		says := func(hosts ...string) {
			GinkgoHelper()
			c := w.config()
			w.sessions.Acknowledge(string(pod.UID), caller(pod), &configv1.AcknowledgeRequest{
				Generation: c.Spec.Generation, Hash: c.Spec.Hash, Accepted: true, UntrustingHosts: hosts,
			})
			w.reconcile()
		}
		says()
		for _, c := range w.config().Status.Conditions {
			Expect(c.Type).NotTo(Equal(v1alpha1.ConditionTrusted))
		}
		says("api.esp.example", "a.host.that.nobody.declared")
		Expect(w.config().Status.Conditions).To(haveCondition(v1alpha1.ConditionTrusted, metav1.ConditionFalse, v1alpha1.ReasonCertificateNotAccepted, "certificate for api.esp.example. They"))
		Expect(strings.Join(conditionTexts(w.config().Status.Conditions), " ")).NotTo(ContainSubstring("nobody"))
		says()
		Expect(w.config().Status.Conditions).To(haveCondition(v1alpha1.ConditionTrusted, metav1.ConditionTrue, v1alpha1.ReasonTrusted, ""))
	})
})

func conditionTexts(all []metav1.Condition) (out []string) {
	for _, c := range all {
		out = append(out, c.Message)
	}
	return out
}
