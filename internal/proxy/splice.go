package proxy

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

const dialTimeout = 10 * time.Second

// relay connects the client with its destination and copies bytes both ways until both sides are done.
func relay(ctx context.Context, client net.Conn, dial dialer, addr string) error {
	server, err := dial(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	stop := context.AfterFunc(ctx, func() { _, _ = server.Close(), client.Close() })
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { oneWay(server, client) })
	wg.Go(func() { oneWay(client, server) })
	wg.Wait()
	return nil
}

// oneWay copies until the source ends, and passes the end on. A source that broke ends both directions.
func oneWay(dst, src net.Conn) {
	_, err := io.Copy(dst, src)
	if err != nil {
		_, _ = dst.Close(), src.Close()
		return
	}
	_ = closeWrite(dst)
}
