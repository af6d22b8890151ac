package e2e

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/internal/cli"
)

var _ = Describe("coming and going", Ordered, func() {
	It("doctor finds an enforced shop in order", func(ctx SpecContext) {
		Eventually(func(g Gomega) {
			checks, err := cli.Doctor(ctx, r.Client, cli.DoctorOptions{})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(checks).NotTo(ContainElement(HaveField("Level", cli.Fail)))
			// Sidecars of pods that ended count until they were silent for a minute.
		}).WithContext(ctx).WithTimeout(2 * time.Minute).WithPolling(time.Second).Should(Succeed())
	}, SpecTimeout(3*time.Minute))

	It("uninstall leaves nothing that blocks pods, and installing again enforces again", func(ctx SpecContext) {
		_, err := cli.Uninstall(ctx, r.Client, cli.UninstallOptions{Namespace: "optup-system"})
		Expect(err).NotTo(HaveOccurred())
		p := pause("marketing", "free-again", func(s *corev1.PodSpec) { s.RestartPolicy = corev1.RestartPolicyNever })
		Expect(r.Create(ctx, p)).To(Succeed())
		Eventually(func() corev1.PodPhase {
			Expect(r.Client.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
			return p.Status.Phase
		}).WithContext(ctx).WithTimeout(time.Minute).Should(Equal(corev1.PodSucceeded))
		Expect(p.Spec.InitContainers).To(BeEmpty())
		Expect(r.Delete(ctx, p)).To(Succeed())

		Expect(r.Install(ctx)).To(Succeed())
		Expect(r.Govern(ctx, "enforce", "Enforce")).To(Succeed())
		who := refused()
		before := delivered(ctx, who)
		flows(ctx, allowed())
		watch(ctx, who)
		Consistently(func() int { return delivered(ctx, who) }).WithContext(ctx).WithTimeout(2 * time.Second).Should(Equal(before))
		watch(ctx, "")
	}, SpecTimeout(5*time.Minute))
})
