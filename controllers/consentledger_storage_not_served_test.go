package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
)

var _ = Describe("A ConsentLedger on PostgreSQL", func() {
	It("says that this version does not serve from it, and gets nothing", func() {
		w, r := newWorld("enforce"), newLedgers()
		l := w.ledger("pg")
		l.Spec.Storage = v1alpha1.LedgerStorage{Postgres: &v1alpha1.PostgresStorage{DSNSecretRef: v1alpha1.SecretKeyReference{Name: "dsn", Key: "url"}}}
		create(l)
		r.reconcile(l)
		Expect(fresh(l).Status.Conditions).To(haveCondition("Accepted", metav1.ConditionFalse, v1alpha1.ReasonStorageNotServed, "spec.storage.sqlite"))
		Expect(l.Status.Conditions).To(haveCondition("Ready", metav1.ConditionFalse, v1alpha1.ReasonNotAccepted, ""))
		for _, o := range objects("pg") {
			Expect(k8s.Get(ctx, keyOf(o), o)).To(MatchError(ContainSubstring("not found")))
		}
	})
})
