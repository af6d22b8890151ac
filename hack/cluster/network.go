package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// kernelSettings are what the kubelet and the network plugin change on the machine; their old values come back with down.
var kernelSettings = []string{
	"net/ipv4/ip_forward", "vm/overcommit_memory", "vm/panic_on_oom",
	"kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
	"net/netfilter/nf_conntrack_max",
}

// tables are the nftables tables that a cluster leaves: its own, kube-proxy's, and that of NetworkPolicies.
var tables = []string{"inet " + firewallTable, "ip kube-proxy", "ip6 kube-proxy", "inet " + policyTable}

// raiseNetwork makes the bridge that carries the node's address and takes every packet to a pod or Service that does not exist,
// and the rule that keeps pods inside the machine.
func (c cluster) raiseNetwork() error {
	for _, args := range [][]string{
		{"ip", "link", "add", bridgeName, "type", "bridge"},
		{"ip", "address", "add", nodeIP + "/16", "dev", bridgeName},
		{"ip", "link", "set", bridgeName, "up"},
		{"ip", "route", "add", serviceRange, "dev", bridgeName},
		{"nft", "-f", c.config("network.nft")},
	} {
		if err := command(args...); err != nil {
			return err
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

// lowerNetwork removes the links, routes (they go with their links) and tables.
func (c cluster) lowerNetwork() error {
	var problems []error
	for _, link := range leftLinks() {
		problems = append(problems, removeLink(link))
	}
	for _, table := range leftTables() {
		problems = append(problems, command(append([]string{"nft", "delete", "table"}, strings.Fields(table)...)...))
	}
	return errors.Join(problems...)
}

// removeLink removes one link, or finds it gone: the kernel removes a pod's links by itself a while after the pod's network namespace went,
// and may do so between our list and our turn.
func removeLink(link string) error {
	err := command("ip", "link", "delete", link)
	if _, gone := os.Stat(filepath.Join("/sys/class/net", link)); errors.Is(gone, os.ErrNotExist) {
		return nil
	}
	return err
}

// leftLinks finds the bridge and the pods' links. A pod's link has a random name, but always the pods' gateway as its address.
func leftLinks() []string {
	var links []string
	if _, err := os.Stat(filepath.Join("/sys/class/net", bridgeName)); err == nil {
		links = append(links, bridgeName)
	}
	out, err := exec.Command("ip", "-json", "address", "show", "to", podGateway+"/32").Output()
	if err != nil {
		return links
	}
	var shown []struct {
		Name string `json:"ifname"`
	}
	if json.Unmarshal(out, &shown) != nil {
		return links
	}
	for _, link := range shown {
		if strings.HasPrefix(link.Name, "veth") {
			links = append(links, link.Name)
		}
	}
	return links
}

func leftTables() []string {
	out, err := exec.Command("nft", "list", "tables").Output()
	if err != nil {
		return nil
	}
	var left []string
	for _, table := range tables {
		if strings.Contains(string(out), "table "+table+"\n") {
			left = append(left, table)
		}
	}
	return left
}

// saveKernelSettings writes down the machine's own values before anything changes them.
func (c cluster) saveKernelSettings() error {
	values := map[string]string{}
	for _, name := range kernelSettings {
		if data, err := os.ReadFile(filepath.Join("/proc/sys", name)); err == nil {
			values[name] = strings.TrimSpace(string(data))
		}
	}
	data, err := json.MarshalIndent(values, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(c.before("kernel-settings.json"), data, 0o644)
}

// restoreKernelSettings writes only what differs. Without a saved file there is nothing to restore.
func (c cluster) restoreKernelSettings() error {
	data, err := os.ReadFile(c.before("kernel-settings.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	values := map[string]string{}
	if err := json.Unmarshal(data, &values); err != nil {
		return err
	}
	var problems []error
	for name, value := range values {
		path := filepath.Join("/proc/sys", name)
		now, err := os.ReadFile(path)
		if err == nil && strings.TrimSpace(string(now)) != value {
			problems = append(problems, os.WriteFile(path, []byte(value), 0o644))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	return os.Remove(c.before("kernel-settings.json"))
}

// command runs a short program and returns what it said only when it failed.
func command(args ...string) error {
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
