package shop

import (
	"context"
	"net"
	"testing"
)

func TestAServerThatSpeaksFirstIsHeard(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = ServeGreeting(ctx, l) }()
	if err := Greet(ctx, l.Addr().String()); err != nil {
		t.Error(err)
	}
}
