package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAClusterBelongsToTheWorkingCopyThatStartedIt(t *testing.T) {
	c, err := clusterAt("/src/repo", "/var/lib/optup-cluster")
	if err != nil {
		t.Fatal(err)
	}
	c.run = t.TempDir()
	if got := c.recorded(); got != c {
		t.Errorf("without a record: %+v", got)
	}
	if err := os.WriteFile(c.record(), []byte("/src/other"), 0o644); err != nil {
		t.Fatal(err)
	}
	other := process{1, "/src/other/bin/cluster/etcd", "etcd --data-dir=/var/lib/optup-cluster/etcd"}
	if got := c.recorded(); got.bin != filepath.Join("/src/other", "bin", "cluster") || got.run != c.run || !got.owns(other) || c.owns(other) {
		t.Errorf("with a record: %+v", got)
	}
	for _, bad := range []string{"", "relative/path"} {
		if err := os.WriteFile(c.record(), []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := c.recorded(); got != c {
			t.Errorf("with the record %q: %+v", bad, got)
		}
	}
}
