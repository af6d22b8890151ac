package stream

import (
	"runtime"
	"sync"
	"time"
)

// turns is how many streams a lane serves before it lets others have the processor.
const turns = 32

// lane is one goroutine that writes the changes of many streams, one after the other, as long as none of them has to be waited for: a goroutine
// for each would have to be woken for each change. A stream whose connection takes no more is written by a goroutine of its own until it has
// caught up.
type lane struct {
	wake chan struct{}

	mu      sync.Mutex
	running bool
	// news tells that there are changes, coming are streams to be taken in, and asked those that have something for themselves.
	news          bool
	coming, asked []*session

	// all belongs to the goroutine.
	all []*session
}

// seat is where a stream is in its lane.
type seat struct {
	lane *lane
	// asked tells that it is among those who asked; the lane's lock guards it.
	asked bool
	// number is its place, from 1; 0 for none. It belongs to the lane's goroutine.
	number int
}

// lanes gives one to every other processor. What lanes write takes the rest of them: the kernel, who appends, and on a node of few processors
// those who read.
func lanes() []*lane { return newLanes(max(1, runtime.GOMAXPROCS(0)/2)) }

func newLanes(n int) []*lane {
	out := make([]*lane, n)
	for i := range out {
		out[i] = &lane{wake: make(chan struct{}, 1)}
	}
	return out
}

// join has the lane write a stream from where it is.
func (l *lane) join(st *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.coming = append(l.coming, st)
	if !l.running {
		l.running = true
		go l.run(st.s.Heartbeat)
	}
	poke(l.wake)
}

// tell tells of changes.
func (l *lane) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.news = true
	poke(l.wake)
}

// ask has the lane look after one stream. Whoever is not there is looked after as it comes, if it does.
func (l *lane) ask(st *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running && !st.seat.asked {
		st.seat.asked = true
		l.asked = append(l.asked, st)
		poke(l.wake)
	}
}

func (l *lane) due() (news bool, coming, asked []*session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	news, coming, asked = l.news, l.coming, l.asked
	l.news, l.coming, l.asked = false, nil, nil
	for _, st := range asked {
		st.seat.asked = false
	}
	return news, coming, asked
}

// idle ends the goroutine if there is nobody to serve.
func (l *lane) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = len(l.all)+len(l.coming) > 0
	return !l.running
}

func (l *lane) run(heartbeat time.Duration) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for !l.idle() {
		beat := false
		select {
		case <-l.wake:
		case <-tick.C:
			beat = true
		}
		news, coming, asked := l.due()
		for _, st := range coming {
			l.all = append(l.all, st)
			st.seat.number = len(l.all)
			l.serve(st, false)
		}
		for _, st := range asked {
			if st.seat.number > 0 {
				l.serve(st, false)
			}
		}
		if !news && !beat {
			continue
		}
		// Whoever leaves is replaced by the last, who has had its turn.
		for i := len(l.all) - 1; i >= 0; i-- {
			if l.serve(l.all[i], beat); i%turns == 0 {
				runtime.Gosched()
			}
		}
	}
}

// serve writes what there is for a stream, and a sign of life if there was nothing since the last one.
func (l *lane) serve(st *session, beat bool) {
	stuck, err := st.pass(beat)
	if !stuck && err == nil {
		return
	}
	last := l.all[len(l.all)-1]
	l.all[st.seat.number-1], last.seat.number = last, st.seat.number
	l.all[len(l.all)-1] = nil
	l.all, st.seat.number = l.all[:len(l.all)-1], 0
	if err != nil {
		go st.over(err) // to take leave may take time
	} else {
		go st.catchUp()
	}
}
