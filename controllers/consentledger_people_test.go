package controllers

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
)

var _ = Describe("A ConsentLedger that people reach", func() {
	var (
		r *ledgers
		l *v1alpha1.ConsentLedger
	)
	container := func() corev1.Container {
		set := fresh(&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: "main-ledger"}})
		return set.Spec.Template.Spec.Containers[0]
	}
	service := func(name string) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: name}}
	}
	BeforeEach(func() {
		w := newWorld("enforce")
		r = newLedgers()
		l = w.ledger("main")
		l.Spec.Pages = &v1alpha1.LedgerPages{PublicURL: "https://consent.shop.example", Proxies: []v1alpha1.NetworkRange{"10.0.0.0/8", "fd00::/8"}}
		create(l)
		r.reconcile(l)
	})

	It("has a Service of the pages and nothing else", func() {
		s := fresh(service("main-ledger-pages"))
		Expect(s.Spec.Ports).To(HaveLen(1))
		Expect(s.Spec.Ports[0].TargetPort.IntValue()).To(Equal(8444))
		Expect(container().Ports).To(ContainElement(And(HaveField("Name", "pages"), HaveField("ContainerPort", BeEquivalentTo(8444)))))
		api := fresh(service("main-ledger"))
		Expect(api.Spec.Ports).To(HaveLen(1))
		Expect(api.Spec.Ports[0].TargetPort.IntValue()).To(Equal(8443))
	})

	It("is told its public address, and whose word about clients counts", func() {
		Expect(container().Args).To(ContainElements("--pages", ":8444", "--public-url", "https://consent.shop.example", "--pages-proxies", "10.0.0.0/8,fd00::/8"))
		Expect(container().Args).NotTo(ContainElement("--smtp-server"))
	})

	It("has a certificate for that Service, too", func() {
		files := fresh(secret("main-ledger-tls"))
		Expect(good(files.Data[corev1.TLSCertKey], []string{"main-ledger.consent.svc", "main-ledger-pages.consent.svc"}, time.Now(), "", "")).To(BeTrue())
	})

	It("loses the Service with the pages", func() {
		change(l, func(l *v1alpha1.ConsentLedger) { l.Spec.Pages = nil })
		r.reconcile(l)
		Expect(k8s.Get(ctx, keyOf(service("main-ledger-pages")), service(""))).To(MatchError(ContainSubstring("not found")))
		Expect(container().Args).NotTo(ContainElement("--pages"))
		fresh(service("main-ledger"))
	})

	It("leaves a Service of that name alone that is somebody else's", func() {
		Expect(k8s.Delete(ctx, service("main-ledger-pages"))).To(Succeed())
		other := service("main-ledger-pages")
		other.Spec.Ports = []corev1.ServicePort{{Port: 80}}
		create(other)
		change(l, func(l *v1alpha1.ConsentLedger) { l.Spec.Pages = nil })
		r.reconcile(l)
		fresh(other)
	})

	Context("by mail", func() {
		BeforeEach(func() {
			change(l, func(l *v1alpha1.ConsentLedger) {
				l.Spec.Mail = &v1alpha1.LedgerMail{
					Server: "mail.shop.example:587", From: "Shop <consent@shop.example>",
					CredentialsSecretRef: &v1alpha1.SecretKeyReference{Name: "mail-user", Key: "login"},
					AuthoritiesSecretRef: &v1alpha1.SecretKeyReference{Name: "mail-authority", Key: "ca.crt"},
				}
			})
			r.reconcile(l)
		})

		It("waits for each Secret, and says which; what runs goes on", func() {
			Expect(fresh(l).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound, "spec.mail.credentialsSecretRef names the Secret mail-user"))
			Expect(container().Args).NotTo(ContainElement("--smtp-server"))
			login := secret("mail-user")
			login.Data = map[string][]byte{"login": []byte("shop:secret")}
			create(login)
			r.reconcile(l)
			Expect(fresh(l).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound, "Secret mail-authority"))
		})

		It("keeps what it reads fresh while a Secret is missing", func() {
			files := fresh(secret("main-ledger-tls"))
			change(files, func(s *corev1.Secret) { s.Data[corev1.TLSCertKey] = []byte("ended") })
			change(l, func(l *v1alpha1.ConsentLedger) {
				l.Spec.Access = []v1alpha1.LedgerAccess{{ServiceAccount: &v1alpha1.ServiceAccountReference{Namespace: "web", Name: "checkout"}, Roles: []v1alpha1.LedgerRole{"Touchpoint"}}}
			})
			r.reconcile(l)
			Expect(fresh(l).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound, "Secret mail-user"))
			Expect(good(fresh(files).Data[corev1.TLSCertKey], []string{"main-ledger.consent.svc"}, time.Now(), "", "")).To(BeTrue(), "the certificate is renewed")
			config := fresh(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: "main-ledger-config"}})
			Expect(config.Data["config.json"]).To(ContainSubstring("system:serviceaccount:web:checkout"), "roles given, and taken, count")
			Expect(container().Args).NotTo(ContainElement("--smtp-server"))
		})

		It("reads each key of a Secret as a file, and has no password among its arguments", func() {
			login, authority := secret("mail-user"), secret("mail-authority")
			login.Data = map[string][]byte{"login": []byte("shop:hush"), "other": []byte("x")}
			authority.Data = map[string][]byte{"ca.crt": []byte("PEM")}
			create(login)
			create(authority)
			r.reconcile(l)
			Expect(fresh(l).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionTrue, v1alpha1.ReasonAccepted, ""))
			c := container()
			Expect(c.Args).To(ContainElements(
				"--smtp-server", "mail.shop.example:587", "--smtp-from", "Shop <consent@shop.example>", "--smtp-tls", "starttls",
				"--smtp-credentials", "/etc/optup/mail-credentials/login", "--smtp-trust", "/etc/optup/mail-authorities/ca.crt",
			))
			Expect(c.Args).NotTo(ContainElement(ContainSubstring("hush")))
			Expect(c.VolumeMounts).To(ContainElements(
				And(HaveField("MountPath", "/etc/optup/mail-credentials"), HaveField("ReadOnly", true)),
				And(HaveField("MountPath", "/etc/optup/mail-authorities"), HaveField("ReadOnly", true)),
			))
			set := fresh(&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: "main-ledger"}})
			for _, v := range set.Spec.Template.Spec.Volumes {
				if v.Name == mailCredentials {
					Expect(v.Secret.Items).To(ConsistOf(corev1.KeyToPath{Key: "login", Path: "login"}), "no other key of the Secret is there")
				}
			}
			before := set.ResourceVersion
			r.reconcile(l)
			Expect(fresh(set).ResourceVersion).To(Equal(before), "nothing is written while nothing changes")

			change(l, func(l *v1alpha1.ConsentLedger) { l.Spec.Mail.TLS = v1alpha1.MailTLSImplicit })
			r.reconcile(l)
			Expect(container().Args).To(ContainElements("--smtp-tls", "tls"))
		})
	})
})
