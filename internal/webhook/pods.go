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

// governed is the namespace of every request: the API server calls for governed ones only, and what a cache says about the label
// may be older than that.
func governed(name string) inject.Namespace {
	return inject.Namespace{Name: name, Labels: map[string]string{inject.ModeLabel: inject.ModeEnforce}}
}

// Mutate injects the sidecar.
type Mutate struct {
	Config  inject.Config
	Decoder admission.Decoder
}

// Handle implements admission.Handler. A pod that must not run is left as it was; validation refuses it with the reasons.
func (m *Mutate) Handle(_ context.Context, req admission.Request) admission.Response {
	pod := &corev1.Pod{}
	if err := m.Decoder.Decode(req, pod); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	out, report := inject.Inject(pod, governed(req.Namespace), m.Config)
	if len(report.Refusals) > 0 {
		return admission.Allowed("").WithWarnings(report.Refusals...)
	}
	patched, err := json.Marshal(out)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.PatchResponseFromRaw(req.Object.Raw, patched).WithWarnings(report.Cooperative...)
}

// Validate refuses pods that do not carry the sidecar as it is injected, and changes that get around it.
type Validate struct {
	Config  inject.Config
	Decoder admission.Decoder
}

// Handle implements admission.Handler.
func (v *Validate) Handle(_ context.Context, req admission.Request) admission.Response {
	pod := &corev1.Pod{}
	if err := v.Decoder.Decode(req, pod); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	var problems []string
	switch req.Operation {
	case admissionv1.Create:
		problems = inject.Verify(pod, governed(req.Namespace), v.Config)
	case admissionv1.Update:
		before := &corev1.Pod{}
		if err := v.Decoder.DecodeRaw(req.OldObject, before); err != nil {
			return admission.Errored(http.StatusBadRequest, err)
		}
		if pod.DeletionTimestamp != nil {
			return admission.Allowed("") // finalizers have to come off, whatever the pod looks like
		}
		problems = inject.VerifyUpdate(before, pod, governed(req.Namespace), v.Config)
	case admissionv1.Delete, admissionv1.Connect:
	}
	if len(problems) > 0 {
		return admission.Denied(strings.Join(problems, "; "))
	}
	return admission.Allowed("")
}
