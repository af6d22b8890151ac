package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStateFolderMustBeSafeToRemove(t *testing.T) {
	for sentence, test := range map[string]struct {
		state string
		ok    bool
	}{
		"a folder below a top folder":     {"/var/lib/optup-cluster", true},
		"nothing given means the default": {"", true},
		"a top folder":                    {"/var", false},
		"the root":                        {"/", false},
		"a relative folder":               {"state/here", false},
		"dots that lead to a top folder":  {"/var/lib/..", false},
		"the repository itself":           {"/src/repo", false},
		"a folder above the repository":   {"/src/repo/..", false},
	} {
		t.Run(sentence, func(t *testing.T) {
			if _, err := clusterAt("/src/repo", test.state); (err == nil) != test.ok {
				t.Errorf("clusterAt(%q) = %v", test.state, err)
			}
		})
	}
}

func TestOnlyOwnProcessesAreEnded(t *testing.T) {
	c, err := clusterAt("/src/repo", "/var/lib/optup-cluster")
	if err != nil {
		t.Fatal(err)
	}
	for sentence, test := range map[string]struct {
		p    process
		want bool
	}{
		"a component with its state":             {process{1, "/src/repo/bin/cluster/kubelet", "kubelet --root-dir=/var/lib/optup-cluster/kubelet"}, true},
		"a shim with the run folder's socket":    {process{1, "/src/repo/bin/cluster/containerd-shim-runc-v2", "shim -address /run/optup-cluster/containerd.sock"}, true},
		"the same program for an envtest suite":  {process{1, "/src/repo/bin/cluster/etcd", "etcd --data-dir=/tmp/k8s_test"}, false},
		"another program that reads a log of it": {process{1, "/usr/bin/tail", "tail -f /var/lib/optup-cluster/logs/etcd.log"}, false},
		"a cluster with a similar state folder":  {process{1, "/src/repo/bin/cluster/etcd", "etcd --data-dir=/var/lib/optup-cluster-two/etcd"}, false},
		"a component of another working copy":    {process{1, "/src/other/bin/cluster/etcd", "etcd --data-dir=/var/lib/optup-cluster/etcd"}, false},
	} {
		t.Run(sentence, func(t *testing.T) {
			if got := c.owns(test.p); got != test.want {
				t.Errorf("owns(%+v) = %v", test.p, got)
			}
		})
	}
}

func TestEveryComponentCanBeFoundWithoutItsProcessID(t *testing.T) {
	c, err := clusterAt("/src/repo", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.components() {
		if !c.owns(process{1, p.program, p.program + " " + strings.Join(p.args, " ")}) {
			t.Errorf("%s has no argument that tells whose it is", p.name)
		}
	}
}

func TestPrerequisiteIsOneSentence(t *testing.T) {
	for _, list := range [][]prerequisite{runPrerequisites(), buildPrerequisites()} {
		for _, p := range list {
			if s := p.sentence(); strings.Contains(s, "\n") || (len(p.packages) > 0 && !strings.Contains(s, "apt-get install "+p.packages[0])) {
				t.Errorf("%q does not say what to install", s)
			}
		}
	}
	missing := prerequisite{need: "The program nft is missing", packages: []string{"nftables"}, met: func() bool { return false }}
	t.Setenv("OPTUP_INSTALL", "")
	err := require(t.Context(), os.Stderr, []prerequisite{missing})
	if err == nil || !strings.HasPrefix(err.Error(), "The program nft is missing: apt-get install nftables\n") {
		t.Errorf("require = %v", err)
	}
}

func TestUntilStopsAtAFinalError(t *testing.T) {
	calls := 0
	err := until(t.Context(), time.Minute, func(context.Context) error {
		calls++
		return final{errors.New("it ended")}
	})
	if calls != 1 || err == nil || err.Error() != "it ended" {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestEmptyingAVolumeKeepsItsFolderOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "volume")
	if err := os.MkdirAll(filepath.Join(dir, "left", "behind"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := emptyFolder(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	info, statErr := os.Stat(dir)
	if err != nil || statErr != nil || len(entries) != 0 || info.Mode().Perm() != 0o777 {
		t.Errorf("entries %v, mode %v, errors %v %v", entries, info.Mode(), err, statErr)
	}
}

func TestOnlyOwnReleasedVolumesAreEmptied(t *testing.T) {
	names, err := releasedVolumes([]byte(`{"items": [
		{"metadata": {"name": "optup-local-1"}, "status": {"phase": "Released"}},
		{"metadata": {"name": "optup-local-2"}, "status": {"phase": "Bound"}},
		{"metadata": {"name": ".."}, "status": {"phase": "Released"}}]}`))
	if err != nil || len(names) != 1 || names[0] != "optup-local-1" {
		t.Errorf("%q, %v", names, err)
	}
}
