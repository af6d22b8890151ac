package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// settled writes keys and settings of a cluster into a test's own folder.
func settled(t *testing.T) cluster {
	t.Helper()
	c, err := clusterAt("/src/repo", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.writePKI(time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := c.writeConfig(c.settings("/usr/lib/cni")); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSettingsHoldWhatTheMachineNeeds(t *testing.T) {
	c := settled(t)
	for file, words := range map[string][]string{
		"containerd.toml": {"restrict_oom_score_adj = true", `sandbox = "` + pauseImage + `"`, `BinaryName = "/src/repo/bin/cluster/runc"`, `bin_dirs = ["/usr/lib/cni"]`},
		"kubelet.yaml":    {"failCgroupV1: false", "failSwapOn: false", "enforceNodeAllocatable: []", "cgroupDriver: cgroupfs", `clusterDNS: ["` + nodeIP + `"]`},
		"kube-proxy.yaml": {"mode: nftables"},
		"Corefile":        {"bind " + nodeIP, "file " + c.config("root.zone") + " .", "hosts " + c.names() + " {"},
		"network.nft":     {"hook forward", "hook input", "ip saddr " + podRange + " ip daddr != " + podRange + " reject"},
		"base.yaml":       {"name: standard", "volumeBindingMode: WaitForFirstConsumer", c.in("volumes", "optup-local-8")},
		"certs.d/" + registryAddr + "/hosts.toml": {`server = "http://127.0.0.1:5001"`},
	} {
		data, err := os.ReadFile(c.config(file))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range words {
			if !strings.Contains(string(data), word) {
				t.Errorf("%s lacks %q", file, word)
			}
		}
	}
	data, err := os.ReadFile(c.config("cni/10-optup.conflist"))
	if err != nil || !json.Valid(data) {
		t.Errorf("the network's settings are not JSON: %v\n%s", err, data)
	}
}

// Whoever is trusted as front proxy may speak in anybody's name, so no certificate of an ordinary client may pass as one.
func TestNoOrdinaryCertificatePassesAsFrontProxy(t *testing.T) {
	c := settled(t)
	ca, err := os.ReadFile(c.pki("front-proxy-ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	verify := func(name string) error {
		pair, err := tls.LoadX509KeyPair(c.pki(name+".crt"), c.pki(name+".key"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		return err
	}
	if err := verify("front-proxy-client"); err != nil {
		t.Error(err)
	}
	for _, l := range leaves() {
		if verify(l.file) == nil {
			t.Errorf("%s passes as front proxy", l.file)
		}
	}
}

func TestKeysAreReadableByTheirOwnerOnly(t *testing.T) {
	c := settled(t)
	for _, file := range []string{c.pki("ca.key"), c.pki("service-account.key"), c.pki("admin.key"), c.kubeconfig("admin")} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info, err)
		}
	}
}
