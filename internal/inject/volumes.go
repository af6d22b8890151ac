package inject

import corev1 "k8s.io/api/core/v1"

// volumes spells out every default of the API server, as container does.
func volumes(ns Namespace) []corev1.Volume {
	mode := int32(0o644)
	token := func(audience, path string) corev1.VolumeProjection {
		seconds := tokenSeconds
		return corev1.VolumeProjection{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
			Audience: audience, ExpirationSeconds: &seconds, Path: path,
		}}
	}
	out := []corev1.Volume{
		{Name: StateVolume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: TokensVolume, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
			DefaultMode: &mode,
			Sources: []corev1.VolumeProjection{
				token(ManagerAudience, "manager-token"),
				token(LedgerAudience, "ledger-token"),
			},
		}}},
		{Name: TrustVolume, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: TrustConfigMap},
			DefaultMode:          &mode,
			Items:                []corev1.KeyToPath{{Key: TrustKey, Path: TrustKey}},
		}}},
	}
	if ns.Intercepted {
		out = append(out, authoritiesVolume(), privateVolume())
	}
	return out
}
