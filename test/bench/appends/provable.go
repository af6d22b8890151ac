package appends

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/test/bench/harness"
)

// provers are how many append at a time where it is measured how soon something can be proven.
var provers = []int{1, 16}

// provable measures how long a writer waits for an event that can be proven: ours until there is a signed checkpoint that commits to it
// after the append was acknowledged, tessera's until its awaiter gives one.
func (w *world) provable(ctx context.Context, n int, asked harness.Asked, out map[string]harness.Samples) error {
	var names []string
	var sides []harness.Side
	for _, name := range []string{"sqlite", "postgres"} {
		if !asked(provableRow(name, n)) {
			continue
		}
		names = append(names, name)
		sides = append(sides, w.waits(name, n, w.env.Size(50, 5), func(n uint64) error { return w.publish(ctx, w.proven[name], n) }))
	}
	if len(names) == 0 {
		return nil
	}
	sides = append(sides, w.waits("tessera", n, w.env.Size(8, 2), func(n uint64) error { return w.soon.publish(ctx, n) }))
	got, err := harness.Turns(ctx, w.env.Rounds, sides...)
	if err != nil {
		return err
	}
	for i, name := range names {
		out[provableRow(name, n)] = harness.Samples{Ours: got[i], Peer: got[len(names)]}
	}
	return nil
}

func provableRow(name string, n int) string { return fmt.Sprintf("appends.%s.provable.%d", name, n) }

// waits gives the median of what single events take, in microseconds. A writer pauses between two of them, for a time of its own, so that
// it does not keep step with whatever publishes.
func (w *world) waits(name string, writers, each int, do func(n uint64) error) harness.Side {
	return harness.Side{Name: name, Run: func(int) (float64, error) {
		var mu sync.Mutex
		var all []float64
		var group errgroup.Group
		for i := range writers {
			group.Go(func() error {
				for k := range each {
					time.Sleep(time.Duration((i*7+k*13)%20) * time.Millisecond)
					from := time.Now()
					if err := do(w.people.Add(1)); err != nil {
						return err
					}
					took := time.Since(from)
					mu.Lock()
					all = append(all, float64(took.Nanoseconds())/1000)
					mu.Unlock()
				}
				return nil
			})
		}
		err := group.Wait()
		return harness.Median(all), err
	}}
}

// publish returns once there is a checkpoint that commits to the event.
func (w *world) publish(ctx context.Context, s store.Store, n uint64) error {
	r, err := ledger(ctx, s, n)
	if err != nil {
		return err
	}
	h, err := s.Head(ctx)
	if err != nil {
		return err
	}
	if h.Position < r.Position {
		return fmt.Errorf("the log ends at %d, before %d that it acknowledged", h.Position, r.Position)
	}
	_, err = w.signer.Checkpoint(h.Epoch, h.Position, h.Root)
	return err
}

// verify has many append, and each of them ask for a proof as soon as the append is acknowledged, from the leaf and the root in the
// acknowledgement. What is timed is the verification: entry and salt to the leaf, the path to the root, the checkpoint's signature.
func (w *world) verify(ctx context.Context, name string, out map[string]harness.Samples) error {
	s := w.proven[name]
	var checks, proofs []float64
	for range w.env.Rounds {
		var mu sync.Mutex
		var check, made []float64
		_, err := w.spread(16, w.env.Size(20, 2), func(_ int, n uint64) error {
			c, m, err := w.proveOne(ctx, s, n)
			mu.Lock()
			defer mu.Unlock()
			check, made = append(check, c), append(made, m)
			return err
		})
		if err != nil {
			return err
		}
		checks, proofs = append(checks, harness.Median(check)), append(proofs, harness.Median(made))
	}
	out["appends."+name+".verify"] = harness.Samples{Ours: checks, Absolutes: map[string]float64{"us, made": harness.Median(proofs)}}
	return nil
}

// proveOne gives what it took to verify the proof and to make it, in microseconds.
func (w *world) proveOne(ctx context.Context, s store.Store, n uint64) (check, made float64, err error) {
	r, err := ledger(ctx, s, n)
	if err != nil {
		return 0, 0, err
	}
	from := time.Now()
	path, err := s.Inclusion(ctx, r.Position, r.Size)
	if err != nil {
		return 0, 0, fmt.Errorf("no proof at acknowledgement: %w", err)
	}
	h, err := s.Head(ctx)
	if err != nil {
		return 0, 0, err
	}
	note, err := w.signer.Checkpoint(h.Epoch, r.Size, r.Root)
	if err != nil {
		return 0, 0, err
	}
	made = float64(time.Since(from).Nanoseconds()) / 1000
	logged, err := s.Entries(ctx, r.Position, 1)
	if err != nil || len(logged) != 1 {
		return 0, 0, fmt.Errorf("the entry cannot be read: %w", err)
	}
	from = time.Now()
	signed, err := proof.OpenCheckpoint(note, w.signer.PublicKey())
	if err != nil {
		return 0, 0, err
	}
	leaf := proof.Leaf(proof.Salt(logged[0].Salt), logged[0].Entry)
	if err := proof.VerifyInclusion(r.Position, signed.Size, leaf, path, signed.Root); err != nil {
		return 0, 0, err
	}
	return float64(time.Since(from).Nanoseconds()) / 1000, made, nil
}
