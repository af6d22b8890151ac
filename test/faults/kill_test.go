package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/test/bypass/market"
)

// load is what applications do all the time: lists, streams and mails, over HTTP/1.1 and HTTP/2.
type load struct {
	w                *world
	stop             chan struct{}
	wg               sync.WaitGroup
	lists, cut, sent atomic.Int64
	// streamed is what streams gave, ended how many were cut after they gave something, over how many there were.
	streamed, ended, over atomic.Int64
}

func (w *world) load() *load {
	l := &load{w: w, stop: make(chan struct{})}
	for i := range 6 {
		l.repeat(func() { l.list(w.appAt(w.base, i%2 == 1)) })
		l.repeat(func() { l.mail(w.appAt(w.base, i%2 == 1), i) })
		l.repeat(func() { l.visits(w.appAt(w.base, i%2 == 1)) })
	}
	return l
}

func (l *load) repeat(once func()) {
	l.wg.Go(func() {
		for {
			select {
			case <-l.stop:
				return
			case <-time.After(5 * time.Millisecond): // while nobody listens, too
				once()
			}
		}
	})
}

func (l *load) end() {
	close(l.stop)
	l.wg.Wait()
}

func (l *load) list(a *app) {
	defer a.http.CloseIdleConnections()
	got := a.get("/v1/customers")
	l.w.whole(got, 0)
	switch {
	case got.err == nil && got.status == http.StatusOK:
		l.lists.Add(1)
	case got.err != nil && len(got.body) > 0:
		l.cut.Add(1)
	}
}

// mail writes to somebody who may be written to and to somebody who may not.
func (l *load) mail(a *app, i int) {
	defer a.http.CloseIdleConnections()
	m := l.w.shop.market
	if got := a.send("d-news", "load", m.Refused[i], m.Permitted[i]); got.err == nil && got.status == http.StatusAccepted {
		l.sent.Add(1)
	}
}

func (l *load) visits(a *app) {
	defer a.http.CloseIdleConnections()
	s := a.follow(func(lines []byte) { clean(l.w.t, l.w.shop.market, "a stream", lines) })
	select {
	case err := <-s.ended:
		if err == nil {
			l.w.t.Error("a stream that was cut looks whole")
		}
		l.over.Add(1)
		if s.got.Load() > 0 {
			l.ended.Add(1)
			l.streamed.Add(s.got.Load())
		}
	case <-l.stop:
		s.stop()
		<-s.ended
	}
}

// TestKilledUnderLoad kills the sidecar while answers flow. Nothing of anybody without permission comes through, before and after,
// nothing that was cut looks whole, and on the same addresses everything goes on.
func TestKilledUnderLoad(t *testing.T) {
	w := open(t, setting{})
	l := w.load()
	// On a busy machine a kill may find no list half sent, and streams that have given nothing yet.
	for round := 0; round < 3 || l.cut.Load() == 0 || l.ended.Load() < 6; round++ {
		if round == 15 {
			t.Fatalf("%d lists and %d streams were cut in %d kills", l.cut.Load(), l.ended.Load(), round)
		}
		lists, sent, over := l.lists.Load(), l.sent.Load(), l.over.Load()
		w.soon("lists, mails and streams are under way", func() bool {
			return l.lists.Load() > lists+3 && l.sent.Load() > sent+3 && w.shop.open.Load() > 8
		})
		w.sidecar.Kill()
		w.soon("streams are cut", func() bool { return l.over.Load() >= over+6 })
		w.start()
	}
	lists, sent := l.lists.Load(), l.sent.Load()
	w.soon("it serves again", func() bool { return l.lists.Load() > lists+3 && l.sent.Load() > sent+3 })
	l.end()
	w.shop.spared()
	if l.streamed.Load() == 0 {
		t.Error("streams gave nothing")
	}
}

// TestUseRecordsOutliveAKill: what waits for a ledger is delivered by the next process, and counts once, also where the ledger had it
// before and could not say so.
func TestUseRecordsOutliveAKill(t *testing.T) {
	for name, silenced := range map[string]bool{"the ledger does not get them": false, "the ledger gets them and its answers are lost": true} {
		t.Run(name, func(t *testing.T) {
			w := open(t, setting{})
			p := w.shop.market.Permitted[7]
			w.ledger.turn(holding)
			var ids []string
			for i := range 20 {
				if i == 10 {
					w.soon("there is a batch, so that the rest are another", func() bool { return w.spooled(ids) == len(ids) })
				}
				a := w.app().send("d-news", "recorded", p)
				if a.err != nil || a.status != http.StatusAccepted || a.decision == "" {
					t.Fatalf("within the bound: %v", a)
				}
				ids = append(ids, a.decision)
			}
			w.soon("all records are on the disk", func() bool { return w.spooled(ids) == len(ids) })
			if silenced {
				w.ledger.turn(mute)
				// One batch goes after the other, so that the first is all that the ledger gets as long as it cannot say that it has it.
				w.soon("the ledger has some", func() bool { return w.delivered(ids) > 0 })
				if n := w.spooled(ids); n != len(ids) {
					t.Fatalf("%d of %d wait although no answer came", n, len(ids))
				}
			} else if n := w.delivered(ids); n != 0 {
				t.Fatalf("the ledger has %d already", n)
			}
			w.sidecar.Kill()
			w.ledger.turn(passing)
			w.start()
			w.soon("all are delivered", func() bool { return w.spooled(ids) == 0 && w.delivered(ids) == len(ids) })
			w.sidecar.Kill()
			w.start()
			if n := w.uses(p); n != len(ids) {
				t.Errorf("the ledger counts %d uses, want %d", n, len(ids))
			}
		})
	}
}

// spooled is how many decisions are in batches on the disk.
func (w *world) spooled(ids []string) int {
	var all strings.Builder
	_ = filepath.WalkDir(filepath.Join(w.dir, "state"), func(path string, _ os.DirEntry, _ error) error {
		if strings.HasSuffix(path, ".json") {
			text, _ := os.ReadFile(path)
			all.Write(text)
		}
		return nil
	})
	n := 0
	for _, id := range ids {
		if strings.Contains(all.String(), id) {
			n++
		}
	}
	return n
}

// delivered is how many decisions the ledger knows.
func (w *world) delivered(ids []string) int {
	n := 0
	for _, id := range ids {
		if status, _, err := w.tell("/v1/decisions/"+id, "", nil); err == nil && status == http.StatusOK {
			n++
		}
	}
	return n
}

// uses is how often the ledger says that news went to somebody.
func (w *world) uses(p market.Person) int {
	w.t.Helper()
	body := fmt.Sprintf(`{"identifier":{"type":"email","form":"Plain","value":%q},"limit":1000}`, p.Mail)
	_, text, err := w.tell("/v1/people/uses", "application/json", []byte(body))
	var out struct {
		Uses []struct{ Purpose, Effect string }
	}
	if err != nil || json.Unmarshal(text, &out) != nil {
		w.t.Fatalf("%v: %s", err, text)
	}
	n := 0
	for _, u := range out.Uses {
		if u.Purpose == string(market.News) {
			n++
		}
	}
	return n
}
