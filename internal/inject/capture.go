package inject

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Capture is how an application's connections come to the sidecar.
type Capture string

// Captures.
const (
	// Redirect changes where connections go, in the pod's network. It needs NET_ADMIN for a moment, and the application needs to do nothing.
	Redirect Capture = "Redirect"
	// Alias has the names of governed hosts lead to the sidecar. It needs no privilege, and an application that wants to gets around it.
	Alias Capture = "Alias"
)

// CaptureLabel of a namespace chooses between the captures. Without it, and with any value that is none of these, CaptureAuto holds.
const (
	CaptureLabel    = "consent.optup.dev/capture"
	CaptureRedirect = "redirect"
	CaptureAlias    = "alias"
	CaptureAuto     = "auto"

	podSecurityLabel = "pod-security.kubernetes.io/enforce"
)

// Capture gives how pods of the namespace are captured: by the label, or else by Alias where Pod Security refuses pods with NET_ADMIN.
func (n Namespace) Capture() Capture {
	switch n.Labels[CaptureLabel] {
	case CaptureRedirect:
		return Redirect
	case CaptureAlias:
		return Alias
	}
	switch n.Labels[podSecurityLabel] {
	case "baseline", "restricted":
		return Alias
	}
	return Redirect
}

// Captured is how a pod that runs is captured, as its containers say.
type Captured struct {
	Capture Capture
	// Hosts whose names lead to the sidecar; with Alias only.
	Hosts []string
	// Inbound tells whether connections to the pod come to the sidecar.
	Inbound bool
	// Trusting tells that the applications were told to trust the authorities of interception.
	Trusting bool
}

// CapturedBy reads how a pod is captured.
func CapturedBy(s *corev1.PodSpec) Captured {
	var out Captured
	x := find(s.InitContainers, SidecarName)
	if x == nil {
		return out
	}
	for i := 0; i+1 < len(x.Args); i++ {
		switch value := x.Args[i+1]; x.Args[i] {
		case "--capture":
			out.Capture = Redirect
			if value == "alias" {
				out.Capture = Alias
			}
		case "--alias":
			_, host, _ := strings.Cut(value, "=")
			out.Hosts = append(out.Hosts, host)
		case "--listen-inbound":
			out.Inbound = true
		case "--authorities":
			out.Trusting = true
		}
	}
	return out
}

// Missing are the hosts of a list whose names do not lead to the sidecar, because they were declared after the pod was made.
func (c Captured) Missing(hosts []string) []string {
	if c.Capture != Alias {
		return nil
	}
	var out []string
	for _, h := range hosts {
		if aliasable(h) && !slices.Contains(c.Hosts, h) && !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	slices.Sort(out)
	return out
}
