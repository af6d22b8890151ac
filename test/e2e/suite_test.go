package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/optup/optup/internal/shop"
	"github.com/optup/optup/test/road"
)

const (
	seed   = 1
	people = 10000
	// listed is how many people the campaign's list holds.
	listed = 400
)

var (
	r *road.Road
	// up tells that there is something to look at.
	up    bool
	truth shop.Allowed
	list  []shop.Customer
)

func TestE2E(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "OptUp on a real cluster")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	log.SetLogger(zap.New(zap.WriteTo(GinkgoWriter)))
	root, err := filepath.Abs("../..")
	Expect(err).NotTo(HaveOccurred())
	helm := os.Getenv("HELM")
	if helm == "" {
		helm = filepath.Join(root, "bin", "helm")
	}
	r, err = road.Open(root, helm)
	Expect(err).NotTo(HaveOccurred())
	tag, err := os.ReadFile(filepath.Join(root, "bin", "pods", "tag"))
	Expect(err).NotTo(HaveOccurred(), "make e2e-images")
	r.Database = strings.TrimSpace(string(tag))
	tag, err = os.ReadFile(filepath.Join(root, "bin", "pods", "clients"))
	Expect(err).NotTo(HaveOccurred(), "make e2e-images")
	r.Clients = strings.TrimSpace(string(tag))
	truth = shop.Truth(seed, people)
	list = shop.People(seed, people)[:listed]

	By("bringing up OptUp and the shop, declared and enforced")
	Expect(r.Clear(ctx)).To(Succeed())
	Expect(r.Install(ctx)).To(Succeed())
	Expect(r.Shop(ctx, list)).To(Succeed())
	report, _, err := r.Declare(ctx, shop.Consents(seed, people))
	Expect(err).NotTo(HaveOccurred())
	Expect(report["refused"]).To(BeEquivalentTo(0))
	Expect(r.Govern(ctx, "enforce", "Enforce")).To(Succeed())
	up = true
}, NodeTimeout(10*time.Minute))

// What failed is said once more in short at the end, where whoever reads the last lines of a long run finds it.
var _ = ReportAfterSuite("failures", func(report Report) {
	for _, s := range report.SpecReports {
		if s.Failed() {
			_, _ = fmt.Fprintf(os.Stdout, "\nFAILED %s\n  %s\n  %s\n", s.FullText(), s.FailureLocation(), strings.ReplaceAll(s.FailureMessage(), "\n", "\n  "))
		}
	}
})

// allowed and refused give somebody of the list who may, or may not, get the newsletter.
func allowed() string { return find(true) }
func refused() string { return find(false) }

func find(may bool) string {
	for _, p := range list {
		if truth.Newsletter[p.Email] == may {
			return p.Email
		}
	}
	Fail("the list has nobody of the kind")
	return ""
}

// lawful is how many of the list may get the newsletter.
func lawful() int {
	n := 0
	for _, p := range list {
		if truth.Newsletter[p.Email] {
			n++
		}
	}
	return n
}
