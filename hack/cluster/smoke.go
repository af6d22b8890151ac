package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

//go:embed templates/smoke.yaml
var smokeManifest string

// check is one thing that smoke tries: kubectl's arguments and a word that its output must hold.
type check struct {
	name string
	args []string
	want string
}

const smokeNamespace = "optup-smoke"

var smokeChecks = []check{
	{"pod with native sidecar is ready", []string{"wait", "--for=condition=Ready", "pod/server", "pod/client", "--timeout=4s"}, "condition met"},
	{"claim is bound to a volume", []string{"get", "pvc", "smoke", "-o", "jsonpath={.status.phase}"}, "Bound"},
	{"logs", []string{"logs", "server", "-c", "app"}, "serving hello"},
	{"name of the Service resolves", []string{"exec", "server", "-c", "app", "--", "/probe", "lookup", "smoke." + smokeNamespace + ".svc"}, "."},
	{"Service reaches its own pod", []string{"exec", "server", "-c", "app", "--", "/probe", "get", "http://smoke/"}, "hello"},
	{"other pod through the Service", []string{"exec", "client", "--", "/probe", "get", "http://smoke/"}, "hello"},
	{"sidecar through the Service", []string{"exec", "client", "--", "/probe", "get", "http://smoke:81/"}, "sidecar"},
}

// smoke tries on the target what tests rely on, says ok with the time for each, and leaves nothing behind.
func (t target) smoke(ctx context.Context, w io.Writer) (err error) {
	if t.kind == localCluster && !t.exists() {
		return errNoCluster
	}
	if err := t.locked(func() error { return t.build(ctx, io.Discard, join(apiServerPrograms, toolPrograms)) }); err != nil {
		return err
	}
	image, err := buildImage(imageSpec{Entrypoint: "/probe", User: "65532", Files: map[string]string{"/probe": t.program("probe")}})
	if err != nil {
		return err
	}
	called, err := t.publish(ctx, image, "optup/probe:smoke")
	if err != nil {
		return err
	}
	remove := func() error {
		// Not the caller's context: what was made goes away even when the caller gave up.
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		// Pods first: the namespace's own deletion waits much longer for them than they take.
		if _, err := t.kubectl(ctx, "", "delete", "pods", "--all", "-n", smokeNamespace, "--now", "--wait"); err != nil {
			return err
		}
		_, err := t.kubectl(ctx, "", "delete", "namespace", smokeNamespace, "--ignore-not-found", "--wait")
		return err
	}
	if err := remove(); err != nil {
		return err
	}
	defer func() {
		begin := time.Now()
		if gone := remove(); gone != nil {
			err = errors.Join(err, gone)
		} else {
			ok(w, "everything is removed", begin)
		}
	}()
	begin := time.Now()
	if _, err := t.kubectl(ctx, strings.ReplaceAll(smokeManifest, "IMAGE", called), "apply", "-f", "-"); err != nil {
		return err
	}
	ok(w, "image is published, objects are made", begin)
	for _, step := range smokeChecks {
		begin := time.Now()
		if err := until(ctx, 90*time.Second, func(ctx context.Context) error { return t.try(ctx, step) }); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		ok(w, step.name, begin)
	}
	return nil
}

func (t target) try(ctx context.Context, step check) error {
	out, err := t.kubectl(ctx, "", append([]string{"-n", smokeNamespace}, step.args...)...)
	if err == nil && !strings.Contains(out, step.want) {
		err = fmt.Errorf("%q is not in %q", step.want, out)
	}
	return err
}

func ok(w io.Writer, what string, begin time.Time) {
	fmt.Fprintf(w, "ok  %5.1fs  %s\n", time.Since(begin).Seconds(), what)
}
