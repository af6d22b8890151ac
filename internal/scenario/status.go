package scenario

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/translate"
)

// Status is what is said about each object of a case that the compiler has an opinion on: its conditions, each as a line (see Line).
func (c Case) Status() map[string][]string {
	out := map[string][]string{}
	say := func(kind, namespace, name string) {
		ref := policy.Ref{Kind: kind, Namespace: namespace, Name: name}
		for _, condition := range translate.Conditions(c.Result.Findings, ref, 1) {
			out[ref.String()] = append(out[ref.String()], Line(condition))
		}
	}
	o := &c.Objects
	for i := range o.Purposes {
		say(v1alpha1.KindDataPurpose, "", o.Purposes[i].Name)
	}
	for i := range o.Notices {
		say(v1alpha1.KindConsentNotice, "", o.Notices[i].Name)
	}
	for i := range o.Services {
		say(v1alpha1.KindDataService, o.Services[i].Namespace, o.Services[i].Name)
	}
	for i := range o.Policies {
		say(v1alpha1.KindConsentPolicy, o.Policies[i].Namespace, o.Policies[i].Name)
	}
	return out
}

// Line is a condition as text: type, status, reason and message.
func Line(c metav1.Condition) string {
	return c.Type + "=" + string(c.Status) + " " + c.Reason + ": " + c.Message
}
