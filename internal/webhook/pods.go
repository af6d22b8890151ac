package webhook

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/optup/optup/internal/inject"
)

// Paths of the webhooks.
const (
	MutatePath   = "/mutate-pods"
	ValidatePath = "/validate-pods"
)

// Places tells what is known of where a pod is made. The API server calls for pods of governed namespaces only.
type Places interface {
	Of(ctx context.Context, pod *corev1.Pod) (inject.Namespace, error)
}

// Mutate injects the sidecar.
type Mutate struct {
	Config  inject.Config
	Places  Places
	Decoder admission.Decoder
}

// Handle implements admission.Handler. A pod that must not run is left as it was; validation refuses it with the reasons.
func (m *Mutate) Handle(ctx context.Context, req admission.Request) admission.Response {
	pod := &corev1.Pod{}
	if err := m.Decoder.Decode(req, pod); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	ns, err := m.Places.Of(ctx, placed(pod, req))
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	out, report := inject.Inject(pod, ns, m.Config)
	if len(report.Refusals) > 0 {
		return admission.Allowed("").WithWarnings(report.Refusals...)
	}
	patched, err := json.Marshal(out)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.PatchResponseFromRaw(req.Object.Raw, patched).WithWarnings(append(report.Cooperative, report.Untrusting...)...)
}

// placed is the pod with its namespace, which may not stand in it yet.
func placed(pod *corev1.Pod, req admission.Request) *corev1.Pod {
	if pod.Namespace == req.Namespace {
		return pod
	}
	out := pod.DeepCopy()
	out.Namespace = req.Namespace
	return out
}

// Validate refuses pods that do not carry the sidecar as it is injected, and changes that get around it.
type Validate struct {
	Config  inject.Config
	Places  Places
	Decoder admission.Decoder
}

// Handle implements admission.Handler.
func (v *Validate) Handle(ctx context.Context, req admission.Request) admission.Response {
	pod := &corev1.Pod{}
	if err := v.Decoder.Decode(req, pod); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if req.Operation == admissionv1.Update && pod.DeletionTimestamp != nil {
		return admission.Allowed("") // finalizers have to come off, whatever the pod looks like
	}
	ns, err := v.Places.Of(ctx, placed(pod, req))
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	var problems []string
	switch req.Operation {
	case admissionv1.Create:
		problems = inject.Verify(pod, ns, v.Config)
	case admissionv1.Update:
		before := &corev1.Pod{}
		if err := v.Decoder.DecodeRaw(req.OldObject, before); err != nil {
			return admission.Errored(http.StatusBadRequest, err)
		}
		problems = inject.VerifyUpdate(before, pod, ns, v.Config)
	case admissionv1.Delete, admissionv1.Connect:
	}
	if len(problems) > 0 {
		return admission.Denied(strings.Join(problems, "; "))
	}
	return admission.Allowed("")
}
