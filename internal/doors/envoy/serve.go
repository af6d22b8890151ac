package envoy

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// Serve answers on a listener until ctx ends. Calls that were begun by then are answered, for a moment.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if s.patience == (patience{}) {
		s.patience = usual
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	conns := map[*conn]struct{}{}
	each := func(do func(*conn)) {
		mu.Lock()
		defer mu.Unlock()
		for c := range conns {
			do(c)
		}
	}
	calls, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		_ = l.Close()
		each((*conn).stop)
	})
	defer func() {
		stop()
		each((*conn).stop)
		late := time.AfterFunc(s.patience.end, func() { each(func(c *conn) { _ = c.Close() }) })
		all.Wait()
		late.Stop()
		s.calls.Wait()
		end()
	}()
	for {
		nc, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = nc.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			time.Sleep(10 * time.Millisecond) // out of descriptors; accepting goes on
			continue
		}
		c := s.newConn(calls, nc)
		mu.Lock()
		conns[c] = struct{}{}
		mu.Unlock()
		all.Go(func() {
			c.serve()
			mu.Lock()
			defer mu.Unlock()
			delete(conns, c)
		})
	}
}
