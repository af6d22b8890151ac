package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var _ = Describe("The key that grants are signed with", func() {
	BeforeEach(func() {
		DeferCleanup(func() { _ = k8s.Delete(ctx, grantSecret()) })
	})

	It("is made once and the same for every replica", func() {
		first, err := GrantKey(ctx, k8s, system)
		Expect(err).NotTo(HaveOccurred())
		second, err := GrantKey(ctx, k8s, system)
		Expect(err).NotTo(HaveOccurred())
		Expect(second).To(Equal(first))
	})

	It("is never replaced where it cannot be read", func() {
		s := grantSecret()
		s.Data = map[string][]byte{grantSeed: []byte("short")}
		create(s)
		_, err := GrantKey(ctx, k8s, system)
		Expect(err).To(MatchError(ContainSubstring("holds no key for grants; delete it")))
		Expect(fresh(grantSecret()).Data).To(Equal(s.Data))
	})
})

func grantSecret() *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: GrantSecret}}
}
