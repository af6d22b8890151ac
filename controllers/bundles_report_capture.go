package controllers

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/ir"
)

const (
	// byAlias is what no pod under Alias is protected from.
	byAlias = "Cooperative: under Alias only the declared names lead to the sidecar. Addresses, other spellings of a name, applications that ask " +
		"name servers themselves, UDP and hosts that no service declares do not come to it."
	inboundByAlias = "Under Alias connections to the pods do not come to the sidecar, so that what they carry is not enforced here."
	// mostSentences and longestSentence are what status holds.
	mostSentences, longestSentence = 16, 512
)

// captureOf tells how pods are captured, judged by the pods as they run; nil without any.
func captureOf(pods []*corev1.Pod, b *ir.Bundle) *v1alpha1.SidecarConfigCapture {
	var modes []v1alpha1.CaptureMode
	var notCovered, restart []string
	note := func(to *[]string, sentence string) {
		if len(sentence) > longestSentence {
			sentence = strings.ToValidUTF8(sentence[:longestSentence-3], "") + "..."
		}
		if !slices.Contains(*to, sentence) {
			*to = append(*to, sentence)
		}
	}
	var hosts []string
	for i := range b.Services {
		hosts = append(hosts, b.Services[i].Hosts...)
	}
	for _, p := range pods {
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		c := inject.CapturedBy(&p.Spec)
		if c.Capture == "" {
			continue // not by any of ours
		}
		if !slices.Contains(modes, v1alpha1.CaptureMode(c.Capture)) {
			modes = append(modes, v1alpha1.CaptureMode(c.Capture))
		}
		if c.Capture == inject.Alias {
			note(&notCovered, byAlias)
		}
		if missing := c.Missing(hosts); len(missing) > 0 {
			note(&restart, "These hosts were declared after pods were made, and their names do not lead to the sidecar: "+strings.Join(missing, ", ")+".")
		}
		switch {
		case !b.Inbound() || c.Inbound:
		case c.Capture == inject.Alias:
			note(&notCovered, inboundByAlias)
		default:
			note(&restart, "Connections to the pods are governed since after pods were made, and do not come to the sidecar.")
		}
		if ends := intercept.Hosts(b); len(ends) > 0 && !c.Trusting {
			note(&restart, "TLS to these hosts ends in the sidecar since after pods were made, and their applications do not trust its certificates: "+strings.Join(ends, ", ")+".")
		}
		for _, sentence := range inject.Cooperative(&p.Spec) {
			note(&notCovered, sentence)
		}
	}
	if len(modes) == 0 {
		return nil
	}
	slices.Sort(modes)
	slices.Sort(notCovered)
	slices.Sort(restart)
	return &v1alpha1.SidecarConfigCapture{
		Modes: modes, NotCovered: notCovered[:min(len(notCovered), mostSentences)], RestartNeeded: restart[:min(len(restart), mostSentences)],
	}
}

// reportCapture puts it into a status.
func reportCapture(c *v1alpha1.SidecarConfig, capture *v1alpha1.SidecarConfigCapture) {
	c.Status.Capture = capture
	if capture == nil {
		meta.RemoveStatusCondition(&c.Status.Conditions, v1alpha1.ConditionCaptured)
		return
	}
	state := condition(v1alpha1.ConditionCaptured, metav1.ConditionTrue, v1alpha1.ReasonCaptured, "Connections of every running pod come to its sidecar.", c.Generation)
	switch {
	case len(capture.RestartNeeded) > 0:
		state = condition(v1alpha1.ConditionCaptured, metav1.ConditionFalse, v1alpha1.ReasonRestartNeeded,
			strings.Join(capture.RestartNeeded, " ")+" Restart the workload.", c.Generation)
	case len(capture.NotCovered) > 0:
		state = condition(v1alpha1.ConditionCaptured, metav1.ConditionFalse, v1alpha1.ReasonCooperative,
			fmt.Sprintf("An application that means to can get around its sidecar; status.capture.notCovered says how (%d).", len(capture.NotCovered)), c.Generation)
	}
	meta.SetStatusCondition(&c.Status.Conditions, state)
}
