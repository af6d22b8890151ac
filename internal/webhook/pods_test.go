package webhook

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/internal/inject"
)

// app is a pod of an application that knows nothing of OptUp. It goes after the spec.
func app(namespace string, with ...func(*corev1.Pod)) *corev1.Pod {
	yes := true
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "app-"},
		Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: &yes},
			InitContainers:  []corev1.Container{{Name: "migrate", Image: "app:1"}},
			Containers:      []corev1.Container{{Name: "app", Image: "app:1"}},
		},
	}
	for _, change := range with {
		change(p)
	}
	DeferCleanup(func() {
		if p.Name != "" {
			Expect(client.IgnoreNotFound(k8s.Delete(ctx, p, client.GracePeriodSeconds(0)))).To(Succeed())
		}
	})
	return p
}

// admitted creates a pod and gives it as the API server stored it.
func admitted(p *corev1.Pod) *corev1.Pod {
	GinkgoHelper()
	Expect(k8s.Create(ctx, p)).To(Succeed())
	return p
}

// refused tries to create a pod.
func refused(p *corev1.Pod, because string) {
	GinkgoHelper()
	err := k8s.Create(ctx, p)
	Expect(apierrors.IsForbidden(err)).To(BeTrue(), "want a refusal, got: %v", err)
	Expect(err).To(MatchError(ContainSubstring(because)))
}

func names(containers []corev1.Container) []string {
	var out []string
	for _, c := range containers {
		out = append(out, c.Name)
	}
	return out
}

// withSidecar is a pod that somebody injected by hand, with changes.
func withSidecar(p *corev1.Pod, change func(sidecar *corev1.Container)) *corev1.Pod {
	GinkgoHelper()
	out, report := inject.Inject(p, governed(p.Namespace), config)
	Expect(report.Refusals).To(BeEmpty())
	for i := range out.Spec.InitContainers {
		if out.Spec.InitContainers[i].Name == inject.SidecarName {
			change(&out.Spec.InitContainers[i])
		}
	}
	return out
}

var _ = Describe("A pod in a governed namespace", func() {
	DescribeTable("is injected and admitted", func(namespace string) {
		p := admitted(app(namespace))
		Expect(names(p.Spec.InitContainers)).To(Equal([]string{inject.RedirectName, inject.CheckName, inject.SidecarName, "migrate"}))
		for _, c := range p.Spec.InitContainers[:3] {
			for _, m := range c.VolumeMounts {
				Expect(m.Name).NotTo(HavePrefix("kube-api-access"), "%s must not get a token for the API server", c.Name)
			}
		}
		Expect(inject.Verify(p, governed(namespace), config)).To(BeEmpty())
	},
		Entry("that enforces", "governed"),
		Entry("that observes", "observed"),
		Entry("whose label has a mistyped value", "mistyped"),
	)

	It("is injected without any privilege, and admitted, where Pod Security refuses privileges", func() {
		yes, no := true, false
		p := admitted(app("restricted", func(p *corev1.Pod) {
			confined := &corev1.SecurityContext{
				RunAsNonRoot: &yes, AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			}
			p.Spec.InitContainers[0].SecurityContext, p.Spec.Containers[0].SecurityContext = confined, confined
		}))
		Expect(names(p.Spec.InitContainers)).To(Equal([]string{inject.CheckName, inject.SidecarName, "migrate"}))
		Expect(p.Spec.HostAliases).To(HaveLen(2))
		Expect(inject.CapturedBy(&p.Spec).Hosts).To(Equal([]string{"api.esp.example", "customers.crm"}))
		Expect(inject.Verify(p, governed("restricted"), config)).To(BeEmpty())
	})

	It("is refused where Pod Security refuses privileges and redirection is asked for", func() {
		n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "torn", Labels: map[string]string{
			inject.ModeLabel: inject.ModeEnforce, "pod-security.kubernetes.io/enforce": "baseline", inject.CaptureLabel: inject.CaptureRedirect,
		}}}
		Expect(k8s.Create(ctx, n)).To(Succeed())
		account("torn")
		refused(app("torn"), "NET_ADMIN")
	})

	It("keeps what the application has, its token for the API server included", func() {
		p := admitted(app("governed"))
		Expect(p.Spec.Containers[0].VolumeMounts).To(ContainElement(HaveField("MountPath", "/var/run/secrets/kubernetes.io/serviceaccount")))
	})

	It("is admitted with the limits that its namespace prescribes", func() {
		limits := &corev1.LimitRange{
			ObjectMeta: metav1.ObjectMeta{Namespace: "governed", Name: "limits"},
			Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
				Type:           corev1.LimitTypeContainer,
				Default:        corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi"), corev1.ResourceEphemeralStorage: resource.MustParse("1Gi")},
				DefaultRequest: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m")},
			}}},
		}
		Expect(k8s.Create(ctx, limits)).To(Succeed())
		DeferCleanup(func() { Expect(k8s.Delete(ctx, limits)).To(Succeed()) })
		// The API server reads limits from a cache.
		Eventually(func(g Gomega) {
			p := app("governed")
			g.Expect(k8s.Create(ctx, p)).To(Succeed())
			g.Expect(p.Spec.Containers[0].Resources.Limits).To(HaveKey(corev1.ResourceMemory))
		}).Should(Succeed())
	})

	It("is admitted as it was injected before, for example by a copy of it", func() {
		p := withSidecar(app("governed"), func(*corev1.Container) {})
		Expect(names(admitted(p).Spec.InitContainers)).To(HaveLen(4))
		DeferCleanup(func() { Expect(k8s.Delete(ctx, p, client.GracePeriodSeconds(0))).To(Succeed()) })
	})

	DescribeTable("is refused with the sentence that says what to change", func(change func(*corev1.Pod), sentence string) {
		refused(app("governed", change), sentence)
	},
		Entry("on the host's network", func(p *corev1.Pod) { p.Spec.HostNetwork = true },
			"the pod must not use the host's network, which no sidecar can guard; set hostNetwork to false"),
		Entry("among the host's processes", func(p *corev1.Pod) { p.Spec.HostPID = true },
			"the pod must not see the host's processes; set hostPID to false"),
		Entry("as the sidecar's user", func(p *corev1.Pod) { id := int64(inject.ReservedID); p.Spec.SecurityContext.RunAsUser = &id },
			"reserved for the sidecar; choose another"),
		Entry("with NET_ADMIN", func(p *corev1.Pod) {
			p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN"}}}
		}, `container "app" must not add capability NET_ADMIN`),
		Entry("with a sidecar of Istio", func(p *corev1.Pod) { p.Labels = map[string]string{"sidecar.istio.io/inject": "true"} },
			"have its proxy ask at OptUp's decision doors"),
		Entry("with a container under our name", func(p *corev1.Pod) { p.Spec.Containers[0].Name = inject.SidecarName },
			"has a name that is reserved for OptUp; rename it"),
	)

	DescribeTable("is refused with a changed sidecar", func(change func(*corev1.Container)) {
		refused(withSidecar(app("governed"), change), `init container "optup-sidecar" differs from the one that OptUp injects`)
	},
		Entry("of another image", func(c *corev1.Container) { c.Image = "impostor:1" }),
		Entry("with another manager", func(c *corev1.Container) { c.Args[2] = "https://impostor:9443" }),
		Entry("without its probe", func(c *corev1.Container) { c.StartupProbe = nil }),
		Entry("with more to see", func(c *corev1.Container) {
			c.Env = append(c.Env, corev1.EnvVar{Name: "HTTPS_PROXY", Value: "http://impostor"})
		}),
	)

	It("is refused with a token with which it could pose as its sidecar", func() {
		refused(app("governed", func(p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{{Name: "token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
				Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: inject.ManagerAudience, Path: "t"}}},
			}}}}
		}), "must not project a token for optup-manager")
	})
})

var _ = Describe("A change to a pod in a governed namespace", func() {
	debug := func(p *corev1.Pod, security *corev1.SecurityContext) error {
		changed := p.DeepCopy()
		changed.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name: "debug", Image: "busybox:1", SecurityContext: security, TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		}}}
		return k8s.SubResource("ephemeralcontainers").Update(ctx, changed)
	}

	It("is refused where an ephemeral container gets NET_ADMIN", func() {
		err := debug(admitted(app("governed")), &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN"}}})
		Expect(apierrors.IsForbidden(err)).To(BeTrue(), "want a refusal, got: %v", err)
		Expect(err).To(MatchError(ContainSubstring(`ephemeral container "debug" must not add capability NET_ADMIN`)))
	})

	It("is refused where an ephemeral container runs as the sidecar's user", func() {
		id := int64(inject.ReservedID)
		Expect(debug(admitted(app("governed")), &corev1.SecurityContext{RunAsUser: &id})).To(MatchError(ContainSubstring("reserved for the sidecar")))
	})

	It("is refused where an ephemeral container looks into the sidecar's processes", func() {
		p := admitted(app("governed"))
		p.Spec.EphemeralContainers = []corev1.EphemeralContainer{{TargetContainerName: inject.SidecarName, EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name: "debug", Image: "busybox:1", TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		}}}
		Expect(k8s.SubResource("ephemeralcontainers").Update(ctx, p)).To(MatchError(ContainSubstring("must not look into the processes of optup-sidecar")))
	})

	It("is admitted where an ephemeral container can do no harm", func() {
		Expect(debug(admitted(app("governed")), nil)).To(Succeed())
	})

	It("is refused where the sidecar gets another image", func() {
		p := admitted(app("governed"))
		p.Spec.InitContainers[2].Image = "impostor:1"
		err := k8s.Update(ctx, p)
		Expect(apierrors.IsForbidden(err)).To(BeTrue(), "want a refusal, got: %v", err)
		Expect(err).To(MatchError(ContainSubstring("optup-sidecar must not be changed")))
	})

	It("is admitted where it concerns the application", func() {
		p := admitted(app("governed"))
		p.Spec.Containers[0].Image = "app:2"
		p.Labels = map[string]string{"version": "2"}
		Expect(k8s.Update(ctx, p)).To(Succeed())
	})

	It("is admitted for a pod that was there before the namespace was governed", func() {
		Expect(k8s.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "late"}})).To(Succeed())
		account("late")
		p := admitted(app("late"))
		n := &corev1.Namespace{}
		Expect(k8s.Get(ctx, client.ObjectKey{Name: "late"}, n)).To(Succeed())
		n.Labels[inject.ModeLabel] = inject.ModeEnforce
		Expect(k8s.Update(ctx, n)).To(Succeed())
		p.Labels = map[string]string{"version": "2"}
		Expect(k8s.Update(ctx, p)).To(Succeed())
	})

	It("lets finalizers come off, whatever the pod looks like", func() {
		p := admitted(app("governed", func(p *corev1.Pod) { p.Finalizers = []string{"example.com/wait"} }))
		Expect(k8s.Delete(ctx, p, client.GracePeriodSeconds(0))).To(Succeed())
		Expect(k8s.Get(ctx, client.ObjectKeyFromObject(p), p)).To(Succeed())
		p.Finalizers = nil
		Expect(k8s.Update(ctx, p)).To(Succeed())
		Expect(k8s.Get(ctx, client.ObjectKeyFromObject(p), p)).To(MatchError(ContainSubstring("not found")))
	})
})

var _ = Describe("A pod elsewhere", func() {
	DescribeTable("is left as it is", func(namespace string) {
		p := admitted(app(namespace, func(p *corev1.Pod) { p.Spec.HostNetwork = true }))
		Expect(names(p.Spec.InitContainers)).To(Equal([]string{"migrate"}))
		Expect(p.Spec.Volumes).To(HaveLen(1), "its token for the API server alone")
	},
		Entry("without the label", "free"),
		Entry("in kube-system", "kube-system"),
		Entry("in our own namespace, even with the label", releaseNamespace),
	)
})

var _ = Describe("While the webhooks do not answer", Serial, func() {
	BeforeEach(func() {
		stop()
		DeferCleanup(start)
	})

	It("governed namespaces get no pods, and others do", func() {
		for _, namespace := range []string{"governed", "observed", "mistyped"} {
			err := k8s.Create(ctx, app(namespace))
			Expect(err).To(MatchError(ContainSubstring("failed calling webhook")), namespace)
		}
		admitted(app("free"))
		admitted(app("kube-system"))
	})
})
