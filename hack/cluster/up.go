package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// steps prints one line per step with the time since the beginning.
type steps struct {
	w     io.Writer
	begin time.Time
}

func (s steps) say(format string, args ...any) {
	fmt.Fprintf(s.w, "[%5.1fs] %s\n", time.Since(s.begin).Seconds(), fmt.Sprintf(format, args...))
}

// up starts the cluster and returns when the node is ready and names resolve. A cluster that runs already is left alone; what an
// unclean end left is cleared first, except for images pushed to the registry.
func (c cluster) up(ctx context.Context, w io.Writer) error {
	if err := require(ctx, w, runPrerequisites()); err != nil {
		return err
	}
	owner := c.recorded()
	if owner.exists() && owner.healthy(ctx) == nil {
		fmt.Fprintln(w, "the local cluster is up already")
		return nil
	}
	if err := c.refuseForeign(); err != nil {
		return err
	}
	if err := c.build(ctx, w, allPrograms); err != nil {
		return err
	}
	s := steps{w: w, begin: time.Now()}
	if left := owner.leftovers(); len(left) > 0 {
		s.say("clearing what an earlier cluster left (%d pieces)", len(left))
		if err := owner.clear(true); err != nil {
			return fmt.Errorf("clearing: %w", err)
		}
	}
	if err := c.raise(ctx, s); err != nil {
		return fmt.Errorf("%w\nThe logs are in %s; down removes what was started", err, c.in("logs"))
	}
	s.say("the cluster is up")
	return nil
}

// refuseForeign keeps away from a machine whose Services another Kubernetes serves: its tables have the names that down removes.
func (c cluster) refuseForeign() error {
	left := leftTables()
	_, err := os.Stat(c.state)
	if len(left) > 0 && !slices.Contains(left, tables[0]) && errors.Is(err, os.ErrNotExist) && len(leftLinks()) == 0 {
		return fmt.Errorf("another Kubernetes seems to run on this machine (nftables has the table %s); if not, remove it: nft delete table %s", left[0], left[0])
	}
	return nil
}

func (c cluster) raise(ctx context.Context, s steps) error {
	if err := os.MkdirAll(c.run, 0o700); err != nil {
		return err
	}
	if err := writeFile(c.record(), []byte(c.repo), 0o644); err != nil {
		return err
	}
	for _, prepare := range []func() error{
		c.saveKernelSettings, c.noteSharedFolders, makeCgroups,
		func() error { return c.writePKI(time.Now()) },
		func() error { return c.writeConfig(c.settings(cniFolder())) },
	} {
		if err := prepare(); err != nil {
			return err
		}
	}
	s.say("keys, certificates and settings are written")
	if err := c.raiseNetwork(); err != nil {
		return err
	}
	s.say("bridge %s has the node's address %s", bridgeName, nodeIP)
	if err := c.startAll(ctx, s, c.storage()); err != nil {
		return err
	}
	if err := c.startAll(ctx, s, []component{c.apiServer()}); err != nil {
		return err
	}
	if err := c.pushPause(ctx); err != nil {
		return err
	}
	if err := c.kubectl(ctx, "apply", "-f", c.config("base.yaml")); err != nil {
		return err
	}
	s.say("pause image, StorageClass and volumes are there")
	if err := c.startAll(ctx, s, c.workers()); err != nil {
		return err
	}
	if err := until(ctx, time.Minute, c.healthy); err != nil {
		return err
	}
	s.say("node %s is ready", nodeName)
	return nil
}

// startAll starts components together and waits for each.
func (c cluster) startAll(ctx context.Context, s steps, list []component) error {
	var all []*started
	for _, p := range list {
		process, err := c.start(p)
		if err != nil {
			return fmt.Errorf("starting %s: %w", p.name, err)
		}
		all = append(all, process)
	}
	var names []string
	for _, process := range all {
		if err := process.wait(ctx, 90*time.Second); err != nil {
			return err
		}
		names = append(names, process.name)
	}
	s.say("%s: ready", strings.Join(names, ", "))
	return nil
}

// healthy is nil when every process runs, the node is ready, pods can get a service account, and names resolve.
func (c cluster) healthy(ctx context.Context) error {
	for _, p := range c.components() {
		if c.alive(p) == 0 {
			return final{fmt.Errorf("%s does not run; see %s", p.name, c.logFile(p.name))}
		}
	}
	if err := c.nodeReady(ctx); err != nil {
		return err
	}
	if _, err := c.apiGet(ctx, "/api/v1/namespaces/default/serviceaccounts/default"); err != nil {
		return err
	}
	return answersDNS(ctx)
}

// down takes the cluster away and says what it could not remove.
func (c cluster) down(w io.Writer) error {
	if !isRoot() {
		return errors.New(runPrerequisites()[0].sentence())
	}
	c = c.recorded()
	if len(c.leftovers()) == 0 {
		fmt.Fprintln(w, "no local cluster is up")
		return nil
	}
	begin := time.Now()
	err := c.clear(false)
	if left := c.leftovers(); len(left) > 0 {
		return errors.Join(err, fmt.Errorf("not everything could be removed: %s", strings.Join(left, ", ")))
	}
	if err != nil {
		fmt.Fprintf(w, "something went away by itself while it was being removed: %v\n", err)
	}
	fmt.Fprintf(w, "the cluster is down and nothing of it is left (%.1fs)\n", time.Since(begin).Seconds())
	return nil
}
