package spread

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/optup/optup/internal/ledger/api"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/stream"
)

// streams is the ledger's own way: the consent stream, served as the ledger serves it.
type streams struct {
	hub    *stream.Hub
	server *http.Server
}

func (l *ledger) streams() (way, error) {
	log := slog.New(slog.DiscardHandler)
	signer, err := l.root.Signer("shop-gmbh")
	if err != nil {
		return nil, err
	}
	db := stamped{l.store, l.moments}
	hub := stream.NewHub(db, log)
	served := stream.NewServer(stream.Options{Store: db, Hub: hub, Guard: l.guard, Keys: l.keys, Signer: signer, Now: time.Now, Logger: log})
	cert, err := tls.LoadX509KeyPair(filepath.Join(l.Folder, "tls.crt"), filepath.Join(l.Folder, "tls.key"))
	if err != nil {
		return nil, err
	}
	s := &streams{hub: hub, server: &http.Server{
		Handler:           api.New(api.Options{Store: db, Guard: l.guard, Keys: l.keys, Now: time.Now, Logger: log, Stream: served}),
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{cert}},
	}}
	listener, err := net.Listen("tcp", l.Address)
	if err != nil {
		return nil, err
	}
	go func() { _ = s.server.ServeTLS(stream.Listener(listener), "", "") }()
	return s, nil
}

// spread does nothing: the hub is told by the store.
func (*streams) spread([]store.Change) {}

func (s *streams) close() {
	s.hub.Close()
	_ = s.server.Shutdown(context.Background())
}
