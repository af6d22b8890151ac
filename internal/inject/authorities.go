package inject

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

const (
	// AuthoritiesVolume holds what applications trust, which the sidecar writes before they start.
	AuthoritiesVolume = "optup-authorities"
	authoritiesDir    = "/etc/optup/authorities"
	// PrivateVolume holds the namespace's own authorities, from a ConfigMap that it may have: what replaces an image's authorities has to
	// have those, too.
	PrivateVolume    = "optup-private-authorities"
	PrivateConfigMap = "optup-authorities"
	privateDir       = "/etc/optup/private-authorities"

	publicAndOwn = authoritiesDir + "/authorities.pem"
	ownAlone     = authoritiesDir + "/interception.pem"

	javaOptions = "JAVA_TOOL_OPTIONS"
	javaTrust   = "-Djavax.net.ssl.trustStore=" + authoritiesDir + "/authorities.p12 -Djavax.net.ssl.trustStoreType=PKCS12"
)

// trustVariables are how runtimes are told what to trust. Those that add to their own roots get the authorities of interception alone.
var trustVariables = []corev1.EnvVar{
	{Name: "SSL_CERT_FILE", Value: publicAndOwn},                     // OpenSSL: Python's ssl, httpx and aiohttp, Ruby, PHP's streams, .NET, curl; Go
	{Name: "NODE_EXTRA_CA_CERTS", Value: ownAlone},                   // Node.js, which adds it
	{Name: "REQUESTS_CA_BUNDLE", Value: publicAndOwn},                // Python's requests
	{Name: "CURL_CA_BUNDLE", Value: publicAndOwn},                    // curl, and requests
	{Name: "AWS_CA_BUNDLE", Value: publicAndOwn},                     // the AWS command line and SDKs
	{Name: "GIT_SSL_CAINFO", Value: publicAndOwn},                    // Git
	{Name: "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", Value: publicAndOwn},  // gRPC for C++, Python, Ruby and PHP
	{Name: "HTTPLIB2_CA_CERTS", Value: publicAndOwn},                 // Python's httplib2, which Google's older clients use
	{Name: "DENO_CERT", Value: ownAlone},                             // Deno, which adds it
	{Name: "PHP_INI_SCAN_DIR", Value: ":" + authoritiesDir + "/php"}, // PHP's curl reads no variable; the colon keeps the image's own folder
	{Name: javaOptions, Value: javaTrust},                            // Java
}

func authoritiesVolume() corev1.Volume {
	return corev1.Volume{Name: AuthoritiesVolume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}

func privateVolume() corev1.Volume {
	mode, optional := int32(0o644), true
	return corev1.Volume{Name: PrivateVolume, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: PrivateConfigMap}, DefaultMode: &mode, Optional: &optional,
	}}}
}

// trusts is how an application's container has the folder.
func trusts() corev1.VolumeMount {
	return corev1.VolumeMount{Name: AuthoritiesVolume, MountPath: authoritiesDir, ReadOnly: true}
}

// withTrust has a container trust the authorities that its sidecar's certificates are signed by. A variable that the container sets itself
// stays as it is; unset tells of those.
func withTrust(c *corev1.Container) (unset []string) {
	if !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == AuthoritiesVolume }) {
		c.VolumeMounts = append(c.VolumeMounts, trusts())
	}
	for _, v := range trustVariables {
		i := slices.IndexFunc(c.Env, func(x corev1.EnvVar) bool { return x.Name == v.Name })
		switch {
		case i < 0:
			c.Env = append(c.Env, v)
		case strings.Contains(c.Env[i].Value, v.Value):
		case v.Name == javaOptions && c.Env[i].ValueFrom == nil && !strings.Contains(c.Env[i].Value, "-Djavax.net.ssl.trustStore="):
			c.Env[i].Value = strings.TrimSpace(c.Env[i].Value + " " + v.Value) // a list of options, of which this is one more
		default:
			unset = append(unset, v.Name)
		}
	}
	return unset
}

// trustAll has the application's containers trust the authorities of interception.
func trustAll(s *corev1.PodSpec) (untrusting []string) {
	for _, list := range [][]corev1.Container{s.InitContainers, s.Containers} {
		for i := range list {
			if ownContainer(list[i].Name) {
				continue
			}
			if unset := withTrust(&list[i]); len(unset) > 0 {
				untrusting = append(untrusting, fmt.Sprintf("container %q sets %s itself, so that it may not trust the certificates that OptUp ends its TLS with; "+
					"add the authorities in %s to what it trusts, or leave the variables to OptUp", list[i].Name, strings.Join(unset, ", "), authoritiesDir))
			}
		}
	}
	return untrusting
}

// refuseAuthorities: what applications trust is for the sidecar to write, and for them to read.
func refuseAuthorities(p part, m corev1.VolumeMount, refuse func(string, ...any)) {
	if m.Name == AuthoritiesVolume && !equality.Semantic.DeepEqual(m, trusts()) {
		refuse("%s %q must mount volume %q read-only at %s, or not at all", p.sort, p.name, AuthoritiesVolume, authoritiesDir)
	}
}
