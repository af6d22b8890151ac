package controllers

import (
	"crypto/x509"
	"encoding/pem"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/optup/optup/api/v1alpha1"
)

var _ = Describe("The certificate of a ConsentLedger", func() {
	var (
		r *ledgers
		l *v1alpha1.ConsentLedger
	)
	BeforeEach(func() {
		r = newLedgers()
		l = newWorld("enforce").ledger("main")
		create(l)
		r.reconcile(l)
	})
	signedBy := func(a *authority) bool {
		GinkgoHelper()
		block, _ := pem.Decode(fresh(secret("main-ledger-tls")).Data[corev1.TLSCertKey])
		c, err := x509.ParseCertificate(block.Bytes)
		Expect(err).NotTo(HaveOccurred())
		return c.CheckSignatureFrom(a.certificate) == nil
	}

	It("is renewed when the authority changes", func() {
		first := r.authority
		Expect(signedBy(first)).To(BeTrue())
		r.authority = newAuthority("second", time.Now().Add(365*24*time.Hour))
		r.reconcile(l)
		Expect(signedBy(first)).To(BeFalse())
		Expect(signedBy(r.authority)).To(BeTrue())
	})

	It("is renewed after two thirds of its life", func() {
		for age, renewed := range map[time.Duration]bool{4 * 24 * time.Hour: false, 5 * 24 * time.Hour: true, 8 * 24 * time.Hour: true} {
			from := time.Now().Add(-age)
			old, key := r.authority.leaf(from, from.Add(7*24*time.Hour), []string{"main-ledger.consent.svc"})
			change(secret("main-ledger-tls"), func(s *corev1.Secret) {
				s.Data = map[string][]byte{corev1.TLSCertKey: old, corev1.TLSPrivateKeyKey: key}
			})
			r.reconcile(l)
			Expect(string(fresh(secret("main-ledger-tls")).Data[corev1.TLSCertKey]) != string(old)).To(Equal(renewed), "after %s", age)
		}
	})

	It("is renewed when it is for another name, or none at all", func() {
		other, key := r.authority.leaf(time.Now(), time.Now().Add(7*24*time.Hour), []string{"elsewhere.consent.svc"})
		for _, bad := range [][]byte{other, []byte("nonsense")} {
			change(secret("main-ledger-tls"), func(s *corev1.Secret) {
				s.Data = map[string][]byte{corev1.TLSCertKey: bad, corev1.TLSPrivateKeyKey: key}
			})
			r.reconcile(l)
			Expect(signedBy(r.authority)).To(BeTrue())
			Expect(fresh(secret("main-ledger-tls")).Data[corev1.TLSCertKey]).NotTo(Equal(bad))
		}
	})
})
