package controllers

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/optup/optup/internal/certificates"
	"github.com/optup/optup/internal/peer"
)

var _ = Describe("The identities of sidecars", func() {
	name := peer.Name{Domain: "cluster.local", Namespace: marketing, Account: "mailer", Workload: "deployment-mailer-0a1b2c3d"}
	roots := func() *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: IdentityRoots}}
	}
	secret := func() *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: IdentityCASecret}}
	}
	BeforeEach(func() {
		DeferCleanup(func() {
			_ = k8s.Delete(ctx, roots())
			_ = k8s.Delete(ctx, secret())
		})
	})

	It("are signed by an authority of their own for an hour, and verified with what is handed out", func() {
		signer := certificates.NewIdentities(certificates.Options{RESTConfig: cluster, Namespace: system, Secret: IdentityCASecret, Labels: owned(nil)})
		running, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- signer.Start(running) }()
		DeferCleanup(func() { stop(); Expect(<-ended).To(Succeed()) })

		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		Expect(err).NotTo(HaveOccurred())
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		Expect(err).NotTo(HaveOccurred())
		var der []byte
		var expires time.Time
		Eventually(func() (err error) { der, expires, err = signer.Sign(name, public); return err }).Should(Succeed())
		Expect(time.Until(expires)).To(And(BeNumerically(">", 55*time.Minute), BeNumerically("<=", time.Hour)))

		r := &Identities{Client: k8s, Namespace: system, Now: time.Now}
		_, err = r.Reconcile(ctx, reconcile.Request{})
		Expect(err).NotTo(HaveOccurred())
		who, err := peer.New([][]byte{der}, key, r.Authorities(ctx))
		Expect(err).NotTo(HaveOccurred())
		Expect(who.Name).To(Equal(name))
		leaf, err := x509.ParseCertificate(der)
		Expect(err).NotTo(HaveOccurred())
		pool := x509.NewCertPool()
		Expect(pool.AppendCertsFromPEM(r.Authorities(ctx))).To(BeTrue())
		_, err = leaf.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		Expect(err).NotTo(HaveOccurred())
		Expect(string(r.Authorities(ctx))).NotTo(ContainSubstring("PRIVATE"))
	})

	It("are verified with the earlier authority, too, until that has expired", func() {
		now := time.Now()
		r := &Identities{Client: k8s, Namespace: system, Now: func() time.Time { return now }}
		Expect(r.Authorities(ctx)).To(BeNil(), "before there is an authority")
		_, err := r.Reconcile(ctx, reconcile.Request{})
		Expect(err).NotTo(HaveOccurred())
		old, fresh := newAuthority("old", now.Add(24*time.Hour)), newAuthority("new", now.Add(365*24*time.Hour))
		s := secret()
		s.Data = map[string][]byte{corev1.TLSCertKey: old.roots}
		Expect(k8s.Create(ctx, s)).To(Succeed())
		_, err = r.Reconcile(ctx, reconcile.Request{})
		Expect(err).NotTo(HaveOccurred())
		change(secret(), func(s *corev1.Secret) { s.Data = map[string][]byte{corev1.TLSCertKey: fresh.roots} })
		_, err = r.Reconcile(ctx, reconcile.Request{})
		Expect(err).NotTo(HaveOccurred())
		Expect(string(r.Authorities(ctx))).To(Equal(string(fresh.roots) + string(old.roots)))
		now = now.Add(25 * time.Hour)
		_, err = r.Reconcile(ctx, reconcile.Request{})
		Expect(err).NotTo(HaveOccurred())
		Expect(string(r.Authorities(ctx))).To(Equal(string(fresh.roots)))
	})
})
