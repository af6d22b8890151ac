package workload

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/internal/policy"
)

func TestOfPod(t *testing.T) {
	cases := map[string]struct {
		kind, name, hash string
		want             string
	}{
		"a ReplicaSet of a Deployment":    {"ReplicaSet", "dashboard-5d4f", "5d4f", "Deployment/dashboard"},
		"a ReplicaSet of its own":         {"ReplicaSet", "dashboard", "", "ReplicaSet/dashboard"},
		"a ReplicaSet with another hash":  {"ReplicaSet", "dashboard-5d4f", "77aa", "ReplicaSet/dashboard-5d4f"},
		"a Job of a CronJob":              {"Job", "nightly-29384720", "", "CronJob/nightly"},
		"a Job of its own":                {"Job", "import", "", "Job/import"},
		"a StatefulSet":                   {"StatefulSet", "crm", "", "StatefulSet/crm"},
		"a controller of an unknown kind": {"Rollout", "shop", "", "Rollout/shop"},
		"a pod of its own":                {"", "", "", "Pod/p"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			yes := true
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "n", Labels: map[string]string{"app": "x", "tier": "y"}}}
			if c.hash != "" {
				pod.Labels["pod-template-hash"] = c.hash
			}
			if c.kind != "" {
				pod.OwnerReferences = []metav1.OwnerReference{{Kind: c.kind, Name: c.name, Controller: &yes}}
			}
			w := Of(pod, []string{"app", "absent"})
			if w.ID() != c.want {
				t.Errorf("got %s, want %s", w.ID(), c.want)
			}
			if len(w.Labels) != 1 || w.Labels["app"] != "x" {
				t.Errorf("labels: %v", w.Labels)
			}
		})
	}
}

func TestConfigName(t *testing.T) {
	long := strings.Repeat("a", 200)
	names := map[string]bool{}
	for _, w := range []policy.Workload{
		{Kind: "Deployment", Name: "dashboard"},
		{Kind: "StatefulSet", Name: "dashboard"},
		{Kind: "Deployment", Name: "dashboard", Labels: map[string]string{"app": "x"}},
		{Kind: "Deployment", Name: "dash.board"},
		{Kind: "Deployment", Name: "dash-board"},
		{Kind: "Deployment", Name: long},
		{Kind: "Deployment", Name: long + "b"},
	} {
		n := ConfigName(w)
		if names[n] || len(n) > 63 || strings.ToLower(n) != n || strings.Contains(n, ".") {
			t.Errorf("%v: name %q", w, n)
		}
		names[n] = true
	}
	if n := ConfigName(policy.Workload{Kind: "Deployment", Name: "dashboard"}); !strings.HasPrefix(n, "deployment-dashboard-") {
		t.Errorf("name %q is not readable", n)
	}
}

func TestSelectorKeys(t *testing.T) {
	got := SelectorKeys(map[string]string{"b": "1", "a": "2"}, nil, map[string]string{"a": "3"})
	if strings.Join(got, ",") != "a,b" {
		t.Errorf("got %v", got)
	}
}
