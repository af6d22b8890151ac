package stream

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

const (
	// reportEvery is how often a replica is heard of, lookEvery how often it looks whether somebody waits, and askEvery how often who waits
	// looks what the others have told.
	reportEvery = 5 * time.Second
	lookEvery   = 100 * time.Millisecond
	askEvery    = 25 * time.Millisecond
	// awaitFor is for how long others are asked, and reportTime how long one report may take.
	awaitFor   = time.Minute
	reportTime = 5 * time.Second
)

// neighbours are the other replicas of the log, as this one knows them.
type neighbours struct {
	told store.Replicas
	name string
	// enforced is the position that was reported last. It belongs to whoever reports.
	enforced consent.Position
}

// Meet has the server tell other replicas what is enforced here, and ask them. It is heard of by the time that Meet returns, and serves nobody
// before. Report goes on with it.
func (s *Server) Meet(ctx context.Context, others store.Replicas) error {
	s.others = &neighbours{told: others, name: rand.Text()}
	return s.report(ctx)
}

// Report tells the other replicas what is enforced here until ctx ends: a sign of life now and then, and soon after somebody began to wait.
func (s *Server) Report(ctx context.Context) {
	if s.others == nil {
		return
	}
	look, last := time.NewTicker(lookEvery), time.Now()
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		at, err := s.others.told.Awaited(ctx)
		news := err == nil && at > s.others.enforced && s.settle(ctx, at)
		if !news && time.Since(last) < reportEvery {
			continue
		}
		if err := s.report(ctx); err == nil {
			last = time.Now()
		} else if ctx.Err() == nil {
			s.Logger.Warn("other replicas are not told what is enforced here; writes that wait for it take longer", "error", err)
		}
	}
}

// settle waits a while until everybody who follows here has applied a position, and notes that.
func (s *Server) settle(ctx context.Context, at consent.Position) bool {
	ctx, cancel := context.WithTimeout(ctx, reportEvery/2)
	defer cancel()
	if s.Hub.Enforced(ctx, at, true) > 0 {
		return false
	}
	s.others.enforced = at
	return true
}

func (s *Server) report(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reportTime)
	defer cancel()
	return s.others.told.Report(ctx, store.Replica{ID: s.others.name, Position: s.others.enforced, Rely: s.Hub.people.rely() + reportEvery})
}

// rely is for how long somebody may go on by what they knew, should this replica vanish. Those who have yet to come are counted with the
// widest bound that was seen.
func (r *roll) rely() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.present {
		if !s.pings {
			return r.widest + straggle
		}
	}
	return r.widest
}

// everywhere is Hub.Enforced for this replica and all others.
func (s *Server) everywhere(ctx context.Context, at consent.Position) int {
	here := make(chan int, 1)
	go func() { here <- s.Hub.Enforced(ctx, at, true) }()
	if err := s.others.told.Await(ctx, at, awaitFor); err != nil {
		s.Logger.Warn("other replicas are not asked what is enforced there", "error", err)
	}
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	own, elsewhere := 1, 1
	for {
		if others, err := s.others.told.Reports(ctx, s.others.name); err == nil {
			elsewhere = 0
			for _, o := range others {
				if o.Position < at {
					elsewhere++
				}
			}
		}
		if own == 0 && elsewhere == 0 {
			return 0
		}
		select {
		case <-ctx.Done():
			return max(own+elsewhere, 1)
		case own = <-here:
		case <-tick.C:
		}
	}
}
