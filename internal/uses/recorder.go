package uses

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/optup/optup/internal/ledger/wire"
)

// Defaults and limits.
const (
	defaultParts = 256
	defaultSpool = 64 << 20
	// defaultLinger is how long a record waits for others, and with it what a killed process can lose.
	defaultLinger = 250 * time.Millisecond
	// A batch is closed before it meets the ledger's limits.
	batchUses      = 4096
	batchDecisions = 1024
)

// ErrRefused reports a batch that the ledger will never take, whatever happens: it is given up and counted as lost.
var ErrRefused = errors.New("the ledger refuses these use records")

// Sender delivers one batch (JSON of wire.Uses) to the ledger of a controller. Other errors than ErrRefused are tried again.
type Sender func(ctx context.Context, controller string, batch []byte) (wire.Taken, error)

// Options say where records go.
type Options struct {
	// Dir holds what was not delivered yet, over restarts; empty for memory only.
	Dir string
	// MaxSpool bounds the undelivered batches in bytes; 0 for 64 MiB. Parts bounds what waits to be put into a batch; 0 for 256.
	MaxSpool int64
	Parts    int
	// Linger is how long a record waits for others; 0 for 250 ms.
	Linger time.Duration
	// Retry and MaxRetry are the first and the longest pause before a batch is sent again; 0 for 200 ms and 10 s.
	Retry, MaxRetry time.Duration
	Send            Sender
	// Logger is nil for slog.Default().
	Logger *slog.Logger
}

// Recorder takes records and delivers them. Begin is safe for concurrent use; a nil recorder records nothing.
type Recorder struct {
	Options
	// free are parts to be used again, of those that were made so far; full are those that wait to be put into a batch.
	free, full chan *part
	made       atomic.Int64
	// wake tells that many parts wait. Few are fetched with the next tick: to wake somebody for each costs more than to write it.
	wake chan struct{}
	tick atomic.Uint64
	// hurry is closed when the process stops: pauses are short from then on.
	hurry chan struct{}
	stats counters

	mu    sync.Mutex
	lanes map[string]*lane
}

// counters are numbers since the start. Unreported are lost records that no batch has told of yet.
type counters struct {
	recorded, lost, unreported, delivered, refused atomic.Uint64
}

// Stats are numbers about a recorder.
type Stats struct {
	// Recorded counts uses and decisions that were put into batches, Lost those that were not kept, Delivered batches that a ledger
	// took, Refused decisions that it did not take.
	Recorded, Lost, Delivered, Refused uint64
	// Waiting is how many parts wait to be put into a batch, of Room.
	Waiting, Room int
	// SpoolBytes and SpoolBatches wait for a ledger; SpoolMax bounds the bytes.
	SpoolBytes, SpoolMax int64
	SpoolBatches         int
}

// New opens the spool and takes up what an earlier process left there.
func New(o Options) (*Recorder, error) {
	for d, def := range map[*time.Duration]time.Duration{&o.Linger: defaultLinger, &o.Retry: 200 * time.Millisecond, &o.MaxRetry: 10 * time.Second} {
		if *d == 0 {
			*d = def
		}
	}
	if o.MaxSpool == 0 {
		o.MaxSpool = defaultSpool
	}
	if o.Parts == 0 {
		o.Parts = defaultParts
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	r := &Recorder{Options: o, free: make(chan *part, o.Parts), full: make(chan *part, o.Parts), wake: make(chan struct{}, 1), hurry: make(chan struct{}), lanes: map[string]*lane{}}
	return r, r.restore()
}

func (r *Recorder) lose(n uint64) {
	r.stats.lost.Add(n)
	r.stats.unreported.Add(n)
}

// Stats gives the numbers of now.
func (r *Recorder) Stats() Stats {
	s := Stats{
		Recorded: r.stats.recorded.Load(), Lost: r.stats.lost.Load(), Delivered: r.stats.delivered.Load(), Refused: r.stats.refused.Load(),
		Waiting: len(r.full), Room: cap(r.full), SpoolMax: r.MaxSpool,
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lanes {
		n, size := l.spool.size()
		s.SpoolBatches += n
		s.SpoolBytes += size
	}
	return s
}

// Run records and delivers until ctx ends, and then goes on until everything is delivered or the context that drain gives ends. What is
// left then stays in the folder. It is called once.
func (r *Recorder) Run(ctx context.Context, drain func() (context.Context, context.CancelFunc)) error {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var wg sync.WaitGroup
	start := func(l *lane) { wg.Go(func() { r.deliver(sending, l) }) }
	r.mu.Lock()
	for _, l := range r.lanes {
		start(l)
	}
	r.mu.Unlock()
	w := &writer{Recorder: r, pending: map[string]*pending{}, start: start}
	w.run(ctx)
	close(r.hurry)
	end, cancel := drain()
	defer cancel()
	w.drain(end)
	r.settle(end)
	stop()
	wg.Wait()
	if s := r.Stats(); s.SpoolBatches > 0 {
		r.Logger.Warn("use records were not delivered before the stop; a folder keeps them for the next start of the container",
			"batches", s.SpoolBatches, "bytes", s.SpoolBytes, "folder", r.Dir != "")
	}
	return nil
}

// settle waits until no batch is left.
func (r *Recorder) settle(ctx context.Context) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for r.Stats().SpoolBatches > 0 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// writer puts parts into batches. It is for one goroutine.
type writer struct {
	*Recorder
	pending map[string]*pending
	start   func(*lane)
	// raw is for the batch that is written.
	raw []byte
}

// pending is a batch that is being filled. The next one for the same ledger uses its buffer again, so that a long answer about many people
// leaves no garbage behind.
type pending struct {
	// decisions are written already, with commas between them.
	decisions     []byte
	count, people int
}

func (w *writer) run(ctx context.Context) {
	tick := time.NewTicker(w.Linger)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
			w.fetch(ctx)
		case <-tick.C:
			w.tick.Add(1)
			w.fetch(ctx)
			w.flush()
		}
	}
}

// drain takes what requests hand over while they end.
func (w *writer) drain(ctx context.Context) {
	w.fetch(ctx)
	w.flush()
}

// fetch takes the parts that wait.
func (w *writer) fetch(ctx context.Context) {
	for {
		select {
		case p := <-w.full:
			w.add(p)
		default:
			return
		}
		if ctx.Err() != nil {
			return
		}
	}
}

func (w *writer) add(p *part) {
	controller, n := p.about.Controller, len(p.people)
	b := w.pending[controller]
	if b == nil {
		b = &pending{}
		w.pending[controller] = b
	}
	to := b.decisions
	if b.count > 0 {
		to = append(to, ',')
	}
	to, err := p.append(to)
	if err != nil {
		w.lose(uint64(n) + 1)
	} else {
		b.decisions = to
		b.count++
		b.people += n
	}
	p.clear()
	w.free <- p // there are never more parts than it holds
	if b.count >= batchDecisions || b.people >= batchUses {
		w.close(controller, b)
	}
}

// flush closes all batches. One that nothing was added to goes, with its buffer.
func (w *writer) flush() {
	for controller, b := range w.pending {
		if b.count == 0 {
			delete(w.pending, controller)
			w.raw = nil
			continue
		}
		w.close(controller, b)
	}
}

// close puts a batch into the spool. Only from there it is sent, so that a kill between sending and acknowledging loses nothing.
func (w *writer) close(controller string, b *pending) {
	records := uint64(b.people + b.count)
	u := wire.Uses{Version: wire.UsesVersion, ID: rand.Text(), Lost: w.stats.unreported.Swap(0)}
	raw, err := u.AppendWith(w.raw[:0], b.decisions)
	w.raw, b.decisions, b.count, b.people = raw, b.decisions[:0], 0, 0
	if err == nil {
		err = w.lane(controller, w.start).put(u.ID, raw)
	}
	if err != nil {
		w.stats.unreported.Add(u.Lost)
		w.lose(records)
		return
	}
	w.stats.recorded.Add(records)
}
