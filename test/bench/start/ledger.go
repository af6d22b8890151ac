package start

import (
	"encoding/json"
	"net"
	"net/http"
	"time"

	"github.com/optup/optup/internal/ledger/wire"
)

// epoch of the log.
const epoch = "benchmark"

// ledger says what a ledger says to a subscriber: a snapshot, and that it is still the newest.
type ledger struct {
	snapshot []byte
	server   *http.Server
	url      string
}

func serve(snapshot []byte) (*ledger, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &ledger{snapshot: snapshot, url: "http://" + listener.Addr().String()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/stream", l.stream)
	mux.HandleFunc("POST /v1/ping", l.ping)
	l.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = l.server.Serve(listener) }()
	return l, nil
}

func (l *ledger) close() { _ = l.server.Close() }

func (l *ledger) stream(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write(l.snapshot)
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

func (l *ledger) ping(w http.ResponseWriter, r *http.Request) {
	var p wire.Ping
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
		http.Error(w, "no ping", http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(wire.Pong{Nonce: p.Nonce, Epoch: epoch, Position: position, Time: time.Now().UTC()})
}
