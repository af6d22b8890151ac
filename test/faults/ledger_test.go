package faults

import (
	"net/http"
	"testing"
	"time"
)

// TestTheLedgerIsAway: as long as facts are fresh enough decisions go on; then whatever rests on records is refused, and streams are
// cut; what needs no record goes on; and when the ledger is back everything is as before, without a restart.
func TestTheLedgerIsAway(t *testing.T) {
	for name, how := range map[string]manner{"connections to it are cut": cut, "connections to it are half open": swallowing, "it is silent": holding} {
		t.Run(name, func(t *testing.T) {
			w := open(t, setting{})
			m := w.shop.market
			gone, stays := m.Permitted[21], m.Permitted[22]
			a := w.app()
			streams := []*stream{w.follow(false), w.follow(true)}
			for _, s := range streams {
				w.soon("streams flow", func() bool { return s.got.Load() > 10_000 })
			}
			away := time.Now()
			w.ledger.turn(how)
			w.withdraw(gone)
			acknowledged := time.Now()
			for n := 0; ; n++ {
				began := time.Now()
				got := a.send("d-news", "away", gone, stays)
				if got.behind() {
					if n == 0 {
						t.Error("facts that were fresh a moment ago are refused")
					}
					break
				}
				if got.status != http.StatusAccepted || began.Sub(acknowledged) > bound {
					t.Fatalf("%v after the withdrawal: %v", began.Sub(acknowledged), got)
				}
				time.Sleep(50 * time.Millisecond)
			}
			if d := time.Since(away); d < bound/3 {
				t.Errorf("facts were refused after %v already", d)
			}
			if got := a.get("/v1/customers"); !got.behind() {
				t.Errorf("a list: %v", got)
			}
			if got := a.send("d-invoice", "contract", m.Refused[3]); got.status != http.StatusAccepted || !w.shop.reached("contract", m.Refused[3].Mail) {
				t.Errorf("an invoice: %v", got)
			}
			for _, s := range streams {
				w.cutOff(s)
			}
			w.ledger.turn(passing)
			w.fresh()
			w.back(a, gone.Mail, stays.Mail)
		})
	}
}

// back fails unless everything is as it should be after a fault.
func (w *world) back(a *app, gone, stays string) {
	w.t.Helper()
	m := w.shop.market
	if got := a.send("d-news", "back", m.Permitted[21], m.Permitted[22]); got.status != http.StatusAccepted {
		w.t.Errorf("afterwards: %v", got)
	}
	if w.shop.reached("back", gone) || !w.shop.reached("back", stays) {
		w.t.Error("afterwards a mail reached somebody who has withdrawn, or nobody")
	}
	if got := a.get("/v1/customers"); got.err != nil || got.status != http.StatusOK {
		w.t.Errorf("afterwards a list: %v", got)
	} else {
		w.whole(got, 1)
	}
	if err := w.sidecar.Alive(); err != nil {
		w.t.Error(err)
	}
	if rss, err := w.sidecar.HighWater(); err != nil || rss > 128<<20 {
		w.t.Errorf("%d MiB were resident, %v", rss>>20, err)
	}
}

// TestASlowLedger: facts that come a little at a time are as good as others.
func TestASlowLedger(t *testing.T) {
	w := open(t, setting{})
	m := w.shop.market
	gone, stays := m.Permitted[21], m.Permitted[22]
	a := w.app()
	w.ledger.turn(slow)
	w.withdraw(gone)
	acknowledged := time.Now()
	for time.Since(acknowledged) < bound+2*time.Second {
		began := time.Now()
		if got := a.send("d-news", "slow", stays); got.status != http.StatusAccepted {
			t.Fatalf("%v after it became slow: %v", began.Sub(acknowledged), got)
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.back(a, gone.Mail, stays.Mail)
}
