package inject

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// Genuine tells whether a pod's sidecar may be told what sidecars are told: that it is ours, of this version or another, and alone has its
// tokens. Of pods that were made before their namespace was governed nobody has looked at that, and they may carry anything by its name.
func Genuine(pod *corev1.Pod, c Config) bool {
	x := find(pod.Spec.InitContainers, SidecarName)
	if x == nil || repository(x.Image) != repository(c.Image) || len(x.Command) > 0 || len(x.Args) == 0 || x.Args[0] != "run" || len(x.EnvFrom) > 0 {
		return false
	}
	// What says whom it listens to stands in its arguments once, and in no variable.
	for flag, want := range map[string]string{"--manager": c.ManagerURL, "--trust": trustDir + "/" + TrustKey, "--manager-token": tokensDir + "/manager-token"} {
		given := 0
		for i, a := range x.Args {
			switch {
			case a == flag && i+1 < len(x.Args) && x.Args[i+1] == want:
				given++
			case strings.TrimLeft(a, "-") == flag[2:], strings.HasPrefix(strings.TrimLeft(a, "-"), flag[2:]+"="):
				return false
			}
		}
		if given != 1 {
			return false
		}
	}
	if slices.ContainsFunc(x.Env, func(e corev1.EnvVar) bool { return e.Value != "" }) {
		return false
	}
	for _, m := range []corev1.VolumeMount{
		{Name: TokensVolume, MountPath: tokensDir, ReadOnly: true}, {Name: TrustVolume, MountPath: trustDir, ReadOnly: true}, noHostAliases(),
	} {
		if !slices.ContainsFunc(x.VolumeMounts, func(had corev1.VolumeMount) bool { return equality.Semantic.DeepEqual(had, m) }) {
			return false
		}
	}
	return ownTokens(&pod.Spec)
}

// ownTokens tells whether the sidecar's tokens and whom it trusts are those that are injected, and nobody else has such tokens.
func ownTokens(s *corev1.PodSpec) bool {
	for _, want := range volumes(Namespace{}) {
		if want.Name != StateVolume && !slices.ContainsFunc(s.Volumes, func(v corev1.Volume) bool { return equality.Semantic.DeepEqual(v, want) }) {
			return false
		}
	}
	others := false
	refuseTokens(s, func(string, ...any) { others = true })
	for _, p := range foreign(s) {
		others = others || slices.ContainsFunc(p.mounts, func(m corev1.VolumeMount) bool { return m.Name == TokensVolume })
	}
	return !others
}

// repository is an image's name without its tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	return image
}
