package controllers

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// webhooks are configurations under our name that are never called: they look at nothing.
func webhooks() []client.Object {
	none, path := admissionv1.SideEffectClassNone, "/x"
	to := admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: system, Name: "optup-webhook", Path: &path}}
	return []client.Object{
		&admissionv1.MutatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: "optup"},
			Webhooks: []admissionv1.MutatingWebhook{{
				Name: "inject.consent.optup.dev", ClientConfig: to, SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
			}},
		},
		&admissionv1.ValidatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: "optup"},
			Webhooks: []admissionv1.ValidatingWebhook{{
				Name: "verify.consent.optup.dev", ClientConfig: to, SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
			}},
		},
	}
}
