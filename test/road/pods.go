package road

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
)

var (
	getOptions    = metav1.GetOptions{}
	createOptions = metav1.CreateOptions{}
)

// Pod gives the running pod of an app, one that is ready if there are several.
func (r *Road) Pod(ctx context.Context, namespace string, labels map[string]string) (*corev1.Pod, error) {
	var pods corev1.PodList
	if err := r.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabels(labels)); err != nil {
		return nil, err
	}
	running := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return p.Status.Phase != corev1.PodRunning || p.DeletionTimestamp != nil })
	if i := slices.IndexFunc(running, func(p corev1.Pod) bool { return ready(&p) }); i > 0 {
		return &running[i], nil
	}
	if len(running) > 0 {
		return &running[0], nil
	}
	return nil, fmt.Errorf("no pod of %v runs in %s", labels, namespace)
}

func ready(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue })
}

// App are the labels of an app of the shop.
func App(name string) map[string]string { return map[string]string{"app": name} }

// Ask reads a path ("/stats?x=y") of a pod's port through the API server.
func (r *Road) Ask(ctx context.Context, p *corev1.Pod, port int, path string, into any) error {
	path, query, _ := strings.Cut(path, "?")
	req := r.Set.CoreV1().RESTClient().Get().Namespace(p.Namespace).Resource("pods").Name(p.Name + ":" + strconv.Itoa(port)).SubResource("proxy").Suffix(path)
	for kv := range strings.SplitSeq(query, "&") {
		if k, v, ok := strings.Cut(kv, "="); ok {
			req = req.Param(k, v)
		}
	}
	data, err := req.Do(ctx).Raw()
	if err != nil {
		return err
	}
	if s, ok := into.(*string); ok {
		*s = string(data)
		return nil
	}
	return json.Unmarshal(data, into)
}

// Tell posts JSON to a pod's port through the API server.
func (r *Road) Tell(ctx context.Context, p *corev1.Pod, port int, path string, body any) error {
	return r.Have(ctx, p, port, path, body, nil)
}

// Have is Tell whose answer is read, where into is not nil.
func (r *Road) Have(ctx context.Context, p *corev1.Pod, port int, path string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	data, err = r.Set.CoreV1().RESTClient().Post().Namespace(p.Namespace).Resource("pods").Name(p.Name+":"+strconv.Itoa(port)).
		SubResource("proxy").Suffix(path).SetHeader("Content-Type", "application/json").Body(data).Do(ctx).Raw()
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// Resident reads a process's resident memory in bytes from its metrics.
func (r *Road) Resident(ctx context.Context, p *corev1.Pod, port int) (int64, error) {
	var text string
	if err := r.Ask(ctx, p, port, "/metrics", &text); err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, "process_resident_memory_bytes "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			return int64(f), err
		}
	}
	return 0, errors.New("the metrics do not tell the resident memory")
}

// Ready waits for a deployment.
func (r *Road) Ready(ctx context.Context, namespace, name string) error {
	return r.Until(ctx, 2*time.Minute, namespace+"/"+name+" is ready", func(ctx context.Context) (bool, error) {
		var d appsv1.Deployment
		if err := r.Client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &d); err != nil {
			return false, err
		}
		return d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas == *d.Spec.Replicas &&
			d.Status.ReadyReplicas == *d.Spec.Replicas && d.Status.Replicas == *d.Spec.Replicas, nil
	})
}

// Restart has the pods of a deployment made anew, as kubectl rollout restart does, and waits.
func (r *Road) Restart(ctx context.Context, namespace, name string) error {
	d := &appsv1.Deployment{}
	d.Namespace, d.Name = namespace, name
	patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339Nano))
	if err := r.Patch(ctx, d, client.RawPatch(types.StrategicMergePatchType, []byte(patch))); err != nil {
		return err
	}
	return r.Ready(ctx, namespace, name)
}

// Scale sets the replicas of a deployment, and waits.
func (r *Road) Scale(ctx context.Context, namespace, name string, replicas int) error {
	d := &appsv1.Deployment{}
	d.Namespace, d.Name = namespace, name
	if err := r.Patch(ctx, d, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas))); err != nil {
		return err
	}
	return r.Ready(ctx, namespace, name)
}

// Label sets a label of a namespace; an empty value removes it. It waits until every published bundle says so.
func (r *Road) Label(ctx context.Context, namespace, value string) error {
	ns := &corev1.Namespace{}
	ns.Name = namespace
	text := `null`
	if value != "" {
		text = strconv.Quote(value)
	}
	return r.Patch(ctx, ns, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"`+v1alpha1.LabelMode+`":`+text+`}}}`)))
}

// Mode waits until the bundles of all running sidecars of a namespace have a mode, and all of them have acknowledged.
func (r *Road) Mode(ctx context.Context, namespace, mode string) error {
	return r.Until(ctx, time.Minute, "every sidecar in "+namespace+" runs in mode "+mode, func(ctx context.Context) (bool, error) {
		var l v1alpha1.SidecarConfigList
		if err := r.List(ctx, &l, client.InNamespace(namespace)); err != nil {
			return false, err
		}
		for i := range l.Items {
			c := &l.Items[i]
			if !strings.Contains(c.Spec.Bundle, `"mode":"`+mode+`"`) || c.Status.Running != c.Status.InSync || c.Status.ObservedGeneration != c.Generation {
				return false, fmt.Errorf("%s is at %s", c.Name, c.Status.Ready)
			}
		}
		return len(l.Items) > 0, nil
	})
}

// RunJob runs a job of the demo's manifests anew and gives what it printed.
func (r *Road) RunJob(ctx context.Context, name string) (string, error) {
	job := &batchv1.Job{}
	job.Namespace, job.Name = "marketing", name
	background := metav1.DeletePropagationForeground
	if err := client.IgnoreNotFound(r.Delete(ctx, job, &client.DeleteOptions{PropagationPolicy: &background})); err != nil {
		return "", err
	}
	err := r.Until(ctx, time.Minute, "the job's last run is gone", func(ctx context.Context) (bool, error) {
		err := r.Client.Get(ctx, client.ObjectKeyFromObject(job), &batchv1.Job{})
		return apierrors.IsNotFound(err), nil
	})
	if err != nil {
		return "", err
	}
	if err := r.Apply(ctx, r.Manifest(name+"-job.yaml")); err != nil {
		return "", err
	}
	err = r.Until(ctx, 4*time.Minute, "job "+name+" is complete", func(ctx context.Context) (bool, error) {
		if err := r.Client.Get(ctx, client.ObjectKeyFromObject(job), job); err != nil {
			return false, err
		}
		if job.Status.Failed > 0 {
			return true, nil
		}
		return job.Status.Succeeded > 0, nil
	})
	if err != nil {
		return "", err
	}
	out, err := r.Logs(ctx, "marketing", map[string]string{"job-name": name}, name)
	if err == nil && job.Status.Failed > 0 {
		err = fmt.Errorf("job %s failed: %s", name, out)
	}
	return out, err
}

// Logs gives what a container of the first pod with these labels printed.
func (r *Road) Logs(ctx context.Context, namespace string, labels map[string]string, container string) (string, error) {
	var pods corev1.PodList
	if err := r.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabels(labels)); err != nil || len(pods.Items) == 0 {
		return "", errors.Join(err, errors.New("no pod"))
	}
	stream, err := r.Set.CoreV1().Pods(namespace).GetLogs(pods.Items[0].Name, &corev1.PodLogOptions{Container: container}).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = stream.Close() }()
	var out bytes.Buffer
	_, err = io.Copy(&out, stream)
	return out.String(), err
}
