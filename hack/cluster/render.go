package main

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed templates
var templateFiles embed.FS

// settings are what the templates may use: the cluster's paths and addresses and what was found out about the machine.
type settings struct {
	State, Run, CNIFolder, Runc                     string
	Node, NodeIP, Bridge, Network                   string
	PodRange, PodSubnet, ServiceRange, Domain       string
	Server, Registry, PauseImage                    string
	DNSReady, FirewallTable, CgroupRoot, CAData     string
	User, CertificateData, KeyData, Names, RootZone string
	Volumes                                         []string
}

func (c cluster) settings(cniFolder string) settings {
	s := settings{
		State: c.state, Run: c.run, CNIFolder: cniFolder, Runc: c.program("runc"),
		Node: nodeName, NodeIP: nodeIP, Bridge: bridgeName, Network: networkName,
		PodRange: podRange, PodSubnet: podSubnet, ServiceRange: serviceRange, Domain: clusterDomain,
		Server: c.server(), Registry: registryAddr, PauseImage: pauseImage,
		DNSReady: dnsReadyAddr, FirewallTable: firewallTable, CgroupRoot: "/" + cgroupName, Names: c.names(), RootZone: c.config("root.zone"),
	}
	s.Volumes = volumeNames()
	return s
}

func volumeNames() []string {
	var names []string
	for i := 1; i <= volumeCount; i++ {
		names = append(names, fmt.Sprintf("optup-local-%d", i))
	}
	return names
}

// render fills one template. A setting that a template names and settings lacks is an error, not an empty word.
func render(name string, s settings) ([]byte, error) {
	t, err := template.New(name).Option("missingkey=error").ParseFS(templateFiles, "templates/"+name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, s); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// configFiles maps each template to the file it becomes below <state>/config.
var configFiles = map[string]string{
	"containerd.toml": "containerd.toml",
	"hosts.toml":      "certs.d/" + registryAddr + "/hosts.toml",
	"cni.conflist":    "cni/10-optup.conflist",
	"kubelet.yaml":    "kubelet.yaml",
	"kube-proxy.yaml": "kube-proxy.yaml",
	"Corefile":        "Corefile",
	"resolv.conf":     "resolv.conf",
	"network.nft":     "network.nft",
	"base.yaml":       "base.yaml",
	"root.zone":       "root.zone",
}

// kubeconfigUsers are the clients that get a kubeconfig, each with the certificate of the same name.
var kubeconfigUsers = []string{"admin", "controller-manager", "scheduler", "kubelet", "kube-proxy", "coredns"}

func (c cluster) writeConfig(s settings) error {
	for from, to := range configFiles {
		data, err := render(from, s)
		if err != nil {
			return err
		}
		if err := writeFile(c.config(to), data, 0o644); err != nil {
			return err
		}
	}
	if err := c.setNames(nil); err != nil {
		return err
	}
	for _, user := range kubeconfigUsers {
		data, err := c.renderKubeconfig(user, s)
		if err != nil {
			return err
		}
		if err := writeFile(c.kubeconfig(user), data, 0o600); err != nil {
			return err
		}
	}
	for _, volume := range s.Volumes {
		// Pods of any user write here, and hostPath volumes know no fsGroup.
		if err := makeOpenFolder(c.in("volumes", volume)); err != nil {
			return err
		}
	}
	return nil
}

func (c cluster) renderKubeconfig(user string, s settings) ([]byte, error) {
	s.User = user
	for file, into := range map[string]*string{"ca.crt": &s.CAData, user + ".crt": &s.CertificateData, user + ".key": &s.KeyData} {
		data, err := os.ReadFile(c.pki(file))
		if err != nil {
			return nil, err
		}
		*into = base64.StdEncoding.EncodeToString(data)
	}
	return render("kubeconfig.yaml", s)
}

func writeFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, mode)
}

// makeOpenFolder makes a folder that every user may write to, whatever the umask.
func makeOpenFolder(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o777)
}
