package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// build makes the programs one after another (each fills all cores by itself) and says on w which part it is at. Programs whose
// stamp is still right are left alone.
func (c cluster) build(ctx context.Context, w io.Writer, programs []program) error {
	if err := os.MkdirAll(filepath.Join(c.bin, ".stamps"), 0o755); err != nil {
		return err
	}
	if err := c.checkBuildPrerequisites(ctx, w, programs); err != nil {
		return err
	}
	begin := time.Now()
	for i, p := range programs {
		label := fmt.Sprintf("build %2d/%d %-24s", i+1, len(programs), p.name)
		stamp, err := c.stamp(p)
		if err != nil {
			return err
		}
		if c.upToDate(p, stamp) {
			fmt.Fprintf(w, "%s up to date\n", label)
			continue
		}
		start := time.Now()
		if !p.own() {
			fmt.Fprintf(w, "%s building (first time takes minutes) ...\n", label)
		}
		if err := c.compile(ctx, p); err != nil {
			return err
		}
		if err := os.WriteFile(c.stampFile(p), []byte(stamp), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(w, "%s %6.1fs, %s in all\n", label, time.Since(start).Seconds(), time.Since(begin).Round(time.Second))
	}
	return nil
}

func (c cluster) compile(ctx context.Context, p program) error {
	cmd := exec.CommandContext(ctx, "go", compileArgs(p, c.program(p.name))...)
	cmd.Dir = filepath.Join(c.module, p.module)
	cgo := "0"
	if p.cgo {
		cgo = "1"
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo, "GOTOOLCHAIN=local", "GOWORK=off")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building %s in %s: %w\n%s", p.name, cmd.Dir, err, lastLines(out.String(), 20))
	}
	return nil
}

func compileArgs(p program, output string) []string {
	args := []string{"build", "-buildvcs=false", "-trimpath"}
	if p.tags != "" {
		args = append(args, "-tags", p.tags)
	}
	return append(args, "-ldflags", p.ldflags, "-o", output, p.pkg)
}

// stamp is what a program was made from: its pinned modules, the Go release and the flags.
func (c cluster) stamp(p program) (string, error) {
	sum := sha256.New()
	for _, file := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(c.module, p.module, file))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n%s", file, len(data), data)
	}
	fmt.Fprintf(sum, "%s %s %v %q", runtime.Version(), runtime.GOARCH, p.cgo, compileArgs(p, ""))
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (c cluster) stampFile(p program) string { return filepath.Join(c.bin, ".stamps", p.name) }

// upToDate never believes a stamp of this module's own programs: their source can change without go.sum.
func (c cluster) upToDate(p program, stamp string) bool {
	if p.own() {
		return false
	}
	if _, err := os.Stat(c.program(p.name)); err != nil {
		return false
	}
	data, err := os.ReadFile(c.stampFile(p))
	return err == nil && string(data) == stamp
}
