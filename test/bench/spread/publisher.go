package spread

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/test/bench/ours"
	"github.com/optup/optup/test/bench/people"
)

// publishing is what a publisher is told as it starts.
type publishing struct {
	// Side is one of the sides, or "import" for the process that makes the database.
	Side string
	// Data is the folder of the database, Folder that of what both processes share.
	Data, Folder string
	Address      string
	People       int
}

// order is one line that a publisher or its subscribers are sent, told is what they answer.
type order struct {
	// Publish so many events, Rate a second.
	Publish int `json:",omitempty"`
	Rate    int `json:",omitempty"`
	// Expect so many events after position First.
	Expect int    `json:",omitempty"`
	First  uint64 `json:",omitempty"`
	// Weigh the process.
	Weigh bool `json:",omitempty"`
	// Come connects the subscribers, Leave disconnects them.
	Come, Leave bool `json:",omitempty"`
}

type told struct {
	Position       uint64             `json:",omitempty"`
	P50, P99, Max  float64            `json:",omitempty"`
	Heap, Resident float64            `json:",omitempty"`
	More           map[string]float64 `json:",omitempty"`
	Error          string             `json:",omitempty"`
}

// token that opens a ledger on this machine.
const token = "token-of-a-benchmark-on-this-machine"

// way spreads changes.
type way interface {
	// spread is called with changes that were committed.
	spread(changes []store.Change)
	close()
}

// Publisher is the process of a ledger.
func Publisher(argument string, in io.Reader, out io.Writer) error {
	var p publishing
	if err := json.Unmarshal([]byte(argument), &p); err != nil {
		return err
	}
	answers := json.NewEncoder(out)
	l, err := open(p)
	if err != nil {
		return err
	}
	if p.Side == "import" {
		return errors.Join(l.importPeople(p.People), l.store.Close(), answers.Encode(told{Position: uint64(p.People)}))
	}
	orders := json.NewDecoder(in)
	head, err := l.store.Head(context.Background())
	if err := errors.Join(err, answers.Encode(told{Position: uint64(head.Position)})); err != nil {
		return err
	}
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			l.way.close()
			return l.store.Close()
		}
		t, err := l.obey(o)
		if err != nil {
			t.Error = err.Error()
		}
		if err := answers.Encode(t); err != nil {
			return err
		}
	}
}

// ledger is what all sides have in common: a database of people, and events that are committed to it.
type ledger struct {
	publishing
	root    keys.Root
	keys    *keys.Stream
	guard   *access.Guard
	store   *sqlite.Store
	moments moments
	way     way
	turn    int
	size    int
}

func open(p publishing) (*ledger, error) {
	l := &ledger{publishing: p}
	config := filepath.Join(p.Folder, "config.json")
	text, err := json.Marshal(map[string]string{"controller": people.Controller})
	if err != nil {
		return nil, err
	}
	if l.root, err = keys.ParseRoot(ours.Key); err != nil {
		return nil, err
	}
	if l.keys, err = l.root.Stream(people.Controller); err != nil {
		return nil, err
	}
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return nil, err
	}
	if l.guard, err = access.Open(access.Options{ConfigFile: config, Every: access.EveryNow, DevToken: token, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		return nil, err
	}
	if l.moments, err = shareMoments(filepath.Join(p.Folder, p.Side+".moments")); err != nil {
		return nil, err
	}
	if l.store, err = sqlite.Open(context.Background(), p.Data, l.keys.ID(), make([]byte, 32), time.Now); err != nil {
		return nil, err
	}
	// What is spread is about those who were imported, and no more people come.
	l.size = p.People
	switch p.Side {
	case "import":
		return l, nil
	case sideOurs:
		l.way, err = l.streams()
	case sideNATS:
		l.way, err = l.nats()
	case sideListen:
		l.way, err = l.notifies()
	default:
		err = fmt.Errorf("there is no side %q", p.Side)
	}
	return l, err
}

// stamped is the store as whoever spreads sees it: what was committed is stamped before it is handed on.
type stamped struct {
	store.Store
	moments moments
}

func (s stamped) Watch(f func([]store.Change)) {
	s.Store.Watch(func(changes []store.Change) {
		at := now()
		for i := range changes {
			s.moments.at[uint64(changes[i].Event.Position)%maxMoments].Store(at)
		}
		f(changes)
	})
}

// person gives the tags of a person, by number.
func (l *ledger) person(n int) []consent.Tag {
	tags, _ := l.keys.Tags(ours.Email(n)) // always sound
	return tags
}

func given(purpose int) consent.Event {
	return consent.Event{
		Type: consent.EventGiven, Purpose: people.Purpose(purpose), Notice: people.Notice(purpose), Proof: consent.ProofMailboxConfirmed, Actor: consent.ActorPerson,
	}
}

func withdrawn(purpose int) consent.Event {
	return consent.Event{Type: consent.EventWithdrawn, Purpose: people.Purpose(purpose), Actor: consent.ActorPerson}
}

// importPeople makes everybody agree to something.
func (l *ledger) importPeople(n int) error {
	const batch = 500
	var group errgroup.Group
	group.SetLimit(2 * runtime.NumCPU())
	for from := 0; from < n; from += batch {
		group.Go(func() error {
			var events []store.Append
			for i := from; i < min(from+batch, n); i++ {
				events = append(events, l.event(i, given(i%people.Purposes)))
			}
			_, errs, err := l.store.Append(context.Background(), events...)
			return errors.Join(append(errs, err)...)
		})
	}
	return group.Wait()
}

func (l *ledger) obey(o order) (told, error) {
	switch {
	case o.Weigh:
		return weigh()
	case o.Publish > 0:
		return l.publish(o.Publish, o.Rate)
	default:
		return told{}, errors.New("an order that says nothing")
	}
}

// publish appends withdrawals at a rate, or as fast as they are taken if that is 0.
func (l *ledger) publish(n, rate int) (told, error) {
	ctx := context.Background()
	var lags []int64
	var last consent.Position
	from := time.Now()
	for i := range n {
		if rate > 0 {
			time.Sleep(time.Until(from.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		}
		// A person at a time, by a stride that meets everybody before it meets anybody again.
		who := int(uint64(l.turn) * 7919 % uint64(l.size))
		l.turn++
		r, errs, err := l.store.Append(ctx, l.event(who, withdrawn(who%people.Purposes)))
		if err := errors.Join(append(errs, err)...); err != nil {
			return told{}, err
		}
		last = r[0].Position
		lags = append(lags, now()-l.moments.at[uint64(last)%maxMoments].Load())
	}
	return told{Position: uint64(last), More: map[string]float64{"commit to acknowledgement, us": quantile(sorted(lags), 0.5) / 1e3}}, nil
}

// weigh gives what the process has once it has collected what it does not need.
func weigh() (told, error) {
	raw, err := resident()
	if err != nil {
		return told{}, err
	}
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	size, err := resident()
	return told{Heap: float64(m.HeapAlloc), Resident: size, More: map[string]float64{
		"resident as it was": raw, "stacks": float64(m.StackInuse), "goroutines": float64(runtime.NumGoroutine()),
	}}, err
}

func resident() (float64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/self/statm says %q", text)
	}
	pages, err := strconv.ParseFloat(fields[1], 64)
	return pages * float64(os.Getpagesize()), err
}
