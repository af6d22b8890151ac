package inject

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Names and numbers that belong to the sidecar alone.
const (
	// ReservedID is the user and group that the sidecar runs as. Its traffic is not captured, so nothing else may run as it.
	ReservedID = 64111
	// CheckID is the user that proves the capture: one that is not let through.
	CheckID = 64112
	// SidecarName, RedirectName and CheckName are the containers.
	SidecarName  = "optup-sidecar"
	RedirectName = "optup-redirect"
	CheckName    = "optup-check"
	// StateVolume, TokensVolume and TrustVolume are the volumes.
	StateVolume  = "optup-state"
	TokensVolume = "optup-tokens"
	TrustVolume  = "optup-trust"
	// TrustConfigMap is in every governed namespace, with the authorities under TrustKey.
	TrustConfigMap = "optup-trust"
	TrustKey       = "ca.crt"
	// InterceptionKey holds the authorities that end TLS in the namespace; it is absent where nothing does.
	InterceptionKey = "interception.crt"
	// ManagerAudience and LedgerAudience are whom the projected tokens are for.
	ManagerAudience = "optup-manager"
	LedgerAudience  = "optup-ledger"
	// AdminPort serves probes and metrics.
	AdminPort = 15020
	// CapturePort takes the redirected connections, and InboundPort those that were made to the pod.
	CapturePort = 15001
	InboundPort = 15006
)

// tokenSeconds is the life of a projected token; streams end with it.
const tokenSeconds = int64(3600)

// Config is what is the same for all pods.
type Config struct {
	// Image is the sidecar's image, best with a digest.
	Image string
	// ManagerURL is where the config stream is, for example "https://optup-manager.optup-system.svc:9443".
	ManagerURL string
	// Resources of the sidecar. Requests and limits that are missing get small defaults, so that quotas never reject a pod.
	Resources corev1.ResourceRequirements
}

// Namespace is what is known of where a pod is made.
type Namespace struct {
	Name                string
	Labels, Annotations map[string]string
	// Hosts are those that are governed in it.
	Hosts []string
	// Inbound tells whether connections to the pod's workload are governed.
	Inbound bool
	// Intercepted tells whether TLS to some governed host ends in the sidecar.
	Intercepted bool
}

// ModeLabel governs a namespace. Its values are ModeObserve and ModeEnforce; any other value governs like ModeEnforce, because a
// label that somebody set on purpose must not fail open.
const (
	ModeLabel   = "consent.optup.dev/mode"
	ModeObserve = "observe"
	ModeEnforce = "enforce"
)

// Governed tells whether pods of the namespace get a sidecar.
func (n Namespace) Governed() bool {
	_, ok := n.Labels[ModeLabel]
	return ok
}

var defaultResources = corev1.ResourceRequirements{
	Requests: corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("20m"),
		corev1.ResourceMemory: resource.MustParse("32Mi"),
	},
	Limits: corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("2"),
		corev1.ResourceMemory: resource.MustParse("256Mi"),
	},
}

func (c Config) resources() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: withDefaults(c.Resources.Requests, defaultResources.Requests),
		Limits:   withDefaults(c.Resources.Limits, defaultResources.Limits),
	}
}

func withDefaults(given, defaults corev1.ResourceList) corev1.ResourceList {
	out := defaults.DeepCopy()
	for name, q := range given {
		out[name] = q
	}
	return out
}
