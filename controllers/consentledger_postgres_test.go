package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
)

var _ = Describe("A ConsentLedger on PostgreSQL", func() {
	var (
		r *ledgers
		l *v1alpha1.ConsentLedger
	)
	dsn := func() *corev1.Secret {
		s := secret("main-database")
		s.Data = map[string][]byte{"url": []byte("postgres://ledger:secret@db.internal/consent?sslmode=verify-full")}
		return s
	}
	deployment := func() *appsv1.Deployment {
		return fresh(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: "main-ledger"}})
	}
	budget := func() *policyv1.PodDisruptionBudget {
		return &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: consent, Name: "main-ledger"}}
	}
	BeforeEach(func() {
		w := newWorld("enforce")
		r = newLedgers()
		l = w.ledger("main")
		l.Spec.Storage = v1alpha1.LedgerStorage{Postgres: &v1alpha1.PostgresStorage{DSNSecretRef: v1alpha1.SecretKeyReference{Name: "main-database", Key: "url"}}}
		create(l)
	})

	It("waits for the Secret with the connection string, and says which", func() {
		r.reconcile(l)
		Expect(fresh(l).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound, "Secret main-database"))
		Expect(k8s.Get(ctx, keyOf(budget()), &appsv1.Deployment{})).To(MatchError(ContainSubstring("not found")))
		s := dsn()
		s.Data = map[string][]byte{"other": []byte("x")}
		create(s)
		r.reconcile(l)
		Expect(fresh(l).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound, "under the key url"))
		change(s, func(s *corev1.Secret) { s.Data = dsn().Data })
		r.reconcile(l)
		Expect(fresh(l).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionTrue, v1alpha1.ReasonAccepted, ""))
	})

	Context("whose Secret is there", func() {
		BeforeEach(func() {
			create(dsn())
			r.reconcile(l)
		})

		It("runs replicas without a volume, of which a new one serves before an old one stops", func() {
			d := deployment()
			Expect(*d.Spec.Replicas).To(BeEquivalentTo(2))
			Expect(d.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue()).To(BeZero())
			pod := d.Spec.Template.Spec
			for _, v := range pod.Volumes {
				Expect(v.PersistentVolumeClaim).To(BeNil())
			}
			Expect(pod.Containers[0].Args).To(And(ContainElement("--database-url-file"), Not(ContainElement("--data"))))
			Expect(pod.Containers[0].Args).NotTo(ContainElement(ContainSubstring("secret@")), "a connection string is in no argument")
			Expect(k8s.Get(ctx, keyOf(d), &appsv1.StatefulSet{})).To(MatchError(ContainSubstring("not found")))
		})

		It("keeps one replica when nodes are drained", func() {
			Expect(fresh(budget()).Spec.MaxUnavailable.IntValue()).To(Equal(1))
			change(l, func(l *v1alpha1.ConsentLedger) { l.Spec.Storage.Postgres.Replicas = 1 })
			r.reconcile(l)
			Expect(*deployment().Spec.Replicas).To(BeEquivalentTo(1))
			Expect(k8s.Get(ctx, keyOf(budget()), budget())).To(MatchError(ContainSubstring("not found")), "a budget of a single replica only blocks drains")
		})

		It("tells whether it serves", func() {
			Expect(fresh(l).Status.Conditions).To(haveCondition("Ready", metav1.ConditionFalse, v1alpha1.ReasonStarting, ""))
			d := deployment()
			d.Status.Replicas, d.Status.ReadyReplicas = 2, 1
			Expect(k8s.Status().Update(ctx, d)).To(Succeed())
			r.reconcile(l)
			Expect(fresh(l).Status.Conditions).To(haveCondition("Ready", metav1.ConditionTrue, v1alpha1.ReasonReady, ""))
		})

		It("is left alone while nothing changes", func() {
			before := []string{deployment().ResourceVersion, fresh(budget()).ResourceVersion, fresh(l).ResourceVersion}
			for range 3 {
				r.reconcile(l)
			}
			Expect([]string{deployment().ResourceVersion, fresh(budget()).ResourceVersion, fresh(l).ResourceVersion}).To(Equal(before))
		})
	})
})
