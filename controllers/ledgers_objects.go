package controllers

import (
	"encoding/json"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/translate"
)

// LabelLedger names the ConsentLedger that an object belongs to.
const LabelLedger = "consent.optup.dev/ledger"

const (
	ledgerPort  = 8443
	pagesPort   = 8444
	ledgerAdmin = 8081
	ledgerUser  = int64(65532)
)

func ledgerLabels(l *v1alpha1.ConsentLedger) map[string]string {
	return map[string]string{"app.kubernetes.io/name": "optup-ledger", LabelLedger: l.Name}
}

// issuerConfig and accessConfig are how the ledger's configuration spells whom to trust, and who may do what.
type issuerConfig struct {
	Issuer   string        `json:"issuer"`
	Audience string        `json:"audience"`
	JWKSFile string        `json:"jwksFile,omitempty"`
	Groups   string        `json:"groups,omitempty"`
	Person   *personConfig `json:"person,omitempty"`
}

type personConfig struct {
	Claim string `json:"claim"`
	Type  string `json:"type"`
}

type accessConfig struct {
	Issuer  string   `json:"issuer,omitempty"`
	Subject string   `json:"subject,omitempty"`
	Group   string   `json:"group,omitempty"`
	Roles   []string `json:"roles"`
}

// ledgerIssuers has the cluster first: entries without an issuer are about its service accounts.
func ledgerIssuers(l *v1alpha1.ConsentLedger, o LedgerOptions) []issuerConfig {
	issuers := []issuerConfig{{Issuer: o.Issuer(), Audience: inject.LedgerAudience, JWKSFile: "jwks.json"}}
	for _, i := range l.Spec.Issuers {
		one := issuerConfig{Issuer: i.Issuer, Audience: i.Audience, Groups: i.GroupsClaim}
		if i.Person != nil {
			one.Person = &personConfig{Claim: i.Person.Claim, Type: string(i.Person.Type)}
		}
		issuers = append(issuers, one)
	}
	return issuers
}

func ledgerAccess(a v1alpha1.LedgerAccess) accessConfig {
	var one accessConfig
	switch {
	case a.ServiceAccount != nil:
		one.Subject = "system:serviceaccount:" + string(a.ServiceAccount.Namespace) + ":" + string(a.ServiceAccount.Name)
	case a.External != nil:
		one.Issuer, one.Subject, one.Group = a.External.Issuer, a.External.Subject, a.External.Group
	}
	for _, role := range a.Roles {
		one.Roles = append(one.Roles, strings.ToLower(string(role)))
	}
	return one
}

// ledgerConfig is the content of the ConfigMap that a ledger mounts: whom to trust, and who may do what.
func ledgerConfig(l *v1alpha1.ConsentLedger, o LedgerOptions) (map[string]string, error) {
	type source struct {
		Name   string `json:"name"`
		People int64  `json:"people"`
	}
	type population struct {
		Sources []source `json:"sources"`
	}
	config := struct {
		Controller string         `json:"controller"`
		Issuers    []issuerConfig `json:"issuers"`
		Access     []accessConfig `json:"access"`
		Sidecars   struct {
			GrantKeysFile string `json:"grantKeysFile"`
		} `json:"sidecars"`
		Population *population `json:"population,omitempty"`
	}{
		Controller: l.Spec.Controller,
		Issuers:    ledgerIssuers(l, o),
		Access:     []accessConfig{{Subject: o.ManagerSubject, Roles: []string{"reader"}}},
	}
	config.Sidecars.GrantKeysFile = "grant-keys.json"
	for _, a := range l.Spec.Access {
		config.Access = append(config.Access, ledgerAccess(a))
	}
	if p := l.Spec.Population; p != nil {
		config.Population = &population{}
		for _, s := range p.Sources {
			config.Population.Sources = append(config.Population.Sources, source{s.Name, s.People})
		}
	}
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return nil, err
	}
	return map[string]string{"config.json": string(text), "jwks.json": string(o.JWKS()), "grant-keys.json": string(o.GrantKeys)}, nil
}

func ledgerService(l *v1alpha1.ConsentLedger, s *corev1.Service) {
	s.Spec.Selector = ledgerLabels(l)
	s.Spec.Ports = []corev1.ServicePort{{Name: "https", Port: ledgerPort, TargetPort: intstr.FromInt32(ledgerPort), Protocol: corev1.ProtocolTCP}}
}

func ledgerPages(l *v1alpha1.ConsentLedger, s *corev1.Service) {
	s.Spec.Selector = ledgerLabels(l)
	s.Spec.Ports = []corev1.ServicePort{{Name: "pages", Port: 443, TargetPort: intstr.FromInt32(pagesPort), Protocol: corev1.ProtocolTCP}}
}

// ledgerSet runs a ledger whose events are on a volume: one pod, because only one process may have the file.
func ledgerSet(l *v1alpha1.ConsentLedger, o LedgerOptions, s *appsv1.StatefulSet) {
	one := int32(1)
	s.Spec.Replicas = &one
	s.Spec.ServiceName = translate.LedgerName(l)
	s.Spec.Selector = &metav1.LabelSelector{MatchLabels: ledgerLabels(l)}
	ledgerPod(l, o, &s.Spec.Template)
	if len(s.Spec.VolumeClaimTemplates) == 0 {
		s.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{{
			ObjectMeta: metav1.ObjectMeta{Name: "data"},
			Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				StorageClassName: l.Spec.Storage.SQLite.StorageClassName,
				Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: l.Spec.Storage.SQLite.Size}},
			},
		}}
	}
}

// ledgerDeployment runs a ledger whose events are in PostgreSQL: replicas without a state of their own. A new one serves before an old
// one stops, so that no write is refused.
func ledgerDeployment(l *v1alpha1.ConsentLedger, o LedgerOptions, d *appsv1.Deployment) {
	replicas, one, none := ledgerReplicas(l), intstr.FromInt32(1), intstr.FromInt32(0)
	d.Spec.Replicas = &replicas
	d.Spec.Selector = &metav1.LabelSelector{MatchLabels: ledgerLabels(l)}
	d.Spec.Strategy = appsv1.DeploymentStrategy{
		Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &one, MaxUnavailable: &none},
	}
	ledgerPod(l, o, &d.Spec.Template)
	d.Spec.Template.Spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
		MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.ScheduleAnyway,
		LabelSelector: &metav1.LabelSelector{MatchLabels: ledgerLabels(l)},
	}}
}

// ledgerReplicas is how many replicas a ledger on PostgreSQL has.
func ledgerReplicas(l *v1alpha1.ConsentLedger) int32 {
	if n := l.Spec.Storage.Postgres.Replicas; n > 0 {
		return n
	}
	return 2
}

// ledgerBudget keeps evictions from taking more than one replica at a time. A single replica has none: it would only block drains.
func ledgerBudget(l *v1alpha1.ConsentLedger, b *policyv1.PodDisruptionBudget) {
	one := intstr.FromInt32(1)
	b.Spec.MaxUnavailable = &one
	b.Spec.Selector = &metav1.LabelSelector{MatchLabels: ledgerLabels(l)}
}

func ledgerPod(l *v1alpha1.ConsentLedger, o LedgerOptions, t *corev1.PodTemplateSpec) {
	t.Labels = ledgerLabels(l)
	// Assigning members keeps the defaults that the API server filled in, so that nothing is written for nothing.
	p, grace := &t.Spec, int64(45)
	p.ServiceAccountName = translate.LedgerName(l)
	p.TerminationGracePeriodSeconds = &grace
	no, yes, user := false, true, ledgerUser
	p.AutomountServiceAccountToken = &no
	p.SecurityContext = &corev1.PodSecurityContext{
		RunAsUser: &user, RunAsGroup: &user, FSGroup: &user, RunAsNonRoot: &yes,
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	p.Volumes = ledgerVolumes(l)
	if len(p.Containers) != 1 {
		p.Containers = []corev1.Container{{}}
	}
	ledgerContainer(l, o, &p.Containers[0])
}

func ledgerVolumes(l *v1alpha1.ConsentLedger) []corev1.Volume {
	mode, seconds := int32(0o440), int64(3600)
	open := int32(0o644)
	volumes := []corev1.Volume{
		{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: translate.LedgerName(l) + "-config"}, DefaultMode: &open,
		}}},
		{Name: "tls", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: translate.LedgerName(l) + "-tls", DefaultMode: &mode}}},
		{Name: "keys", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: keysName(l), DefaultMode: &mode}}},
		{Name: "trust", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: inject.TrustConfigMap}, DefaultMode: &open,
		}}},
		{Name: "tokens", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{DefaultMode: &open, Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: inject.ManagerAudience, ExpirationSeconds: &seconds, Path: "manager-token"}},
		}}}},
	}
	if pg := l.Spec.Storage.Postgres; pg != nil {
		volumes = append(volumes,
			// The last bundle, for restarts of the container while the manager is away.
			corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
			corev1.Volume{Name: "database", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
				SecretName: string(pg.DSNSecretRef.Name), DefaultMode: &mode, // as a whole: the connection string may name certificates that are beside it
			}}})
	}
	return append(volumes, mailVolumes(l)...)
}

func ledgerContainer(l *v1alpha1.ConsentLedger, o LedgerOptions, c *corev1.Container) {
	no, yes := false, true
	c.Name, c.Image = "ledger", o.Image
	c.Args = []string{
		"serve", "--root-key", "/etc/optup/keys/root", "--next-root-key", "/etc/optup/keys/next", "--config", "/etc/optup/config/config.json",
		"--tls-cert", "/etc/optup/tls/tls.crt", "--tls-key", "/etc/optup/tls/tls.key", "--listen", ":8443", "--admin", ":8081",
		"--manager", o.ManagerURL, "--manager-token", "/var/run/secrets/optup/manager-token", "--trust", "/etc/optup/trust/ca.crt",
	}
	if l.Spec.Storage.Postgres == nil {
		c.Args = append(c.Args, "--data", "/var/lib/optup")
	} else {
		// A single ledger on a volume has nobody to hand over to: serving on would only make the gap longer.
		c.Args = append(c.Args, "--database-url-file", "/etc/optup/database/"+l.Spec.Storage.Postgres.DSNSecretRef.Key, "--state", "/var/lib/optup", "--stop-delay", "5s")
	}
	c.Args = append(c.Args, append(pagesArgs(l), mailArgs(l)...)...)
	c.Ports = []corev1.ContainerPort{
		{Name: "https", ContainerPort: ledgerPort, Protocol: corev1.ProtocolTCP}, {Name: "admin", ContainerPort: ledgerAdmin, Protocol: corev1.ProtocolTCP},
	}
	if l.Spec.Pages != nil {
		c.Ports = append(c.Ports, corev1.ContainerPort{Name: "pages", ContainerPort: pagesPort, Protocol: corev1.ProtocolTCP})
	}
	c.VolumeMounts = []corev1.VolumeMount{
		{Name: "data", MountPath: "/var/lib/optup"},
		{Name: "config", MountPath: "/etc/optup/config", ReadOnly: true},
		{Name: "tls", MountPath: "/etc/optup/tls", ReadOnly: true},
		{Name: "keys", MountPath: "/etc/optup/keys", ReadOnly: true},
		{Name: "trust", MountPath: "/etc/optup/trust", ReadOnly: true},
		{Name: "tokens", MountPath: "/var/run/secrets/optup", ReadOnly: true},
	}
	if l.Spec.Storage.Postgres != nil {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "database", MountPath: "/etc/optup/database", ReadOnly: true})
	}
	for _, v := range mailVolumes(l) {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: v.Name, MountPath: "/etc/optup/" + v.Name, ReadOnly: true})
	}
	c.Resources = corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("20m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
	}
	c.SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
	c.ReadinessProbe = ledgerProbe("/readyz", 2)
	c.LivenessProbe = ledgerProbe("/healthz", 10)
}

func ledgerProbe(path string, period int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:   corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(ledgerAdmin), Scheme: corev1.URISchemeHTTP}},
		TimeoutSeconds: 1, PeriodSeconds: period, SuccessThreshold: 1, FailureThreshold: 3,
	}
}
