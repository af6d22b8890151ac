package workload

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/internal/policy"
)

// Owner is the object that controls a workload's pods.
type Owner struct {
	APIVersion, Kind, Name string
	// UID is empty where the pod alone does not tell it: for a Deployment and a CronJob.
	UID string
}

// OfPod gives the owner of a pod: the Deployment of its ReplicaSet, the CronJob of its Job, else its controller, else itself.
func OfPod(pod *corev1.Pod) Owner {
	ref := metav1.GetControllerOf(pod)
	if ref == nil {
		return Owner{"v1", "Pod", pod.Name, string(pod.UID)}
	}
	hash := pod.Labels["pod-template-hash"]
	if ref.Kind == "ReplicaSet" && hash != "" && strings.HasSuffix(ref.Name, "-"+hash) {
		return Owner{"apps/v1", "Deployment", strings.TrimSuffix(ref.Name, "-"+hash), ""}
	}
	if m := cronJobName.FindStringSubmatch(ref.Name); ref.Kind == "Job" && m != nil {
		return Owner{"batch/v1", "CronJob", m[1], ""}
	}
	return Owner{ref.APIVersion, ref.Kind, ref.Name, string(ref.UID)}
}

// cronJobName matches the Job names that the CronJob controller makes: the CronJob's name and the minute since 1970.
var cronJobName = regexp.MustCompile(`^(.+)-(\d{8})$`)

// Of gives the policy workload of a pod, with those of its labels whose keys selectors use.
func Of(pod *corev1.Pod, keys []string) policy.Workload {
	o := OfPod(pod)
	w := policy.Workload{Namespace: pod.Namespace, Kind: o.Kind, Name: o.Name}
	for _, k := range keys {
		if v, ok := pod.Labels[k]; ok {
			if w.Labels == nil {
				w.Labels = map[string]string{}
			}
			w.Labels[k] = v
		}
	}
	return w
}

// SelectorKeys gives the label keys that selectors use, sorted, each once.
func SelectorKeys(selectors ...map[string]string) []string {
	var keys []string
	for _, s := range selectors {
		for k := range s {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// ConfigName gives the name of a workload's SidecarConfig.
func ConfigName(w policy.Workload) string { return w.Config() }

// LedgerConfigName gives the name of the SidecarConfig that holds a ledger's bundle. No workload's name collides with it, because
// those end in a hash and this is only used for the kind ConsentLedger.
func LedgerConfigName(ledger string) string { return "ledger-" + ledger }
