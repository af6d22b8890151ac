package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/optup/optup/test/bypass/world"
)

// options are what the command line says.
type options struct {
	seed     uint64
	time     time.Duration
	requests uint64
	workers  int
	servers  []string
	replay   string
	out      string
	defects  []string
	bound    uint64
	tag      string
}

func flags() options {
	var o options
	var servers, defects string
	flag.Uint64Var(&o.seed, "seed", 1, "seed of people and attacks")
	flag.DurationVar(&o.time, "time", time.Minute, "how long to attack the product")
	flag.Uint64Var(&o.requests, "requests", 0, "stop after this many attacks; 0 for the time alone")
	flag.IntVar(&o.workers, "workers", 8, "attacks at once")
	flag.StringVar(&servers, "servers", "go,node,python", "servers behind the sidecar")
	flag.StringVar(&o.replay, "replay", "", "send the request of this file again and say what comes of it")
	flag.StringVar(&o.out, "out", "dist/bypass", "folder for requests that got through")
	flag.StringVar(&defects, "defects", "all", "planted defects to look for, with commas between; all or none")
	flag.Uint64Var(&o.bound, "defect-requests", 40_000, "attacks within which each defect has to be found")
	flag.StringVar(&o.tag, "tag", "", "attack the sidecar that is built with this tag instead of the product, and look for no defect")
	flag.Parse()
	o.servers = strings.Split(servers, ",")
	switch defects {
	case "all":
		o.defects = allDefects()
	case "none", "":
	default:
		o.defects = strings.Split(defects, ",")
	}
	if o.tag != "" {
		o.defects = nil
	}
	return o
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, flags())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bypass:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	for _, s := range o.servers {
		if !world.Available(s) {
			return fmt.Errorf("%s is not on this machine; install it, or leave it out with --servers", s)
		}
	}
	dir, err := os.MkdirTemp("", "optup-bypass-build-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	h := &harness{options: o, dir: dir}
	if o.replay != "" {
		return h.again(ctx, o.replay)
	}
	if err := h.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.world.Stop()) }()
	return h.all(ctx)
}
