package standalone

import (
	"context"
	"fmt"
	"net"
	"strconv"
)

// ports hands out loopback listeners: those from next upwards that are free, or any if next is 0.
type ports struct{ next int }

// most is how many ports are tried before somebody is told that the range is taken.
const most = 200

func (p *ports) listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	if p.next == 0 {
		return lc.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	var err error
	for range most {
		var l net.Listener
		l, err = lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.next)))
		p.next++
		if err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("no port is free (%w); give another range with --port, or --port 0", err)
}
