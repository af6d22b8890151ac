package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/shop"
)

// After everything, none of the people whose data went through OptUp stands in what OptUp wrote: logs, metrics, events, objects, database.
var _ = AfterSuite(func(ctx SpecContext) {
	if !up {
		return
	}
	seeded := map[string]bool{newcomer: true}
	for _, p := range shop.People(seed, people) {
		seeded[p.Email] = true
	}
	seen, found := 0, map[string]bool{}
	look := func(where string, text []byte) {
		seen += len(text)
		for _, address := range addresses.FindAll(text, -1) {
			if seeded[strings.ToLower(string(address))] {
				found[where] = true // and not who
			}
		}
	}
	planted := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "consent", Name: "planted"}, Data: map[string]string{"x": "to=" + list[0].Email + ";"}}
	Expect(r.Create(ctx, planted)).To(Succeed())
	lookAtObjects(ctx, look)
	Expect(found).To(HaveLen(1), "who is planted is found")
	Expect(r.Delete(ctx, planted)).To(Succeed())
	clear(found)

	lookAtPods(ctx, look)
	lookAtObjects(ctx, look)
	lookAtDatabase(ctx, look)
	Expect(found).To(BeEmpty(), "people are found")
	Expect(seen).To(BeNumerically(">", 100_000), "there has to be something to look at")
}, NodeTimeout(3*time.Minute))

var addresses = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+`)

type looker func(where string, text []byte)

// lookAtPods looks at the logs and metrics of everything of ours.
func lookAtPods(ctx context.Context, look looker) {
	GinkgoHelper()
	var pods corev1.PodList
	Expect(r.List(ctx, &pods)).To(Succeed())
	for i := range pods.Items {
		p := &pods.Items[i]
		port := map[string]int{"optup-system": 8080, "consent": 8081}[p.Namespace]
		for _, c := range append(p.Spec.InitContainers, p.Spec.Containers...) {
			own := (p.Namespace == "optup-system" || p.Labels["consent.optup.dev/ledger"] != "") || strings.HasPrefix(c.Name, "optup-")
			if !own {
				continue
			}
			for _, previous := range []bool{false, true} {
				text, err := r.Set.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{Container: c.Name, Previous: previous}).DoRaw(ctx)
				if err == nil {
					look(fmt.Sprintf("the log of %s/%s, %s", p.Namespace, p.Name, c.Name), text)
				}
			}
			if c.Name == "optup-sidecar" {
				port = 15020
			}
			var text string
			if port != 0 && p.Status.Phase == corev1.PodRunning && ask(ctx, p, port, "/metrics", &text) == nil {
				look(fmt.Sprintf("the metrics of %s/%s", p.Namespace, p.Name), []byte(text))
			}
		}
	}
}

// ask does not wait for a pod that is just ending.
func ask(ctx context.Context, p *corev1.Pod, port int, path string, into any) error {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return r.Ask(ctx, p, port, path, into)
}

// lookAtObjects looks at what is in the API server and ours, events of all namespaces included.
func lookAtObjects(ctx context.Context, look looker) {
	GinkgoHelper()
	ours := []string{"optup-system", "consent"}
	for _, l := range []client.ObjectList{
		&v1alpha1.DataPurposeList{}, &v1alpha1.ConsentNoticeList{}, &v1alpha1.DataServiceList{}, &v1alpha1.ConsentPolicyList{}, &v1alpha1.TouchpointList{},
		&v1alpha1.ConsentLedgerList{}, &v1alpha1.SidecarConfigList{}, &v1alpha1.EnforcementExemptionList{}, &corev1.EventList{},
	} {
		Expect(r.List(ctx, l)).To(Succeed())
		text, err := json.Marshal(l)
		Expect(err).NotTo(HaveOccurred())
		look(fmt.Sprintf("the %T", l), text)
	}
	for _, namespace := range ours {
		var secrets corev1.SecretList
		var maps corev1.ConfigMapList
		Expect(r.List(ctx, &secrets, client.InNamespace(namespace))).To(Succeed())
		Expect(r.List(ctx, &maps, client.InNamespace(namespace))).To(Succeed())
		for _, s := range secrets.Items {
			for key, value := range s.Data {
				look("Secret "+s.Name+", "+key, value)
			}
		}
		text, err := json.Marshal(maps)
		Expect(err).NotTo(HaveOccurred())
		look("the ConfigMaps of "+namespace, text)
	}
	leases, err := r.Set.CoordinationV1().Leases("").List(ctx, metav1.ListOptions{})
	Expect(err).NotTo(HaveOccurred())
	text, err := json.Marshal(leases)
	Expect(err).NotTo(HaveOccurred())
	look("the leases", text)
}

// lookAtDatabase dumps the ledger's database, sealed evidence and keys included, and looks at bytes as well as at text.
func lookAtDatabase(ctx context.Context, look looker) {
	GinkgoHelper()
	if c := os.Getenv("CLUSTER"); c != "" && c != "local" {
		return // the database is out of reach
	}
	p, err := r.Pod(ctx, "consent", map[string]string{"app": "database"})
	Expect(err).NotTo(HaveOccurred())
	dump := exec.CommandContext(ctx, "pg_dump", "--host", p.Status.PodIP, "--username", "postgres", "--dbname", "consent")
	dump.Env = append(os.Environ(), "PGPASSWORD=only-for-tests")
	text, err := dump.Output()
	Expect(err).NotTo(HaveOccurred(), "pg_dump")
	Expect(text).To(ContainSubstring("CREATE TABLE"))
	look("the ledger's database", text)
	for _, value := range bytea.FindAll(text, -1) {
		raw := make([]byte, hex.DecodedLen(len(value)))
		if n, err := hex.Decode(raw, bytes.TrimPrefix(value, []byte(`\\x`))); err == nil || n > 0 {
			look("bytes of the ledger's database", raw[:n])
		}
	}
}

var bytea = regexp.MustCompile(`\\\\x[0-9a-f]+`)
