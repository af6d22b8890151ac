package main

import (
	"context"
	"net"
)

// minDatagram is the least that a client's first datagram has (RFC 9000 §14.1).
const minDatagram = 1200

// serveQUIC answers first packets of QUIC as a server does that speaks none of their versions: it lists its own. That is enough to see
// whether datagrams get here and back.
func serveQUIC(ctx context.Context, addr string) error {
	c, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	b := make([]byte, 2048)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return err
		}
		if out := versions(b[:n]); out != nil {
			_, _ = c.WriteTo(out, from)
		}
	}
}

// versions is a Version Negotiation packet (RFC 9000 §17.2.1) for a first packet; nil for what is none.
func versions(b []byte) []byte {
	if len(b) < minDatagram || b[0]&0x80 == 0 {
		return nil
	}
	to, rest, ok := connectionID(b[5:])
	if !ok {
		return nil
	}
	from, _, ok := connectionID(rest)
	if !ok {
		return nil
	}
	out := append([]byte{0x80, 0, 0, 0, 0, byte(len(from))}, from...)
	out = append(append(out, byte(len(to))), to...)
	return append(out, 0, 0, 0, 1)
}

func connectionID(b []byte) (id, rest []byte, ok bool) {
	if len(b) == 0 || int(b[0]) > 20 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	return b[1 : 1+b[0]], b[1+b[0]:], true
}
