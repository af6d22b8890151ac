package inject

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

func TestWhichCapture(t *testing.T) {
	for name, c := range map[string]struct {
		labels map[string]string
		want   Capture
	}{
		"nothing is said":                {nil, Redirect},
		"privileged pods are allowed":    {map[string]string{podSecurityLabel: "privileged"}, Redirect},
		"baseline":                       {map[string]string{podSecurityLabel: "baseline"}, Alias},
		"restricted":                     {map[string]string{podSecurityLabel: "restricted"}, Alias},
		"restricted, by auto":            {map[string]string{podSecurityLabel: "restricted", CaptureLabel: CaptureAuto}, Alias},
		"restricted, and redirect":       {map[string]string{podSecurityLabel: "restricted", CaptureLabel: CaptureRedirect}, Redirect},
		"alias":                          {map[string]string{CaptureLabel: CaptureAlias}, Alias},
		"something else counts for auto": {map[string]string{CaptureLabel: "Alias"}, Redirect},
		"only warned of":                 {map[string]string{"pod-security.kubernetes.io/warn": "restricted"}, Redirect},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (Namespace{Labels: c.labels}).Capture(); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestAliasNeedsNoPrivilege(t *testing.T) {
	out, report := Inject(pod(), restricted, config)
	if len(report.Refusals)+len(report.Cooperative) > 0 {
		t.Fatalf("report: %+v", report)
	}
	for _, c := range out.Spec.InitContainers[:2] {
		sc := c.SecurityContext
		if len(sc.Capabilities.Add) > 0 || !slices.Contains(sc.Capabilities.Drop, "ALL") || !*sc.RunAsNonRoot || *sc.RunAsUser == 0 ||
			*sc.AllowPrivilegeEscalation || sc.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s would be refused under Pod Security restricted: %+v", c.Name, sc)
		}
	}
	got := CapturedBy(&out.Spec)
	if got.Capture != Alias || !slices.Equal(got.Hosts, restricted.Hosts) || got.Inbound {
		t.Errorf("captured: %+v", got)
	}
	for i, host := range restricted.Hosts {
		h := out.Spec.HostAliases[i]
		if !slices.Equal(h.Hostnames, []string{host}) || !slices.Contains(out.Spec.InitContainers[1].Args, h.IP+"="+host) ||
			!slices.Contains(out.Spec.InitContainers[0].Args, h.IP+"="+host) {
			t.Errorf("%s: pod and containers disagree: %+v", host, h)
		}
	}
	twice, report := Inject(out, restricted, config)
	if len(report.Refusals) > 0 || !equality.Semantic.DeepEqual(out, twice) || len(Verify(out, restricted, config)) > 0 {
		t.Errorf("a second injection changes the pod: %v, %v", report.Refusals, Verify(out, restricted, config))
	}
	if missing := got.Missing([]string{"new.example", "api.esp.example", "192.0.2.1"}); !slices.Equal(missing, []string{"new.example"}) {
		t.Errorf("missing: %v", missing)
	}
	redirected, _ := Inject(pod(), governed, config)
	if missing := CapturedBy(&redirected.Spec).Missing([]string{"new.example"}); missing != nil {
		t.Errorf("a redirected pod misses %v", missing)
	}
}

// TestTheApplicationDoesNotAlias what is governed, nor keep the sidecar from its ports; other names are its own business.
func TestTheApplicationDoesNotAlias(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*corev1.PodSpec)
		fails  string
	}{
		"another name": {func(s *corev1.PodSpec) {
			s.HostAliases = []corev1.HostAlias{{IP: "192.0.2.7", Hostnames: []string{"db.internal"}}}
		}, ""},
		"a governed name": {func(s *corev1.PodSpec) {
			s.HostAliases = []corev1.HostAlias{{IP: "192.0.2.7", Hostnames: []string{"db.internal", "customers.crm"}}}
		}, "hostAliases must not give customers.crm"},
		"an address of ours": {func(s *corev1.PodSpec) {
			s.HostAliases = []corev1.HostAlias{{IP: "127.64.0.1", Hostnames: []string{"db.internal"}}}
		}, ""},
		"low ports":                 {sysctl("0"), ""},
		"high ports":                {sysctl("1024"), "sysctl net.ipv4.ip_unprivileged_port_start must be 0"},
		"a redirection's container": {func(s *corev1.PodSpec) { s.InitContainers[0].Name = RedirectName }, "has no place"},
	} {
		t.Run(name, func(t *testing.T) {
			out, report := Inject(pod(c.change), restricted, config)
			if (len(report.Refusals) == 0) != (c.fails == "") || !strings.Contains(strings.Join(report.Refusals, "\n"), c.fails) {
				t.Fatalf("refusals %q, want %q", report.Refusals, c.fails)
			}
			if c.fails == "" && (!slices.Equal(out.Spec.HostAliases[0].Hostnames, []string{"api.esp.example"}) || len(out.Spec.SecurityContext.Sysctls) != 1 ||
				len(Verify(out, restricted, config)) > 0) {
				t.Errorf("aliases %v, sysctls %v, %v", out.Spec.HostAliases, out.Spec.SecurityContext.Sysctls, Verify(out, restricted, config))
			}
		})
	}
}

func sysctl(value string) func(*corev1.PodSpec) {
	return func(s *corev1.PodSpec) { s.SecurityContext.Sysctls = []corev1.Sysctl{{Name: lowPorts, Value: value}} }
}

// TestHostsKeepTheirAddresses when others come and go, and no two share one.
func TestHostsKeepTheirAddresses(t *testing.T) {
	var hosts []string
	for i := range 5000 {
		hosts = append(hosts, fmt.Sprintf("h%d.example", i))
	}
	moved, of := 0, map[string]netip.Addr{}
	seen := map[netip.Addr]bool{}
	for _, a := range assign(hosts) {
		if seen[a.address] || !aliases.Contains(a.address) {
			t.Fatalf("%s has %s, which is somebody's or no alias", a.host, a.address)
		}
		seen[a.address], of[a.host] = true, a.address
	}
	for _, a := range assign(hosts[2500:]) {
		if of[a.host] != a.address {
			moved++
		}
	}
	if len(of) != len(hosts) || moved > 10 {
		t.Errorf("%d of %d have addresses, %d moved", len(of), len(hosts), moved)
	}
	few, shuffled := assign([]string{"a.example", "b.example", "a.example", "192.0.2.1", ""}), assign([]string{"b.example", "a.example"})
	if len(few) != 2 || !slices.Equal(few, shuffled) {
		t.Errorf("%v, in another order %v", few, shuffled)
	}
}

func TestInbound(t *testing.T) {
	ns := governed
	ns.Inbound = true
	out, _ := Inject(pod(), ns, config)
	if !CapturedBy(&out.Spec).Inbound || !slices.Contains(out.Spec.InitContainers[0].Args, "--inbound") {
		t.Error("connections to the pod do not come to the sidecar")
	}
	if without, _ := Inject(pod(), governed, config); CapturedBy(&without.Spec).Inbound || slices.Contains(without.Spec.InitContainers[0].Args, "--inbound") {
		t.Error("connections to the pod come to the sidecar without need")
	}
	ns = restricted
	ns.Inbound = true
	if out, _ := Inject(pod(), ns, config); CapturedBy(&out.Spec).Inbound {
		t.Error("nothing redirects connections to this pod")
	}
}

// TestTheSidecarAsksNameServers where governed hosts are, and not the pod's file of hosts, which the application writes.
func TestTheSidecarAsksNameServers(t *testing.T) {
	for _, ns := range []Namespace{governed, restricted} {
		s := sidecar(ns, config)
		if !slices.ContainsFunc(s.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == "/etc/hosts" }) {
			t.Errorf("under %s the kubelet gives the sidecar the pod's hostAliases", ns.Capture())
		}
	}
}

func TestCooperative(t *testing.T) {
	yes, no := true, false
	drop := func(c ...corev1.Capability) *corev1.SecurityContext {
		return &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Drop: c}}
	}
	for name, c := range map[string]struct {
		security *corev1.SecurityContext
		nonRoot  bool
		want     string
	}{
		"root":                                 {nil, false, "may run as root, and with SETUID and SETGID and NET_RAW"},
		"not root, but of whatever image":      {nil, true, "may become root by a program of its image"},
		"not root, and confined":               {&corev1.SecurityContext{AllowPrivilegeEscalation: &no}, true, ""},
		"confined, but root":                   {&corev1.SecurityContext{AllowPrivilegeEscalation: &no}, false, "may run as root"},
		"not root by itself, and confined":     {&corev1.SecurityContext{AllowPrivilegeEscalation: &no, RunAsNonRoot: &yes}, false, ""},
		"root by itself":                       {&corev1.SecurityContext{AllowPrivilegeEscalation: &no, RunAsNonRoot: &no}, true, "may run as root"},
		"root without capabilities":            {drop("ALL"), false, ""},
		"root without those that matter":       {drop("CAP_SETUID", "SETGID", "net_raw"), false, ""},
		"root that can send what it likes":     {drop("SETUID", "SETGID"), false, "with NET_RAW"},
		"root that can be whom it likes":       {drop("NET_RAW"), false, "with SETUID and SETGID"},
		"all dropped, and one taken back":      {&corev1.SecurityContext{Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: []corev1.Capability{"NET_RAW"}}}, true, "adds NET_RAW"},
		"a capability that gets nobody around": {&corev1.SecurityContext{Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: []corev1.Capability{"NET_BIND_SERVICE"}}}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := pod(func(s *corev1.PodSpec) {
				s.SecurityContext = &corev1.PodSecurityContext{RunAsNonRoot: &c.nonRoot}
				s.InitContainers, s.Containers[0].SecurityContext = nil, c.security
			})
			out, report := Inject(p, governed, config)
			if got := strings.Join(report.Cooperative, "\n"); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
			if !Injected(out) || !slices.Equal(Cooperative(&out.Spec), report.Cooperative) {
				t.Error("the final pod is judged differently, or was not injected")
			}
		})
	}
	for name, change := range map[string]func(*corev1.PodSpec){
		"a path of the host": func(s *corev1.PodSpec) {
			s.Volumes = []corev1.Volume{{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}}}
		},
		"name servers":            func(s *corev1.PodSpec) { s.DNSConfig = &corev1.PodDNSConfig{Nameservers: []string{"192.0.2.53"}} },
		"the node's name servers": func(s *corev1.PodSpec) { s.DNSPolicy = corev1.DNSDefault },
		"search domains":          func(s *corev1.PodSpec) { s.DNSConfig = &corev1.PodDNSConfig{Searches: []string{"evil.example"}} },
	} {
		if _, report := Inject(pod(change), governed, config); len(report.Cooperative) != 1 {
			t.Errorf("%s: %q", name, report.Cooperative)
		}
	}
}

func TestOtherMeshes(t *testing.T) {
	with := func(labels, annotations map[string]string, containers ...string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Labels, p.Annotations = labels, annotations
			for _, c := range containers {
				p.Spec.InitContainers = append(p.Spec.InitContainers, corev1.Container{Name: c})
			}
		}
	}
	in := func(labels, annotations map[string]string) Namespace {
		labels[ModeLabel] = ModeEnforce
		return Namespace{Name: "marketing", Labels: labels, Annotations: annotations}
	}
	type m = map[string]string
	for name, c := range map[string]struct {
		ns     Namespace
		change func(*corev1.Pod)
		want   string
	}{
		"none":                                 {governed, with(nil, nil), ""},
		"an Istio proxy":                       {governed, with(nil, nil, "istio-proxy"), "one of Istio"},
		"what sets Istio up":                   {governed, with(nil, nil, "istio-init"), "one of Istio"},
		"a pod that asks Istio":                {governed, with(m{"sidecar.istio.io/inject": "true"}, nil), "one of Istio"},
		"a pod that asks by annotation":        {governed, with(nil, m{"sidecar.istio.io/inject": "true"}), "one of Istio"},
		"a namespace of Istio's":               {in(m{"istio-injection": "enabled"}, nil), with(nil, nil), "one of Istio"},
		"a revision of Istio":                  {in(m{"istio.io/rev": "canary"}, nil), with(nil, nil), "one of Istio"},
		"a namespace of Istio's, but not it":   {in(m{"istio-injection": "enabled"}, nil), with(m{"sidecar.istio.io/inject": "false"}, nil), ""},
		"Istio without sidecars":               {in(m{"istio.io/dataplane-mode": "ambient"}, nil), with(nil, nil), "one of Istio"},
		"Istio without it":                     {in(m{"istio.io/dataplane-mode": "ambient"}, nil), with(m{"istio.io/dataplane-mode": "none"}, nil), ""},
		"a Linkerd proxy":                      {governed, with(nil, nil, "linkerd-proxy"), "one of Linkerd"},
		"a pod that asks Linkerd":              {governed, with(nil, m{"linkerd.io/inject": "enabled"}), "one of Linkerd"},
		"a namespace of Linkerd's":             {in(m{}, m{"linkerd.io/inject": "enabled"}), with(nil, nil), "one of Linkerd"},
		"a namespace of Linkerd's, but not it": {in(m{}, m{"linkerd.io/inject": "enabled"}), with(nil, m{"linkerd.io/inject": "disabled"}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := pod()
			c.change(p)
			_, report := Inject(p, c.ns, config)
			got := strings.Join(report.Refusals, "\n")
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) || (got != "" && !strings.Contains(got, "decision doors")) {
				t.Errorf("refusals %q, want %q", got, c.want)
			}
		})
	}
}
