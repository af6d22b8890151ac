package stream

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// idleScope is how long the frames of a scope are kept once its last subscriber went, so that it may come back and resume.
const idleScope = 2 * time.Minute

// Hub hands changes to subscribers. It never blocks who appends.
type Hub struct {
	log *slog.Logger
	// lapses is when whoever followed before this hub began can no longer rely on that.
	lapses time.Time

	mu      sync.Mutex
	scopes  map[string]*scope
	taps    map[*Tap]struct{}
	pending []store.Change
	closed  bool
	// last is the newest position that went into rings, if there was one.
	known bool
	last  consent.Position
	// epoch names the log, sign signs checkpoints of it; nil for none.
	epoch string
	sign  func(epoch string, at consent.Position, root [32]byte) (string, error)

	// lanes write streams that need not be waited for; next is whose turn it is to take one.
	lanes []*lane
	next  int

	counts  counts
	people  roll
	wake    chan struct{}
	stopped chan struct{}
}

// scope is everybody who wants to know the same, in the same version; they get identical bytes.
type scope struct {
	version int
	wants   interest
	ring    *ring
	members map[*subscriber]struct{}
	// alone are those members whose streams have goroutines of their own.
	alone map[*subscriber]struct{}
	// left is when the last member went.
	left time.Time
	// picture is the snapshot that is being read, or was just now.
	picture *picture
}

// NewHub watches a store, which must not have been watched before. Close ends it.
func NewHub(s store.Store, log *slog.Logger) *Hub {
	h := &Hub{
		log: log, scopes: map[string]*scope{}, taps: map[*Tap]struct{}{}, lanes: lanes(), wake: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	h.people.init()
	s.Watch(h.publish)
	// Of an empty log nobody can know anything.
	if head, err := s.Head(context.Background()); err != nil || head.Position > 0 {
		h.lapses = time.Now().Add(DefaultBound)
	}
	go h.run()
	return h
}

// Close ends all streams and waits until nothing is handed out any more.
func (h *Hub) Close() {
	h.mu.Lock()
	already := h.closed
	h.closed = true
	h.endLocked()
	for t := range h.taps {
		t.end()
	}
	h.mu.Unlock()
	if !already {
		close(h.wake)
	}
	<-h.stopped
	h.people.tell()
}

// endLocked cuts everybody, and forgets what they could resume with.
func (h *Hub) endLocked() {
	for key, sc := range h.scopes {
		for s := range sc.members {
			s.end()
		}
		delete(h.scopes, key)
	}
}

// follow tells which log it is. Another epoch ends all streams: what they resume from is another log.
func (h *Hub) follow(epoch string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.epoch != "" && h.epoch != epoch {
		h.log.Warn("the log became another one; all streams begin again", "epoch", epoch)
		h.endLocked()
	}
	h.epoch = epoch
}

// disband ends all streams.
func (h *Hub) disband() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.endLocked()
}

// subscribe registers a subscriber. It reports false if the hub is closed.
func (h *Hub) subscribe(version int, wants interest, s *subscriber) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	key := wants.name(version)
	sc := h.scopes[key]
	if sc == nil {
		sc = &scope{version: version, wants: wants, ring: &ring{limit: ringSize}, members: map[*subscriber]struct{}{}, alone: map[*subscriber]struct{}{}}
		if h.known {
			sc.ring.begin(h.last)
		}
		h.scopes[key] = sc
	}
	s.scope = sc
	sc.members[s], sc.alone[s] = struct{}{}, struct{}{}
	h.people.join(s)
	return true
}

// seat has a lane write a stream.
func (h *Hub) seat(st *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = (h.next + 1) % len(h.lanes)
	st.seat.lane = h.lanes[h.next]
	delete(st.queue.scope.alone, st.queue)
	st.queue.mu.Lock()
	st.queue.session = st
	st.queue.mu.Unlock()
	st.seat.lane.join(st)
}

func (h *Hub) unsubscribe(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(s.scope.members, s)
	delete(s.scope.alone, s)
	s.scope.left = time.Now()
	h.people.leave(s)
}

// publish is called by the store after each commit.
func (h *Hub) publish(changes []store.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(changes) == 0 {
		return
	}
	for t := range h.taps {
		t.push(changes)
	}
	h.pending = append(h.pending, changes...)
	poke(h.wake)
}

func (h *Hub) run() {
	defer close(h.stopped)
	for range h.wake {
		h.mu.Lock()
		changes := h.pending
		h.pending = nil
		if len(changes) == 0 {
			h.mu.Unlock()
			continue
		}
		h.known, h.last = true, changes[len(changes)-1].Event.Position
		scopes := make([]*scope, 0, len(h.scopes))
		for key, sc := range h.scopes {
			if len(sc.members) == 0 && time.Since(sc.left) > idleScope {
				delete(h.scopes, key)
				continue
			}
			scopes = append(scopes, sc)
		}
		h.mu.Unlock()
		checkpoints := h.checkpoints(changes)
		for _, sc := range scopes {
			h.hand(sc, changes, checkpoints)
		}
		h.people.tell()
	}
}

// covering is a checkpoint, and the position that it is of.
type covering struct {
	text string
	at   consent.Position
}

// checkpoints signs the roots of changes, as far as there are any: that of the last change of each commit. They are for the first change of
// it, since the whole commit is in the log before anybody is told of a part.
func (h *Hub) checkpoints(changes []store.Change) map[consent.Position]covering {
	h.mu.Lock()
	sign, epoch := h.sign, h.epoch
	h.mu.Unlock()
	if sign == nil || epoch == "" {
		return nil
	}
	out := map[consent.Position]covering{}
	for i, first := 0, 0; i < len(changes); i++ {
		root := changes[i].Root
		if root == ([32]byte{}) {
			continue
		}
		from, at := changes[first].Event.Position, changes[i].Event.Position
		first = i + 1
		text, err := sign(epoch, at, root)
		if err != nil {
			h.log.Error("a checkpoint cannot be signed; subscribers keep the one before", "position", at, "error", err)
			continue
		}
		out[from] = covering{text, at}
	}
	return out
}

// hand encodes changes once for all members of a scope.
func (h *Hub) hand(sc *scope, changes []store.Change, checkpoints map[consent.Position]covering) {
	for i := range changes {
		at := changes[i].Event.Position
		frame, err := sc.encode(&changes[i], checkpoints[at])
		if err == nil && !sc.ring.add(at, frame) {
			err = errGap
		}
		if err != nil {
			h.log.Warn("a change cannot be sent to some subscribers; they start again", "position", at, "version", sc.version, "error", err)
			h.restart(sc)
			return
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range sc.alone {
		poke(s.wake)
	}
	if len(sc.alone) < len(sc.members) {
		for _, l := range h.lanes {
			l.tell()
		}
	}
}

// restart cuts all members of a scope. Whoever comes next begins with a ring of its own.
func (h *Hub) restart(sc *scope) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range sc.members {
		h.counts.cut++
		s.end()
	}
	if key := sc.wants.name(sc.version); h.scopes[key] == sc {
		delete(h.scopes, key)
	}
}

// encode makes the frame of a change.
func (sc *scope) encode(c *store.Change, checkpoint covering) ([]byte, error) {
	change := wire.Change{Position: c.Event.Position, Hashed: c.Hashed, Checkpoint: checkpoint.text}
	if checkpoint.at != change.Position {
		change.Covers = checkpoint.at
	}
	for _, p := range c.People {
		change.People = append(change.People, sc.wants.person(p, c.Event.At))
	}
	if sc.version >= 3 {
		return wire.Append(nil, wire.TypeChange, change)
	}
	one, err := single(change)
	if err != nil {
		return nil, err
	}
	return wire.Append(nil, wire.TypeChange, one)
}
