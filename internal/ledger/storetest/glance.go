package storetest

import (
	"sync"
	"testing"

	"github.com/optup/optup/internal/ledger/store"
)

// glanced: whoever was told that an event is appended finds it in every glance at the head that begins later, in this process and in another.
func glanced(t *testing.T, open Factory) {
	near, far := open(t), open(t)
	ctx := timeout(t)
	defer near.Close()
	defer far.Close()
	done := make(chan struct{})
	var others, wg sync.WaitGroup
	for range 4 {
		others.Go(func() { // so that there is always a read under way that began too early
			for {
				select {
				case <-done:
					return
				default:
					_, _ = far.(store.Glancer).Glance(ctx)
				}
			}
		})
	}
	for writer := range 8 {
		wg.Go(func() {
			for n := range 25 {
				r, errs, err := near.Append(ctx, Given(100*writer+n))
				if err != nil || errs[0] != nil {
					t.Error(errs, err)
					return
				}
				for name, s := range map[string]store.Store{"far": far, "near": near} {
					h, err := s.(store.Glancer).Glance(ctx)
					if err != nil || h.Position < r[0].Position || h.At.Before(r[0].At) {
						t.Errorf("%s: after the append of %d a glance sees %d, %v", name, r[0].Position, h.Position, err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	close(done)
	others.Wait()
	want, err := near.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want.Root, want.Scheme = [32]byte{}, store.Scheme{} // a glance leaves them out
	got, err := far.(store.Glancer).Glance(ctx)
	if err != nil || got != want {
		t.Fatalf("%+v, %v; want %+v", got, err, want)
	}
	adopted, err := near.Adopt(ctx, want.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := far.(store.Glancer).Glance(ctx); err != nil || got.Epoch != adopted.Epoch {
		t.Fatalf("a glance sees the epoch %s, %v; want %s", got.Epoch, err, adopted.Epoch)
	}
}
