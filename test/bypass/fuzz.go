package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/optup/optup/test/bypass/attack"
	"github.com/optup/optup/test/bypass/liberal"
	"github.com/optup/optup/test/bypass/market"
)

// fuzzer sends attacks to addresses, and collects what should not have passed.
type fuzzer struct {
	market    *market.Market
	addresses map[string]string // by language
	// label tells the fuzzer's requests from those of another one.
	label string
	// confirm tells whether a leak counts; nil for every one.
	confirm func(leak) bool
	seed    uint64
	workers int
	// known tells to begin with the known shapes, first to stop at the first leak.
	known, first bool
	// requests bounds how many attacks are made; 0 for no bound.
	requests uint64
	progress io.Writer

	next, done, permitted, mailed atomic.Uint64
	languages                     []string
	cancel                        context.CancelFunc

	mu       sync.Mutex
	statuses map[int]uint64
	leaks    map[string][]leak
	// foundAt is how many attacks had been made at the first leak.
	foundAt  uint64
	earliest leak
	// through counts markers of people with permission, by language.
	through map[string]uint64
}

// sent takes what services would mail.
func (f *fuzzer) sent(mail liberal.Mail) {
	detail, permitted := judgeMail(f.market, mail)
	f.mailed.Add(uint64(permitted))
	if detail == "" {
		return
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(mail.Attack, f.label), 10, 64)
	if err != nil {
		n, detail = f.next.Load(), detail+" (by an attack before this one; its number was lost on the way)"
	}
	f.found(leak{f.make(n), "marker in a mail", detail})
}

func (f *fuzzer) found(l leak) {
	if f.confirm != nil && !f.confirm(l) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.leaks) == 0 {
		f.foundAt, f.earliest = f.done.Load()+1, l
	}
	if all := f.leaks[l.key()]; len(all) < 100 {
		f.leaks[l.key()] = append(all, l)
	}
	if f.first {
		f.cancel()
	}
}

// firstLeak gives the leak that was found before all others.
func (f *fuzzer) firstLeak() (leak, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.earliest, len(f.leaks) > 0
}

// make gives the attack with a number.
func (f *fuzzer) make(n uint64) *attack.Attack {
	if n >= attack.FirstKnown {
		return attack.MakeKnown(f.market, f.languages, f.seed, n)
	}
	return attack.Make(f.market, f.languages, f.seed, n)
}

// number gives the number of the attack that is made as the one at a place.
func (f *fuzzer) number(place uint64) uint64 {
	if !f.known {
		return place
	}
	if k := attack.Known(f.languages); place < k {
		return attack.FirstKnown + place
	}
	return place - attack.Known(f.languages)
}

// run attacks until ctx ends or the bound is reached.
func (f *fuzzer) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.mu.Lock()
	f.cancel = cancel
	f.mu.Unlock()
	var wg sync.WaitGroup
	for range f.workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				place := f.next.Add(1) - 1
				if f.requests > 0 && place >= f.requests {
					return
				}
				f.one(f.make(f.number(place)))
			}
		})
	}
	finished := make(chan struct{})
	go func() {
		wg.Wait()
		close(finished)
	}()
	started := time.Now()
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-finished:
			time.Sleep(200 * time.Millisecond) // what services say comes through a pipe
			f.say(started)
			return
		case <-tick.C:
			f.say(started)
		}
	}
}

func (f *fuzzer) prepare() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.languages = slices.Sorted(maps.Keys(f.addresses))
	f.statuses, f.leaks, f.through = map[int]uint64{}, map[string][]leak{}, map[string]uint64{}
	f.cancel = func() {}
}

// one makes one attack; if it is about one person, twice.
func (f *fuzzer) one(a *attack.Attack) {
	f.mark(a.Request, a.Number)
	request := write(a.Request, a.Protocol)
	r := send(f.addresses[a.Language], a.Protocol, a.Request.Method, request, a.Request.Odd)
	leaks, permitted := judge(f.market, a, request, r)
	if a.Twin != nil {
		f.mark(a.Twin, a.Number)
		if detail := f.compare(a, r); detail != "" {
			leaks = append(leaks, leak{a, "refused and absent differ", detail})
		}
	}
	for _, l := range leaks {
		f.found(l)
	}
	f.done.Add(1)
	f.permitted.Add(uint64(permitted))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.through[a.Language] += uint64(permitted)
	if len(r.answers) == 0 {
		f.statuses[0]++
	}
	for _, x := range r.answers {
		f.statuses[x.status]++
	}
}

// mark lets services tell which attack a mail came from.
func (f *fuzzer) mark(q *attack.Request, number uint64) {
	q.Headers = append(q.Headers, attack.Field{Name: "X-Attack", Value: f.label + strconv.FormatUint(number, 10)})
}

func write(q *attack.Request, protocol string) []byte {
	if protocol == attack.HTTP2 {
		return q.Frames()
	}
	return q.One()
}

// tries bounds how often an attack about one person is compared.
const tries = 8

// compare sends the same about somebody who is not there. A difference counts if it is there three times, so that none is by chance. That
// one of the two has no answer counts only if it is so every time: a server that refuses a request before it has read all of it closes the
// connection, and whether its answer arrives before that is chance.
func (f *fuzzer) compare(a *attack.Attack, refused reply) string {
	different, silent, detail := 0, 0, ""
	for try := range tries {
		if try > 0 {
			refused = send(f.addresses[a.Language], a.Protocol, a.Request.Method, write(a.Request, a.Protocol), true)
		}
		absent := send(f.addresses[a.Language], a.Protocol, a.Twin.Method, write(a.Twin, a.Protocol), try > 0 || a.Twin.Odd)
		if refused.shape() == absent.shape() {
			return ""
		}
		if (len(refused.answers) == 0) != (len(absent.answers) == 0) {
			silent++
		} else {
			different++
		}
		if different == 3 || silent == tries {
			detail = fmt.Sprintf("refused: %s; absent: %s", oneLine(refused.shape()), oneLine(absent.shape()))
			break
		}
	}
	return detail
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return text[:min(len(text), 300)]
}

// say writes a line about how it goes.
func (f *fuzzer) say(started time.Time) {
	if f.progress == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	classes := map[int]uint64{}
	for status, n := range f.statuses {
		classes[status/100] += n
	}
	done := f.done.Load()
	_, _ = fmt.Fprintf(f.progress, "%8d requests, %5.0f/s; answers 2xx %d, 3xx %d, 4xx %d, 5xx %d, none %d; permitted markers %d, in mails %d; kinds of leaks %d\n",
		done, float64(done)/time.Since(started).Seconds(), classes[2], classes[3], classes[4], classes[5], f.statuses[0], f.permitted.Load(), f.mailed.Load(), len(f.leaks))
}
