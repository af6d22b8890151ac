package controllers

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/ir"
)

// mostNamed bounds the hosts that a condition names.
const mostNamed = 8

// untrustingOf are the hosts on whose connections applications do not accept the certificates of their sidecars, sorted. What a sidecar says
// about hosts that its bundle does not intercept counts for nothing.
func untrustingOf(sessions []server.Session, bundle string) []string {
	var out []string
	for i := range sessions {
		out = append(out, sessions[i].Untrusting...)
	}
	if len(out) == 0 {
		return nil
	}
	b, err := ir.Decode([]byte(bundle))
	if err != nil {
		return nil
	}
	declared := intercept.Hosts(b)
	out = slices.DeleteFunc(out, func(h string) bool { return !slices.Contains(declared, h) })
	slices.Sort(out)
	return slices.Compact(out)
}

// reportTrust names the hosts. Where there never were any, nothing is said.
func reportTrust(c *v1alpha1.SidecarConfig, hosts []string) {
	if len(hosts) == 0 {
		if meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionTrusted) != nil {
			meta.SetStatusCondition(&c.Status.Conditions, condition(v1alpha1.ConditionTrusted, metav1.ConditionTrue, v1alpha1.ReasonTrusted,
				"No application has refused the sidecar's certificate in the last ten minutes.", c.Generation))
		}
		return
	}
	named := strings.Join(hosts[:min(len(hosts), mostNamed)], ", ")
	if len(hosts) > mostNamed {
		named += " and others"
	}
	meta.SetStatusCondition(&c.Status.Conditions, condition(v1alpha1.ConditionTrusted, metav1.ConditionFalse, v1alpha1.ReasonCertificateNotAccepted,
		"Applications do not accept the sidecar's certificate for "+named+". They started before the host was declared, have a trust store of their own, or pin the service's certificate. "+
			"Delete the pods so that they are made anew; if that does not help, have them read the authorities in /etc/optup/authorities, or speak plain HTTP to the sidecar (tls mode Originate).", c.Generation))
}
