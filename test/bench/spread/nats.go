package spread

import (
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
	"github.com/optup/optup/test/bench/people"
)

const subject = "changes"

// sampleCheckpoint is as long as one that a ledger signs.
var sampleCheckpoint = strings.Repeat("c", 230)

// broker is NATS, embedded in the ledger. What is published goes into it without a network, and out of it over TLS.
type broker struct {
	server *server.Server
	conn   net.Conn
	note   []byte
}

func (l *ledger) nats() (way, error) {
	cert, err := tls.LoadX509KeyPair(filepath.Join(l.Folder, "tls.crt"), filepath.Join(l.Folder, "tls.key"))
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(l.Address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(&server.Options{
		Host: host, Port: number, NoLog: true, NoSigs: true, MaxConn: 4096, TLS: true, TLSHandshakeFirst: true, TLSTimeout: 30,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}},
	})
	if err != nil {
		return nil, err
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return nil, errors.New("NATS does not start")
	}
	conn, err := s.InProcessConn()
	if err != nil {
		return nil, err
	}
	// A server that offers TLS waits for it, and speaks first to whoever does not begin with it.
	buffer := make([]byte, 4<<10)
	if _, err := conn.Read(buffer); err != nil {
		return nil, err
	}
	if _, err := conn.Write([]byte("CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":false}\r\n")); err != nil {
		return nil, err
	}
	go func() {
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			if n >= 4 && string(buffer[:4]) == "PING" {
				_, _ = conn.Write([]byte("PONG\r\n"))
			}
		}
	}()
	b := &broker{server: s, conn: conn}
	stamped{l.store, l.moments}.Watch(b.spread)
	return b, nil
}

// frameOf is a change as the consent stream writes it.
func frameOf(c *store.Change) []byte {
	change := wire.Change{Position: c.Event.Position, Checkpoint: sampleCheckpoint}
	person := wire.Person{Facts: map[consent.PurposeID]consent.Fact{}}
	for n := range people.Purposes {
		if people.Purpose(n) == c.Event.Purpose {
			person.Facts[c.Event.Purpose] = consent.Fact{Grants: []consent.Grant{{
				Purpose: c.Event.Purpose, Status: consent.StatusWithdrawn, Notice: people.Notice(n), Proof: consent.ProofMailboxConfirmed, Position: c.Event.Position,
			}}}
		}
	}
	for _, t := range c.People[0].Tags {
		person.Tags = append(person.Tags, wire.Tag(t))
	}
	change.People = []wire.Person{person}
	raw, _ := wire.Append(nil, wire.TypeChange, change) // it is small and sound
	return raw
}

// spread publishes each change.
func (b *broker) spread(changes []store.Change) {
	for i := range changes {
		frame := frameOf(&changes[i])
		b.note = append(append(append(b.note[:0], "PUB "+subject+" "+strconv.Itoa(len(frame))+"\r\n"...), frame...), "\r\n"...)
		_, _ = b.conn.Write(b.note)
	}
}

func (b *broker) close() {
	_ = b.conn.Close()
	b.server.Shutdown()
}
