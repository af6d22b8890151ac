package rekey

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/store"
)

const (
	// DefaultEvery is how often the log is asked for its keys, and with it how long a replica may go by the ones before.
	DefaultEvery = time.Second
	// DefaultSettled is how long tags under the key before are made after sidecars were told of the new one. By far no question lasts so long.
	DefaultSettled = 10 * time.Minute
	// DefaultRate is how many identifiers get their second tags in a second, so that others are served meanwhile.
	DefaultRate = 5000
	// atOnce is how many share a call to the store, and atMost how many are found before they are written.
	atOnce, atMost = 200, 50_000
	// DefaultTurn is for how long one replica does the work; then whoever comes first. After a crash nobody does until its turn is over.
	DefaultTurn = time.Minute
)

// Options say whose keys are changed.
type Options struct {
	Store store.Store
	Keys  *keys.Stream
	// Rekey goes by the keys of the log (see stream.Server.Rekey).
	Rekey  func(store.Scheme) error
	Now    func() time.Time
	Logger *slog.Logger
	// Every, Settled, Turn and Rate are 0 for the defaults.
	Every, Settled, Turn time.Duration
	Rate                 int
}

// Keeper sees to the change of keys. Every replica runs one.
type Keeper struct {
	Options
	name [16]byte
	left atomic.Int64
	done atomic.Int64
}

// New returns a keeper, which does nothing before Run.
func New(o Options) *Keeper {
	if o.Every == 0 {
		o.Every = DefaultEvery
	}
	if o.Settled == 0 {
		o.Settled = DefaultSettled
	}
	if o.Turn == 0 {
		o.Turn = DefaultTurn
	}
	if o.Rate == 0 {
		o.Rate = DefaultRate
	}
	k := &Keeper{Options: o}
	_, _ = rand.Read(k.name[:]) // never fails; the program ends instead
	return k
}

// Left is how many identifiers lacked a tag under the next key when this replica counted last, and Done how many it has given one.
func (k *Keeper) Left() int64 { return k.left.Load() }

// Done is how many identifiers this replica has given their second tags.
func (k *Keeper) Done() int64 { return k.done.Load() }

// Run ends with ctx. Failures are told and tried again: where the change stands is in the log alone.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(k.Every)
	defer tick.Stop()
	for {
		if err := k.step(ctx); err != nil && ctx.Err() == nil {
			k.Logger.Error("the change of keys does not go on; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// step goes on from where the log is.
func (k *Keeper) step(ctx context.Context) error {
	head, err := k.Store.Head(ctx)
	if err != nil {
		return err
	}
	if err := k.Rekey(head.Scheme); err != nil {
		return err
	}
	now := head.Scheme
	switch {
	case now.Current == now.Other:
		k.left.Store(0)
		return nil
	case now.Current > now.Other:
		k.left.Store(0)
		if k.Now().Sub(head.Rekeyed) < k.Settled {
			return nil
		}
		return k.rotate(ctx, now, store.Scheme{Current: now.Current, Other: now.Current}, "no more tags are made under the old key")
	}
	mine, err := k.turn(ctx)
	if err != nil || !mine {
		return err
	}
	left, err := k.retag(ctx, now)
	if err != nil || left > 0 {
		return err
	}
	// Everything that was appended since the key was introduced has both tags, so nobody can be left.
	return k.rotate(ctx, now, store.Scheme{Current: now.Other, Other: now.Current}, "everybody has tags under the new key; sidecars are told")
}

func (k *Keeper) rotate(ctx context.Context, from, to store.Scheme, what string) error {
	err := k.Store.Rotate(ctx, from, to, nil)
	if errors.Is(err, store.ErrScheme) {
		return nil // another replica was first
	}
	if err != nil {
		return err
	}
	k.Logger.Info(what, "key", to.Current)
	return k.Rekey(to)
}

// turn tells whether this replica does the work now. That two do it at once costs only the work.
func (k *Keeper) turn(ctx context.Context) (bool, error) {
	now := k.Now()
	began := now.Truncate(k.Turn)
	sum := sha256.Sum256([]byte("rekey " + began.UTC().Format(time.RFC3339Nano)))
	return k.Store.Spend(ctx, [16]byte(sum[:16]), k.name, now, began.Add(2*k.Turn))
}

// retag gives some of those who lack them their second tags, and tells how many lacked them.
func (k *Keeper) retag(ctx context.Context, now store.Scheme) (int, error) {
	all, left, err := Lacking(ctx, k.Store, k.Keys, now, atMost)
	if err != nil {
		return 0, err
	}
	k.left.Store(int64(left))
	tick := time.NewTicker(time.Duration(int64(time.Second) * atOnce / int64(k.Rate)))
	defer tick.Stop()
	for chunk := range slices.Chunk(all, atOnce) {
		select {
		case <-ctx.Done():
			return left, ctx.Err()
		case <-tick.C:
		}
		_, errs, err := k.Store.Append(ctx, chunk...)
		if err := errors.Join(append(errs, err)...); err != nil {
			return left, err
		}
		k.left.Add(-int64(len(chunk)))
		k.done.Add(int64(len(chunk)))
	}
	return left, nil
}

// Lacking gives what gives identifiers the tags under the next key that they lack, for at most some of them, and how many there are.
func Lacking(ctx context.Context, from Snapshots, key *keys.Stream, now store.Scheme, most int) (all []store.Append, left int, err error) {
	_, err = from.Snapshot(ctx, func(p store.Person) error {
		old, twins := key.Missing(p.Tags, now)
		if len(old) == 0 {
			return nil
		}
		if left++; len(all) < most {
			all = append(all, store.Append{
				Identities: []store.Identity{{Tags: append(old, twins...), Twice: true, Type: p.Type, Plain: true}},
				Event:      consent.Event{Type: consent.EventRekeyed},
			})
		}
		return nil
	})
	return all, left, err
}

// Snapshots is as much of a store as Lacking reads.
type Snapshots interface {
	Snapshot(ctx context.Context, visit func(store.Person) error) (store.Head, error)
}
