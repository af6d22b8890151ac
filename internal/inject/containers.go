package inject

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	stateDir  = "/var/lib/optup"
	tokensDir = "/var/run/secrets/optup"
	trustDir  = "/etc/optup/trust"
	// apiTokenDir is where the API server mounts a token into every container that has nothing mounted there.
	apiTokenDir = "/var/run/secrets/kubernetes.io/serviceaccount"
	// hostsFile is what the kubelet writes a pod's hostAliases into, for every container that has nothing mounted there.
	hostsFile = "/etc/hosts"
)

// ownContainers are our init containers, in their order, before all others.
func ownContainers(ns Namespace, c Config) []corev1.Container {
	if ns.Capture() == Alias {
		return []corev1.Container{check(ns, c), sidecar(ns, c)}
	}
	return []corev1.Container{redirect(ns, c), check(ns, c), sidecar(ns, c)}
}

// redirect prepares the pod's network and exits. It is the only part that needs a privilege, and it is over before the app starts.
func redirect(ns Namespace, c Config) corev1.Container {
	root, no := int64(0), false
	x := container(RedirectName, c)
	x.Args = []string{"redirect", "--uid", fmt.Sprint(ReservedID), "--to", fmt.Sprint(CapturePort)}
	if ns.Inbound {
		x.Args = append(x.Args, "--inbound", fmt.Sprint(InboundPort), "--admin", fmt.Sprint(AdminPort))
	}
	x.SecurityContext.RunAsUser, x.SecurityContext.RunAsGroup = &root, &root
	x.SecurityContext.RunAsNonRoot = &no
	x.SecurityContext.Capabilities.Add = []corev1.Capability{"NET_ADMIN"}
	x.VolumeMounts = []corev1.VolumeMount{noAPIToken()}
	return x
}

// check proves, as any application could try it, that connections come to where the sidecar listens. Where one does not, the pod does not
// start.
func check(ns Namespace, c Config) corev1.Container {
	id := int64(CheckID)
	x := container(CheckName, c)
	x.Args = append([]string{"check"}, captureFlags(ns)...)
	x.SecurityContext.RunAsUser, x.SecurityContext.RunAsGroup = &id, &id
	x.TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
	x.VolumeMounts = []corev1.VolumeMount{noAPIToken()}
	return x
}

// captureFlags are those that say how connections come.
func captureFlags(ns Namespace) []string {
	if ns.Capture() == Alias {
		out := []string{"--capture", "alias"}
		for _, a := range assign(ns.Hosts) {
			out = append(out, a.flags()...)
		}
		return out
	}
	return []string{"--capture", "redirect", "--listen-outbound", fmt.Sprintf("127.0.0.1:%d,[::1]:%d", CapturePort, CapturePort)}
}

func sidecar(ns Namespace, c Config) corev1.Container {
	always := corev1.ContainerRestartPolicyAlways
	x := container(SidecarName, c)
	x.Args = []string{
		"run", "--manager", c.ManagerURL,
		"--trust", trustDir + "/" + TrustKey,
		"--manager-token", tokensDir + "/manager-token",
		"--ledger-token", tokensDir + "/ledger-token",
		"--state", stateDir,
		"--admin", fmt.Sprintf(":%d", AdminPort),
	}
	x.Args = append(x.Args, captureFlags(ns)...)
	x.Args = append(x.Args, doorFlags(ns)...)
	if ns.Inbound && ns.Capture() == Redirect {
		x.Args = append(x.Args, "--listen-inbound", fmt.Sprintf(":%d", InboundPort))
	}
	if ns.Intercepted {
		x.Args = append(x.Args, "--authorities", authoritiesDir, "--private-authorities", privateDir)
	}
	x.RestartPolicy = &always
	x.Ports = []corev1.ContainerPort{{Name: "optup-admin", ContainerPort: AdminPort, Protocol: corev1.ProtocolTCP}}
	x.Env = []corev1.EnvVar{fromField("POD_NAME", "metadata.name"), fromField("POD_NAMESPACE", "metadata.namespace")}
	x.VolumeMounts = []corev1.VolumeMount{
		{Name: StateVolume, MountPath: stateDir},
		{Name: TokensVolume, MountPath: tokensDir, ReadOnly: true},
		{Name: TrustVolume, MountPath: trustDir, ReadOnly: true},
		noHostAliases(),
		noAPIToken(),
	}
	if ns.Intercepted {
		x.VolumeMounts = append(x.VolumeMounts, corev1.VolumeMount{Name: AuthoritiesVolume, MountPath: authoritiesDir},
			corev1.VolumeMount{Name: PrivateVolume, MountPath: privateDir, ReadOnly: true})
	}
	// The app must not start before a bundle is in force: five minutes, then the kubelet tries again.
	x.StartupProbe = probe("/startup", 1, 300)
	x.LivenessProbe = probe("/healthz", 10, 3)
	return x
}

// container spells out every default of the API server, so that a pod read back equals the pod injected.
func container(name string, c Config) corev1.Container {
	id, yes, no := int64(ReservedID), true, false
	return corev1.Container{
		Name:                     name,
		Image:                    c.Image,
		ImagePullPolicy:          pullPolicy(c.Image),
		Resources:                c.resources(),
		TerminationMessagePath:   corev1.TerminationMessagePathDefault,
		TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		SecurityContext: &corev1.SecurityContext{
			RunAsUser: &id, RunAsGroup: &id, RunAsNonRoot: &yes,
			Privileged: &no, AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
			Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
	}
}

// pullPolicy is the API server's default rule.
func pullPolicy(image string) corev1.PullPolicy {
	name := image[strings.LastIndex(image, "/")+1:]
	if !strings.Contains(name, "@") && (!strings.Contains(name, ":") || strings.HasSuffix(name, ":latest")) {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}

func probe(path string, period, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: path, Port: intstr.FromInt32(AdminPort), Scheme: corev1.URISchemeHTTP,
		}},
		TimeoutSeconds: 1, PeriodSeconds: period, SuccessThreshold: 1, FailureThreshold: failures,
	}
}

func fromField(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path},
	}}
}

// noAPIToken takes the place of the API token, which would be mounted into our containers too wherever the app has one.
func noAPIToken() corev1.VolumeMount {
	return corev1.VolumeMount{Name: TrustVolume, MountPath: apiTokenDir, ReadOnly: true}
}

// noHostAliases takes the place of the pod's file of hosts, with one that names none: where governed hosts are is for name servers to say,
// and neither for the application's hostAliases nor for ours, which lead to the sidecar itself.
func noHostAliases() corev1.VolumeMount {
	return corev1.VolumeMount{Name: TrustVolume, MountPath: hostsFile, SubPath: TrustKey, ReadOnly: true}
}
