package spread

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// subscribing is what the process of the subscribers is told as it starts.
type subscribing struct {
	Side, Folder, Address string
	Count, People         int
}

// arrivals are the times at which the events of a round came, for each subscriber.
type arrivals struct {
	first uint64
	count int
	at    []atomic.Int64
	left  atomic.Int64
	done  chan struct{}
}

func expect(first uint64, count, subscribers int) *arrivals {
	a := &arrivals{first: first, count: count, at: make([]atomic.Int64, count*subscribers), done: make(chan struct{})}
	a.left.Store(int64(len(a.at)))
	return a
}

// came notes that an event came to a subscriber; once is what counts.
func (a *arrivals) came(subscriber int, position uint64) error {
	if a == nil || position < a.first || position >= a.first+uint64(a.count) {
		return nil
	}
	if !a.at[subscriber*a.count+int(position-a.first)].CompareAndSwap(0, now()) {
		return fmt.Errorf("position %d came twice", position)
	}
	if a.left.Add(-1) == 0 {
		close(a.done)
	}
	return nil
}

// crowd is all subscribers of one side.
type crowd struct {
	subscribing
	moments moments
	current atomic.Pointer[arrivals]
	end     context.CancelFunc
	group   *errgroup.Group
	failed  atomic.Pointer[error]
	sidecar *sidecar
}

// Subscribers is the process of the subscribers.
func Subscribers(argument string, in io.Reader, out io.Writer) error {
	c := &crowd{}
	if err := json.Unmarshal([]byte(argument), &c.subscribing); err != nil {
		return err
	}
	var err error
	if c.moments, err = shareMoments(filepath.Join(c.Folder, c.Side+".moments")); err != nil {
		return err
	}
	answers, orders := json.NewEncoder(out), json.NewDecoder(in)
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			return nil //nolint:nilerr // the end
		}
		t, err := c.obey(o)
		if err != nil {
			t.Error = err.Error()
		}
		if err := answers.Encode(t); err != nil {
			return err
		}
	}
}

func (c *crowd) obey(o order) (told, error) {
	switch {
	case o.Come:
		return told{}, c.come()
	case o.Leave:
		c.end()
		_ = c.group.Wait() // they end because they are told to
		c.current.Store(nil)
		return told{}, nil
	case o.Expect > 0 && o.First > 0:
		c.current.Store(expect(o.First, o.Expect, c.Count))
		if c.sidecar != nil {
			c.sidecar.expect(o.First, o.Expect)
		}
		return told{}, nil
	case o.Expect > 0:
		return c.result()
	default:
		return told{}, errors.New("an order that says nothing")
	}
}

// result waits until everything has come to everybody.
func (c *crowd) result() (told, error) {
	a := c.current.Load()
	select {
	case <-a.done:
	case <-time.After(time.Minute):
		if err := c.failed.Load(); err != nil {
			return told{}, *err
		}
		return told{}, fmt.Errorf("%d of %d events never came", a.left.Load(), len(a.at))
	}
	took := make([]int64, len(a.at))
	for i := range a.at {
		position := a.first + uint64(i%a.count)
		took[i] = a.at[i].Load() - c.moments.at[position%maxMoments].Load()
	}
	sorted(took)
	t := told{P50: quantile(took, 0.5) / 1e6, P99: quantile(took, 0.99) / 1e6, Max: quantile(took, 1) / 1e6}
	if c.sidecar != nil {
		more, err := c.sidecar.result(c.moments)
		t.More = more
		return t, err
	}
	return t, nil
}

// come connects everybody, some at a time.
func (c *crowd) come() error {
	ctx, end := context.WithCancel(context.Background())
	c.end = end
	group, ctx := errgroup.WithContext(ctx)
	c.group = group
	connect, err := c.connector(ctx)
	if err != nil {
		return err
	}
	var ready sync.WaitGroup
	slots := make(chan struct{}, 16)
	ready.Add(c.Count)
	for i := range c.Count {
		slots <- struct{}{}
		group.Go(func() error {
			once := sync.OnceFunc(func() { ready.Done(); <-slots })
			defer once()
			err := connect(ctx, i, once)
			if err != nil && ctx.Err() == nil {
				err = fmt.Errorf("subscriber %d: %w", i, err)
				c.failed.CompareAndSwap(nil, &err)
				return err
			}
			return nil
		})
	}
	ready.Wait()
	if err := c.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// connector gives the function that is one subscriber: it calls ready once it follows, and notes what comes until ctx ends.
func (c *crowd) connector(ctx context.Context) (func(ctx context.Context, i int, ready func()) error, error) {
	switch c.Side {
	case sideOurs:
		return c.light(ctx)
	case sideNATS:
		return c.natsSubscriber, nil
	case sideListen:
		return c.listener, nil
	default:
		return nil, fmt.Errorf("there is no side %q", c.Side)
	}
}
