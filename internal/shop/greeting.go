package shop

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// greeting is what a mail server says before anybody has said anything (RFC 5321 §3.1).
const greeting = "220 mail.example ESMTP\r\n"

// ServeGreeting serves a protocol in which the server speaks first: it greets, and sends every line back.
func ServeGreeting(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go func() {
			defer func() { _ = c.Close() }()
			if _, err := io.WriteString(c, greeting); err == nil {
				_, _ = io.Copy(c, c)
			}
		}()
	}
}

// Greet waits for a server's greeting, sends a line and expects it back.
func Greet(ctx context.Context, addr string) error {
	c, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	if line, err := r.ReadString('\n'); err != nil || line != greeting {
		return fmt.Errorf("no greeting: %q, %w", line, orEOF(err))
	}
	const hello = "EHLO shop.example \xff\x00\r\n"
	if _, err := io.WriteString(c, hello); err != nil {
		return err
	}
	if line, err := r.ReadString('\n'); err != nil || line != hello {
		return fmt.Errorf("the line came back as %q, %w", strings.ToValidUTF8(line, "?"), orEOF(err))
	}
	return nil
}

func orEOF(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}
