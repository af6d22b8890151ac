package inject

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var update = flag.Bool("update", false, "rewrite golden files")

var (
	governed = Namespace{Name: "marketing", Labels: map[string]string{ModeLabel: ModeEnforce}}
	// restricted is a namespace whose pods can have no privileges, not for a moment.
	restricted = Namespace{
		Name: "marketing", Labels: map[string]string{ModeLabel: ModeEnforce, podSecurityLabel: "restricted"}, Hosts: []string{"api.esp.example", "customers.crm"},
	}
	config = Config{Image: "optup/sidecar:1.0.0", ManagerURL: "https://optup-manager.optup-system.svc:9443"}
)

func pod(change ...func(*corev1.PodSpec)) *corev1.Pod {
	yes, no := true, false
	confined := &corev1.SecurityContext{AllowPrivilegeEscalation: &no}
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "dashboard", Namespace: "marketing"},
		Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: &yes},
			InitContainers:  []corev1.Container{{Name: "migrate", Image: "shop:1", SecurityContext: confined}},
			Containers:      []corev1.Container{{Name: "app", Image: "shop:1", SecurityContext: confined.DeepCopy()}},
		},
	}
	for _, c := range change {
		c(&p.Spec)
	}
	return p
}

func TestInjectGolden(t *testing.T) {
	out, report := Inject(pod(), governed, config)
	if len(report.Refusals)+len(report.Cooperative) > 0 {
		t.Fatalf("report: %+v", report)
	}
	got, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/pod.golden.json"
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(want)) != string(got) {
		t.Errorf("injected pod changed; run with -update and read the difference:\n%s", got)
	}
}

func TestInjectIsIdempotent(t *testing.T) {
	once, _ := Inject(pod(), governed, config)
	twice, report := Inject(once, governed, config)
	if len(report.Refusals) > 0 || !equality.Semantic.DeepEqual(once, twice) {
		t.Fatalf("second injection changed the pod: %v", report.Refusals)
	}
	if problems := Verify(once, governed, config); len(problems) > 0 {
		t.Fatalf("an injected pod does not verify: %v", problems)
	}
}

func TestInjectMovesTheSidecarBackToTheFront(t *testing.T) {
	p, _ := Inject(pod(), governed, config)
	p.Spec.InitContainers = append([]corev1.Container{{Name: "first"}}, p.Spec.InitContainers...)
	if len(Verify(p, governed, config)) == 0 {
		t.Error("an init container before the redirection was not noticed")
	}
	again, _ := Inject(p, governed, config)
	if again.Spec.InitContainers[0].Name != RedirectName || again.Spec.InitContainers[2].Name != SidecarName {
		t.Errorf("order: %v", again.Spec.InitContainers)
	}
}

func TestInjectKeepsResourcesOfTheNamespace(t *testing.T) {
	p, _ := Inject(pod(), governed, config)
	delete(p.Spec.InitContainers[2].Resources.Limits, corev1.ResourceCPU)
	if problems := Verify(p, governed, config); len(problems) > 0 {
		t.Errorf("changed limits were refused: %v", problems)
	}
}

func TestInjectLeavesUngovernedNamespacesAlone(t *testing.T) {
	out, _ := Inject(pod(), Namespace{Name: "other"}, config)
	if Injected(out) || len(Verify(out, Namespace{Name: "other"}, config)) > 0 {
		t.Error("a pod of an ungoverned namespace was touched")
	}
}

func TestSidecarHasNeitherPrivilegesNorAnAPIToken(t *testing.T) {
	s := sidecar(governed, config)
	sc := s.SecurityContext
	if *sc.RunAsUser != ReservedID || !*sc.RunAsNonRoot || !*sc.ReadOnlyRootFilesystem || len(sc.Capabilities.Add) > 0 || *sc.AllowPrivilegeEscalation {
		t.Errorf("security context: %+v", sc)
	}
	for _, c := range append(ownContainers(governed, config), ownContainers(restricted, config)...) {
		if c.VolumeMounts[len(c.VolumeMounts)-1].MountPath != apiTokenDir {
			t.Errorf("%s: nothing keeps the API token out", c.Name)
		}
	}
}

func TestRefusals(t *testing.T) {
	id, yes := int64(ReservedID), true
	caps := func(c ...corev1.Capability) *corev1.SecurityContext {
		return &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: c}}
	}
	asSidecar := &corev1.SecurityContext{RunAsUser: &id}
	cases := map[string]struct {
		change func(*corev1.PodSpec)
		want   string
	}{
		"pod runs as the reserved user":   {func(s *corev1.PodSpec) { s.SecurityContext.RunAsUser = &id }, "reserved"},
		"pod runs as the reserved group":  {func(s *corev1.PodSpec) { s.SecurityContext.RunAsGroup = &id }, "reserved"},
		"pod joins the reserved group":    {func(s *corev1.PodSpec) { s.SecurityContext.SupplementalGroups = []int64{id} }, "reserved"},
		"container runs as the user":      {func(s *corev1.PodSpec) { s.Containers[0].SecurityContext = asSidecar }, "reserved"},
		"init container runs as the user": {func(s *corev1.PodSpec) { s.InitContainers[0].SecurityContext = asSidecar }, "reserved"},
		"ephemeral container runs as it": {func(s *corev1.PodSpec) {
			s.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug", SecurityContext: asSidecar}}}
		}, "ephemeral container \"debug\""},
		"host network":                   {func(s *corev1.PodSpec) { s.HostNetwork = true }, "hostNetwork"},
		"host processes":                 {func(s *corev1.PodSpec) { s.HostPID = true }, "hostPID"},
		"shared processes":               {func(s *corev1.PodSpec) { s.ShareProcessNamespace = &yes }, "shareProcessNamespace"},
		"privileged":                     {func(s *corev1.PodSpec) { s.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &yes} }, "privileged"},
		"NET_ADMIN":                      {func(s *corev1.PodSpec) { s.Containers[0].SecurityContext = caps("NET_ADMIN") }, "NET_ADMIN"},
		"ALL":                            {func(s *corev1.PodSpec) { s.InitContainers[0].SecurityContext = caps("ALL") }, "ALL"},
		"CAP_NET_ADMIN in small letters": {func(s *corev1.PodSpec) { s.Containers[0].SecurityContext = caps("cap_net_admin") }, "net_admin"},
		"a look-alike check":             {func(s *corev1.PodSpec) { s.InitContainers[0].Name = CheckName }, "differs"},
		"a look-alike sidecar":           {func(s *corev1.PodSpec) { s.InitContainers[0].Name = SidecarName }, "differs"},
		"a container of our name":        {func(s *corev1.PodSpec) { s.Containers[0].Name = SidecarName }, "reserved for OptUp"},
		"a volume of our name":           {func(s *corev1.PodSpec) { s.Volumes = []corev1.Volume{{Name: TokensVolume}} }, "differs"},
		"the sidecar's tokens":           {func(s *corev1.PodSpec) { s.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: TokensVolume}} }, "is the sidecar's"},
		"a token for the manager": {func(s *corev1.PodSpec) {
			v := volumes(governed)[1]
			v.Name = "mine"
			s.Volumes = []corev1.Volume{v}
		}, "pose as its sidecar"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := pod(c.change)
			out, report := Inject(p, governed, config)
			if !strings.Contains(strings.Join(report.Refusals, "\n"), c.want) {
				t.Fatalf("refusals: %q, want %q", report.Refusals, c.want)
			}
			if !equality.Semantic.DeepEqual(out, p) {
				t.Error("a refused pod was changed")
			}
			if len(Verify(p, governed, config)) == 0 {
				t.Error("a refused pod verifies")
			}
		})
	}
}

func TestVerifyUpdate(t *testing.T) {
	id := int64(ReservedID)
	cases := map[string]struct {
		change func(*corev1.PodSpec)
		ok     bool
	}{
		"nothing changed":               {func(*corev1.PodSpec) {}, true},
		"another app image":             {func(s *corev1.PodSpec) { s.Containers[0].Image = "shop:2" }, true},
		"another sidecar image":         {func(s *corev1.PodSpec) { s.InitContainers[2].Image = "evil" }, false},
		"another check":                 {func(s *corev1.PodSpec) { s.InitContainers[1].Args = []string{"--version"} }, false},
		"the sidecar's resources":       {func(s *corev1.PodSpec) { s.InitContainers[2].Resources = corev1.ResourceRequirements{} }, true},
		"an ephemeral look-alike":       {ephemeral(SidecarName, nil), false},
		"an ephemeral reserved user":    {ephemeral("debug", &corev1.SecurityContext{RunAsUser: &id}), false},
		"an ephemeral with NET_ADMIN":   {ephemeral("debug", &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN"}}}), false},
		"an ephemeral of the safe kind": {ephemeral("debug", nil), true},
		"an ephemeral in the sidecar": {func(s *corev1.PodSpec) {
			ephemeral("debug", nil)(s)
			s.EphemeralContainers[0].TargetContainerName = SidecarName
		}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before, _ := Inject(pod(), governed, config)
			after := before.DeepCopy()
			c.change(&after.Spec)
			// The manager runs a newer sidecar by now: pods of the earlier one must stay changeable.
			newer := config
			newer.Image = "optup/sidecar:2.0.0"
			if got := VerifyUpdate(before, after, governed, newer); (len(got) == 0) != c.ok {
				t.Errorf("problems: %v", got)
			}
		})
	}
}

func ephemeral(name string, sc *corev1.SecurityContext) func(*corev1.PodSpec) {
	return func(s *corev1.PodSpec) {
		s.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: name, SecurityContext: sc}}}
	}
}
