package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// prerequisite is one thing that the machine must bring itself.
type prerequisite struct {
	// need says what is missing and what it is for, as the beginning of a sentence.
	need string
	// packages are Debian's packages that bring it; none where installing is no answer.
	packages []string
	met      func() bool
}

// sentence tells the reader the one thing to do.
func (p prerequisite) sentence() string {
	if len(p.packages) == 0 {
		return p.need + "."
	}
	return p.need + ": apt-get install " + strings.Join(p.packages, " ")
}

// cniFolders are where distributions put the CNI plugins.
var cniFolders = []string{"/usr/lib/cni", "/opt/cni/bin"}

// runPrerequisites are what up needs. iptables, conntrack and socat are not among them: kube-proxy works with nftables and reads
// connection tracking by netlink, and containerd forwards ports itself.
func runPrerequisites() []prerequisite {
	return []prerequisite{
		{need: "The local cluster needs root, because it makes links, mounts and cgroups; run it with sudo -E", met: isRoot},
		{
			need:     "The CNI plugins ptp, host-local and loopback are missing, which give pods their network",
			packages: []string{"containernetworking-plugins"}, met: func() bool { return cniFolder() != "" },
		},
		{
			need:     "The program nft is missing, which kube-proxy writes the rules of Services with",
			packages: []string{"nftables"}, met: hasProgram("nft"),
		},
		{need: "The program ip is missing, which lays the cluster's bridge", packages: []string{"iproute2"}, met: hasProgram("ip")},
		{need: "The program mount is missing, which the kubelet mounts volumes with", packages: []string{"mount"}, met: hasProgram("mount")},
	}
}

// buildPrerequisites are what building runc needs, the only program with C in it.
func buildPrerequisites() []prerequisite {
	return []prerequisite{
		{need: "A C compiler is missing, which runc is built with", packages: []string{"gcc", "libc6-dev"}, met: hasProgram("gcc")},
		{need: "The program pkg-config is missing, which finds libseccomp for runc", packages: []string{"pkg-config"}, met: hasProgram("pkg-config")},
		{need: "The headers of libseccomp are missing, which runc is built with", packages: []string{"libseccomp-dev"}, met: hasSeccomp},
	}
}

func (c cluster) checkBuildPrerequisites(ctx context.Context, w io.Writer, programs []program) error {
	for _, p := range programs {
		stamp, err := c.stamp(p)
		if err != nil {
			return err
		}
		if p.cgo && !c.upToDate(p, stamp) {
			return require(ctx, w, buildPrerequisites())
		}
	}
	return nil
}

// require returns one sentence per missing thing, after installing the packages if OPTUP_INSTALL=1 asks for it.
func require(ctx context.Context, w io.Writer, list []prerequisite) error {
	missing, packages := unmet(list)
	if len(packages) > 0 && os.Getenv("OPTUP_INSTALL") == "1" {
		fmt.Fprintln(w, "installing", strings.Join(packages, " "))
		for _, args := range [][]string{{"update", "-q"}, append([]string{"install", "-q", "-y", "--no-install-recommends"}, packages...)} {
			cmd := exec.CommandContext(ctx, "apt-get", args...)
			cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
			cmd.Stdout, cmd.Stderr = w, w
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("apt-get %s: %w", args[0], err)
			}
		}
		missing, packages = unmet(list)
	}
	if len(missing) == 0 {
		return nil
	}
	if len(packages) > 0 {
		missing = append(missing, "OPTUP_INSTALL=1 installs the packages by itself")
	}
	return errors.New(strings.Join(missing, "\n"))
}

func unmet(list []prerequisite) (sentences, packages []string) {
	for _, p := range list {
		if !p.met() {
			sentences = append(sentences, p.sentence())
			packages = append(packages, p.packages...)
		}
	}
	return sentences, packages
}

func isRoot() bool { return os.Geteuid() == 0 }

func hasProgram(name string) func() bool {
	return func() bool { _, err := exec.LookPath(name); return err == nil }
}

func hasSeccomp() bool { return exec.Command("pkg-config", "--exists", "libseccomp").Run() == nil }

// cniFolder returns the first folder that holds every plugin the cluster uses, or "".
func cniFolder() string {
	for _, folder := range cniFolders {
		complete := true
		for _, plugin := range []string{"ptp", "host-local", "loopback"} {
			_, err := os.Stat(filepath.Join(folder, plugin))
			complete = complete && err == nil
		}
		if complete {
			return folder
		}
	}
	return ""
}
