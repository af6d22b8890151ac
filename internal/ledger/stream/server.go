package stream

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

const (
	defaultHeartbeat    = 5 * time.Second
	defaultWriteTimeout = 10 * time.Second
	// maxSnapshots bounds how many are read at the same time, so that readers of the head never wait for them.
	maxSnapshots = 3
	maxPurposes  = 256
	maxHeld      = 32 << 10
	maxBound     = 24 * time.Hour
)

// Options say what a Server serves.
type Options struct {
	Store store.Store
	Hub   *Hub
	Guard *access.Guard
	Keys  *keys.Stream
	// Signer signs checkpoints; nil for a stream without any.
	Signer *keys.Signer
	// Alone tells that no other replica serves this log, so that all sidecars are known here.
	Alone bool
	// Now is the ledger's clock.
	Now    func() time.Time
	Logger *slog.Logger
	// Heartbeat is how often a stream gives a sign of life, and WriteTimeout how long one write may take; 0 for 5 s and 10 s.
	Heartbeat, WriteTimeout time.Duration
}

// Server answers GET /v1/stream and POST /v1/ping. It is safe for concurrent use.
type Server struct {
	Options
	snapshots     chan struct{}
	probes        probes
	notary        *notary
	contradiction atomic.Pointer[Contradiction]
	// others are nil where nobody else serves the log, or none can be asked.
	others *neighbours
}

// NewServer returns a server.
func NewServer(o Options) *Server {
	if o.Heartbeat == 0 {
		o.Heartbeat = defaultHeartbeat
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = defaultWriteTimeout
	}
	s := &Server{Options: o, snapshots: make(chan struct{}, maxSnapshots)}
	if o.Signer != nil {
		s.notary = newNotary(o.Signer)
		o.Hub.mu.Lock()
		o.Hub.sign = s.notary.sign
		o.Hub.mu.Unlock()
	}
	return s
}

// request is what a subscriber asks for.
type request struct {
	sub     access.Subscriber
	wants   interest
	version int
	bound   time.Duration
	held    wire.Held
	upgrade bool
	told    keys.Told
}

// Subscribe answers GET /v1/stream?purpose=...&timed=...&version=...&bound=...: a stream of frames until the caller's token or grant ends.
func (s *Server) Subscribe(w http.ResponseWriter, r *http.Request) {
	req, err := s.request(r)
	if err == nil {
		if err = s.Contradicted(r.Context()); err != nil {
			err = problem.Contradicted(err.Error())
		}
	}
	if err != nil {
		refuse(w, err)
		return
	}
	id := req.sub.Pod
	if id == "" {
		id = req.sub.Caller.Subject + " " + r.RemoteAddr
	}
	queue := newSubscriber(id+"\x00"+req.wants.name(req.version), req.bound, req.upgrade)
	if !s.Hub.subscribe(req.version, req.wants, queue) {
		problem.Unavailable("the ledger is stopping; connect again").Write(w)
		return
	}
	st := &session{s: s, request: req, queue: queue}
	// What the subscriber knows is compared after it was registered, so that nothing is missed in between.
	if err := st.open(r.Context()); err != nil {
		s.Hub.unsubscribe(queue)
		refuse(w, err)
		return
	}
	st.serve(w, r)
}

func (s *Server) request(r *http.Request) (request, error) {
	sub, err := s.Guard.Subscriber(r, asked(r, wire.PurposeParameter))
	if err != nil {
		return request{}, err
	}
	if len(sub.Purposes) > maxPurposes {
		return request{}, problem.Invalid("ask for at most 256 purposes in one stream")
	}
	req := request{sub: sub, wants: newInterest(sub.Purposes, asked(r, wire.TimedParameter)), bound: DefaultBound}
	if req.version, err = speaks(r.URL.Query()[wire.VersionParameter]); err != nil {
		return request{}, err
	}
	if req.told = s.Keys.Told(); req.told.Number > 1 {
		if req.wants.key = req.told.Number; req.version < 4 {
			return request{}, problem.Invalid("the keys of this ledger have changed, and this sidecar knows of one key only; upgrade it")
		}
	}
	if text := r.URL.Query().Get(wire.BoundParameter); text != "" {
		ms, err := strconv.ParseInt(text, 10, 64)
		if req.bound = time.Duration(ms) * time.Millisecond; err != nil || ms <= 0 || req.bound > maxBound {
			return request{}, problem.Malformed("give the freshness bound in milliseconds, up to a day")
		}
	}
	if text := r.Header.Get(wire.HeldHeader); text != "" {
		if len(text) > maxHeld {
			return request{}, problem.Malformed("what you hold is described in more than 32 KiB")
		}
		if req.held, err = wire.DecodeHeld(text); err != nil {
			return request{}, problem.Malformed("give what you hold as JSON in base64, or leave the header out")
		}
	}
	req.upgrade = req.version >= 3 && upgrades(r)
	return req, nil
}

// upgrades tells whether a request asks for the connection. It has to say so for this very hop, since a proxy that knows nothing of it may have
// passed the name of the protocol on; and a body would be taken for frames.
func upgrades(r *http.Request) bool {
	if r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ContentLength != 0 || !strings.EqualFold(r.Header.Get("Upgrade"), wire.Protocol) {
		return false
	}
	for _, line := range r.Header["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(option), "Upgrade") {
				return true
			}
		}
	}
	return false
}

// speaks chooses the newest version that both sides speak. Who names none is from before versions were named.
func speaks(named []string) (int, error) {
	if len(named) == 0 {
		return 2, nil
	}
	best := 0
	for _, text := range named {
		if v, err := strconv.Atoi(text); err == nil && v >= wire.Oldest && v <= wire.Version {
			best = max(best, v)
		}
	}
	if best == 0 {
		return 0, problem.Invalid("this ledger speaks versions " + strconv.Itoa(wire.Oldest) + " to " + strconv.Itoa(wire.Version) +
			" of the stream; upgrade whichever is older, ledger or sidecar")
	}
	return best, nil
}

// resumes tells whether a subscriber has what the stream would tell it, up to some position.
func (q *request) resumes(epoch, keyID string) bool {
	return q.version >= 3 && q.held.Resume && q.held.Epoch == epoch && q.held.KeyID == keyID &&
		slices.Equal(q.held.Purposes, q.wants.purposes) && slices.Equal(q.held.Timed, q.wants.timed)
}

func asked(r *http.Request, parameter string) []consent.PurposeID {
	var out []consent.PurposeID
	for _, p := range r.URL.Query()[parameter] {
		out = append(out, consent.PurposeID(p))
	}
	return out
}

func refuse(w http.ResponseWriter, err error) {
	var p *problem.Problem
	if !errors.As(err, &p) {
		p = problem.Internal()
	}
	p.Write(w)
}

// LedgerTime is the ledger's time: that of its clock, but never before that of an event.
func LedgerTime(now time.Time, head store.Head) time.Time {
	if now = now.UTC(); now.Before(head.At) {
		return head.At
	}
	return now
}

// expiry gives a context that ends with the subscriber's grant, and not with the request: a connection that was taken over outlives that.
func (s *Server) expiry(ctx context.Context, sub access.Subscriber) (context.Context, context.CancelFunc) {
	if sub.Expires.IsZero() {
		return context.WithCancel(ctx)
	}
	// The verifier's clock may be a test's, contexts follow the real one.
	return context.WithTimeout(ctx, sub.Expires.Sub(s.Now()))
}
