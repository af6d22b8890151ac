package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The clusters that the commands work on.
const (
	localCluster    = "local"
	kindCluster     = "kind"
	existingCluster = "existing"

	// kindName is the name of the cluster that kind makes and takes away.
	kindName = "optup"
)

// target is the cluster that a command works on: the local one, one of kind, or one that exists and is named by KUBECONFIG.
type target struct {
	cluster
	kind     string
	registry string
}

func newTarget(kind string) (target, error) {
	switch kind {
	case localCluster, kindCluster, existingCluster:
	default:
		return target{}, fmt.Errorf("unknown cluster %q: it must be %s, %s or %s", kind, localCluster, kindCluster, existingCluster)
	}
	c, err := locate()
	return target{cluster: c, kind: kind, registry: os.Getenv("OPTUP_REGISTRY")}, err
}

func (t target) up(ctx context.Context, w io.Writer) error {
	switch t.kind {
	case kindCluster:
		out, err := exec.CommandContext(ctx, "kind", "get", "clusters").Output()
		if err != nil {
			return fmt.Errorf("kind get clusters: %w", err)
		}
		if strings.Contains("\n"+string(out), "\n"+kindName+"\n") {
			fmt.Fprintln(w, "the cluster of kind is up already")
			return nil
		}
		return t.stream(ctx, w, "kind", "create", "cluster", "--name", kindName, "--wait", "2m", "--kubeconfig", t.adminKubeconfig())
	case existingCluster:
		return t.stream(ctx, w, "kubectl", "get", "nodes")
	}
	return t.cluster.up(ctx, w)
}

func (t target) down(ctx context.Context, w io.Writer) error {
	switch t.kind {
	case kindCluster:
		return t.stream(ctx, w, "kind", "delete", "cluster", "--name", kindName, "--kubeconfig", t.adminKubeconfig())
	case existingCluster:
		fmt.Fprintln(w, "a cluster that existed before is left as it is")
		return nil
	}
	return t.cluster.down(w)
}

func (t target) status(ctx context.Context, w io.Writer) error {
	if t.kind == localCluster {
		return t.cluster.status(ctx, w)
	}
	return t.stream(ctx, w, "kubectl", "--kubeconfig", t.adminKubeconfig(), "get", "nodes")
}

// adminKubeconfig is where the kubeconfig of the cluster lies; "" leaves the choice to kubectl's own rules.
func (t target) adminKubeconfig() string {
	switch t.kind {
	case kindCluster:
		return filepath.Join(t.bin, "kind.kubeconfig")
	case existingCluster:
		return os.Getenv("KUBECONFIG")
	}
	return t.kubeconfig("admin")
}

// kubectl runs kubectl on the target and returns what it printed.
func (t target) kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	program := "kubectl"
	if _, err := os.Stat(t.program(program)); err == nil {
		program = t.program(program)
	}
	cmd := exec.CommandContext(ctx, program, append([]string{"--kubeconfig", t.adminKubeconfig()}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), err
}

func (t target) stream(ctx context.Context, w io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return nil
}
