package controllers

import (
	"encoding/base64"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
)

var _ = Describe("The root key of a ConsentLedger", func() {
	var (
		w *world
		r *ledgers
		l *v1alpha1.ConsentLedger
	)
	BeforeEach(func() {
		w, r = newWorld("enforce"), newLedgers()
		l = w.ledger("main")
	})
	key := func() *corev1.Secret {
		GinkgoHelper()
		return fresh(secret("main-ledger-keys"))
	}

	It("is 32 random bytes that nothing owns and nobody changes", func() {
		create(l)
		r.reconcile(l)
		root, err := base64.StdEncoding.DecodeString(string(key().Data["root"]))
		Expect(err).NotTo(HaveOccurred())
		Expect(root).To(HaveLen(32))
		Expect(key().OwnerReferences).To(BeEmpty(), "deleting the ledger must not take the key with it")
		Expect(*key().Immutable).To(BeTrue())
	})

	It("is never overwritten", func() {
		create(l)
		r.reconcile(l)
		before := key()
		change(l, func(l *v1alpha1.ConsentLedger) { l.Spec.KeyBackup = v1alpha1.KeyBackupConfirmed })
		r.reconcile(l)
		Expect(key()).To(Equal(before))
	})

	It("is found again by a ledger of the same name", func() {
		create(l)
		r.reconcile(l)
		before := key().Data
		Expect(k8s.Delete(ctx, l)).To(Succeed())
		again := w.ledger("main")
		create(again)
		for _, o := range objects("main") { // the garbage collector would have taken them
			Expect(k8s.Delete(ctx, o)).To(Succeed())
		}
		r.reconcile(again)
		Expect(key().Data).To(Equal(before))
	})

	It("is taken from a backup that was there first, whatever its labels", func() {
		restored := secret("main-ledger-keys")
		restored.Data = map[string][]byte{"root": []byte(base64.StdEncoding.EncodeToString(make([]byte, 32)))}
		create(restored, l)
		r.reconcile(l)
		Expect(key().Data).To(Equal(restored.Data))
	})

	It("is asked to be backed up until somebody says so", func() {
		create(l)
		r.reconcile(l)
		Expect(fresh(l).Status.Conditions).To(haveCondition("KeysBackedUp", metav1.ConditionFalse, v1alpha1.ReasonBackupUnconfirmed, "main-ledger-keys"))
		change(l, func(l *v1alpha1.ConsentLedger) { l.Spec.KeyBackup = v1alpha1.KeyBackupConfirmed })
		r.reconcile(l)
		Expect(fresh(l).Status.Conditions).To(haveCondition("KeysBackedUp", metav1.ConditionTrue, v1alpha1.ReasonBackupConfirmed, ""))
	})
})
