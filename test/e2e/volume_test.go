package e2e

import (
	"bytes"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/shop"
)

// The ledger of all other specs is in PostgreSQL; this one is what whoever tries OptUp has first.
var _ = Describe("a ledger on a volume", Ordered, func() {
	It("takes a large import, although its pod can write nowhere else", func(ctx SpecContext) {
		Expect(r.ApplyYAML(ctx, archive)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			l := &v1alpha1.ConsentLedger{ObjectMeta: metav1.ObjectMeta{Namespace: "consent", Name: "archive"}}
			Expect(client.IgnoreNotFound(r.Delete(ctx, l))).To(Succeed())
		})
		ledger, err := r.OpenLedgerOf(ctx, "archive")
		Expect(err).NotTo(HaveOccurred())
		defer ledger.Close()
		var rows bytes.Buffer
		Expect(shop.WriteConsents(&rows, shop.Consents(seed, people))).To(Succeed())
		report, err := ledger.Import(ctx, rows.Bytes())
		Expect(err).NotTo(HaveOccurred())
		Expect(report["refused"]).To(BeEquivalentTo(0))
		Expect(report["appended"]).To(BeNumerically(">", people))
	}, SpecTimeout(3*time.Minute))
})

const archive = `
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentLedger
metadata: {name: archive, namespace: consent}
spec:
  controller: Archiv GmbH
  storage: {sqlite: {size: 512Mi}}
  access:
  - serviceAccount: {namespace: consent, name: importer}
    roles: [Touchpoint, Officer]
`
