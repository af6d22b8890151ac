package standalone

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // it is silenced, and nothing is said with it
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/consent"
)

// Instance is a running ledger, with sidecars and the shop. It is safe for concurrent use.
type Instance struct {
	o         Options
	data      string
	temporary bool
	token     string

	// life ends when something that should run has failed, or after everything was stopped in order.
	life   context.Context //nolint:containedctx // it is the life of the goroutines of the group
	group  *errgroup.Group
	cancel context.CancelFunc
	watch  *watcher
	// watched is closed when no edit is being taken into force any more; watching tells that there will be one who closes it.
	watched  chan struct{}
	watching bool
	stop     sync.Once
	end      error

	servicePorts, hostPorts ports
	shop                    services
	upstreams               atomic.Pointer[map[string]string]
	// addresses are those that routes had, so that what comes back is where it was.
	addresses  map[string]string
	generation int64
	// current is in force; broken is why the folder cannot be used as it is now, and told are the findings that were told. They
	// belong to the goroutine that reloads.
	current *policies
	broken  string
	told    []string

	mu       sync.Mutex // guards what follows, and the routes of sidecars
	ledgers  []*ledger
	sidecars map[string]*sidecar
}

// Start starts everything, in the order of the data, and returns when the first request can be decided about. Stop ends it.
func Start(ctx context.Context, o Options) (*Instance, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	// The standard library's own log quotes what services answer unasked, which may be about people.
	log.SetOutput(io.Discard)
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	group, life := errgroup.WithContext(life)
	x := &Instance{o: o, life: life, group: group, cancel: cancel, addresses: map[string]string{}, watched: make(chan struct{}), sidecars: map[string]*sidecar{}}
	if o.Port > 0 {
		x.servicePorts.next, x.hostPorts.next = o.Port, o.Port+10
	}
	if err := x.start(ctx); err != nil {
		return nil, errors.Join(err, x.Stop())
	}
	return x, nil
}

func (x *Instance) start(ctx context.Context) error {
	p, err := load(x.o.Folder)
	if err != nil {
		return fmt.Errorf("%s: %w", x.o.Folder, err)
	}
	if err := errors.Join(p.limit(x.o.Workloads), x.checkFlags(p)); err != nil {
		return err
	}
	if err := x.openData(); err != nil {
		return err
	}
	x.say("%s: %s", x.o.Folder, p.describe())
	x.findings(p)
	if err := x.openLedgers(ctx, p); err != nil {
		return err
	}
	if err := x.startShop(ctx); err != nil {
		return err
	}
	x.say("shop: %d customers at http://%s, mail provider at http://%s, its counts at http://%s",
		x.o.People, x.shop.register, x.shop.mail, x.shop.counts)
	// Watched before it is applied, so that no edit falls between.
	if x.watch, err = newWatcher(x.o.Folder); err != nil {
		return err
	}
	if _, err := x.apply(ctx, p); err != nil {
		return err
	}
	x.current = p
	reached, err := x.seed(ctx)
	if err != nil {
		return err
	}
	if err := x.caughtUp(ctx, reached); err != nil {
		return err
	}
	x.group.Go(func() error {
		defer close(x.watched)
		return x.watch.run(x.life, x.reload)
	})
	x.watching = true
	return nil
}

// openData makes the directory with keys, databases and token, or takes the one that was kept.
func (x *Instance) openData() (err error) {
	if x.data = x.o.Data; x.data == "" {
		x.temporary = true
		x.data, err = os.MkdirTemp("", "optup-run-")
	} else {
		err = os.MkdirAll(x.data, 0o700)
	}
	if err != nil {
		return err
	}
	text, err := os.ReadFile(x.TokenFile())
	if err == nil && len(text) > 0 {
		x.token = string(text)
		return nil
	}
	x.token = rand.Text()
	return os.WriteFile(x.TokenFile(), []byte(x.token), 0o600)
}

// TokenFile holds the development token, which has every role at the ledgers.
func (x *Instance) TokenFile() string { return filepath.Join(x.data, "dev.token") }

// caughtUpTime bounds how long sidecars may take to know what the ledgers know.
const caughtUpTime = 15 * time.Second

// caughtUp waits until every sidecar has facts that are fresh and hold what was imported.
func (x *Instance) caughtUp(ctx context.Context, reached map[string]consent.Position) error {
	ctx, cancel := context.WithTimeout(ctx, caughtUpTime)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if x.fresh(reached) {
			return nil
		}
		select {
		case <-tick.C:
		case <-x.life.Done():
			return context.Cause(x.life)
		case <-ctx.Done():
			return fmt.Errorf("the sidecars did not catch up with the ledger: %w", ctx.Err())
		}
	}
}

func (x *Instance) fresh(reached map[string]consent.Position) bool {
	for _, s := range x.sidecars {
		_, feeds := s.follower.InForce()
		for l, f := range feeds {
			if f.Position() < reached[l.Controller] || f.Now().Age < 0 {
				return false
			}
		}
	}
	return true
}

// Wait returns when ctx ends, with nil, or when something has failed.
func (x *Instance) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-x.life.Done():
		return errors.New("something that has to run has ended")
	}
}

// Stop ends everything in an order that loses nothing: edits, requests, services, and at last the ledgers with what they
// acknowledged. It returns the first failure of the whole run.
func (x *Instance) Stop() error {
	x.stop.Do(func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(x.life), 2*stopTime)
		defer cancel()
		x.watch.close()
		if x.watching {
			<-x.watched
		}
		for _, s := range x.sidecars {
			// Connections that are still open then are cut; that is no failure.
			_ = s.close(end)
		}
		err := x.shop.close(end)
		for _, l := range x.ledgers {
			err = errors.Join(err, l.close(end))
		}
		x.cancel()
		if failed := x.group.Wait(); failed != nil && !errors.Is(failed, context.Canceled) {
			err = errors.Join(failed, err)
		}
		if x.temporary && x.data != "" {
			err = errors.Join(err, os.RemoveAll(x.data))
		}
		x.end = err
	})
	return x.end
}
