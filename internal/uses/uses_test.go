package uses

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ledger/wire"
)

func TestRecordsReachTheLedger(t *testing.T) {
	b := &book{}
	r, _ := start(t, options(t.TempDir(), b))
	small, large := record(r, 3), record(r, 3*partSize+5)
	eventually(t, "both decisions", func() bool { ids, _, _ := b.decisions(); return ids[small] == 3 && ids[large] == 3*partSize+5 })
	b.set(func(b *book) {
		seen := map[int]bool{}
		effects := 0
		for _, id := range b.order {
			for _, d := range b.batches[id].Decisions {
				if d.ID != large {
					continue
				}
				for i, u := range d.Uses {
					n := d.First + i
					seen[n] = true
					if want := (wire.Tag{1, byte(n - 1), byte((n - 1) >> 8)}); u.Tag == nil || *u.Tag != want || u.Reason != string(decide.OKConsent) || u.Grant != 2 {
						t.Errorf("person %d is %+v", n, u)
					}
				}
				if d.Effect != "" {
					effects++
				}
			}
		}
		if len(seen) != 3*partSize+5 || !seen[1] || effects != 1 {
			t.Errorf("parts number %d people, %d of them have an effect", len(seen), effects)
		}
	})
	eventually(t, "the acknowledgements", func() bool { s := r.Stats(); return s.Lost == 0 && s.Delivered > 0 && s.SpoolBatches == 0 })
}

func TestAnAbsentLedgerLosesNothing(t *testing.T) {
	dir, b := t.TempDir(), &book{away: true}
	r, kill := start(t, options(dir, b))
	var ids []wire.DecisionID
	for range 50 {
		ids = append(ids, record(r, 2))
		time.Sleep(time.Millisecond)
	}
	eventually(t, "everything spooled", func() bool { return r.Stats().Recorded == 150 && len(r.full) == 0 })
	kill(0) // a container that restarts, with the same folder
	r, _ = start(t, options(dir, b))
	ids = append(ids, record(r, 2))
	b.set(func(b *book) { b.away = false })
	eventually(t, "all 51 decisions", func() bool {
		got, uses, _ := b.decisions()
		for _, id := range ids {
			if got[id] != 2 {
				return false
			}
		}
		return uses == 102
	})
	eventually(t, "an empty folder", func() bool { n := files(t, dir); return n == 0 })
}

func TestAKillBetweenSendingAndAcknowledgingCountsOnce(t *testing.T) {
	dir, b := t.TempDir(), &book{silent: true}
	r, kill := start(t, options(dir, b))
	id := record(r, 2)
	eventually(t, "a batch that was taken and not acknowledged", func() bool { got, _, _ := b.decisions(); return got[id] == 2 })
	kill(0)
	b.set(func(b *book) { b.silent = false })
	_, _ = start(t, options(dir, b))
	eventually(t, "an empty folder", func() bool { return files(t, dir) == 0 })
	got, uses, _ := b.decisions()
	if b.sent < 2 || uses != 2 || got[id] != 2 {
		t.Errorf("sent %d times, %d uses", b.sent, uses)
	}
}

func TestAPartlyWrittenBatchIsNotSent(t *testing.T) {
	dir, b := t.TempDir(), &book{}
	lane := laneDir(dir, "shop-gmbh")
	if err := os.MkdirAll(lane, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(lane, "0000000000000000001-A.json.part"), []byte(`{"versi`), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _ := start(t, options(dir, b))
	id := record(r, 1)
	eventually(t, "the sound batch", func() bool { got, _, _ := b.decisions(); return got[id] == 1 })
	eventually(t, "an empty folder", func() bool { return files(t, dir) == 0 })
}

func TestTheSpoolIsBoundedAndGapsAreReported(t *testing.T) {
	for name, dir := range map[string]string{"in a folder": t.TempDir(), "in memory": ""} {
		t.Run(name, func(t *testing.T) {
			b := &book{away: true}
			o := options(dir, b)
			o.MaxSpool = 20_000
			r, _ := start(t, o)
			for range 300 {
				record(r, 5)
				time.Sleep(200 * time.Microsecond)
			}
			var s Stats
			eventually(t, "every record kept or counted as lost", func() bool { s = r.Stats(); return s.Lost > 0 && s.Recorded+s.Lost == 300*6 })
			if s.SpoolBytes > o.MaxSpool {
				t.Errorf("%d bytes are kept, at most %d", s.SpoolBytes, o.MaxSpool)
			}
			if dir != "" {
				if n := bytes(t, dir); n > o.MaxSpool {
					t.Errorf("%d bytes on disk, at most %d", n, o.MaxSpool)
				}
			}
			b.set(func(b *book) { b.away = false })
			eventually(t, "the old ones", func() bool { return r.Stats().SpoolBatches == 0 })
			id := record(r, 1)
			eventually(t, "the next one, with what was lost before", func() bool {
				got, _, lost := b.decisions()
				return got[id] == 1 && lost == s.Lost
			})
		})
	}
}

func TestARefusedBatchIsGivenUpAndCounted(t *testing.T) {
	b := &book{refuses: true}
	r, _ := start(t, options(t.TempDir(), b))
	record(r, 4)
	eventually(t, "the loss", func() bool { return r.Stats().Lost == 5 && r.Stats().SpoolBatches == 0 })
	b.set(func(b *book) { b.refuses = false })
	id := record(r, 1)
	eventually(t, "what comes next, with the gap", func() bool { got, _, lost := b.decisions(); return got[id] == 1 && lost == 5 })
}

func TestStoppingDrains(t *testing.T) {
	b := &book{}
	o := options(t.TempDir(), b)
	o.Linger = time.Hour // only the stop closes batches
	r, stop := start(t, o)
	id := record(r, partSize+1)
	stop(5 * time.Second)
	if got, _, _ := b.decisions(); got[id] != partSize+1 {
		t.Errorf("%d of the people of the last request were delivered", got[id])
	}
}

func TestStoppingDoesNotWaitForAnAbsentLedger(t *testing.T) {
	b := &book{away: true}
	r, stop := start(t, options(t.TempDir(), b))
	record(r, 1)
	begin := time.Now()
	stop(50 * time.Millisecond)
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if s := r.Stats(); s.SpoolBatches != 1 {
		t.Errorf("the folder keeps %d batches for the next start, not 1", s.SpoolBatches)
	}
}

// TestAStoppedConsumerBlocksNobody: nothing takes parts out, and requests go on.
func TestAStoppedConsumerBlocksNobody(t *testing.T) {
	o := options(t.TempDir(), &book{})
	o.Parts = 4
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 1000 {
			record(r, 3)
		}
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("a request waits for the recorder")
	}
	if s := r.Stats(); s.Lost != (1000-4)*4 || s.Waiting != 4 {
		t.Errorf("%+v", s)
	}
}

func TestALongStreamIsRecordedWhileItLasts(t *testing.T) {
	b := &book{}
	r, _ := start(t, options(t.TempDir(), b))
	u := r.Begin(time.Now())
	u.About(About{Controller: "shop-gmbh", Purpose: "newsletter"})
	n := 0
	eventually(t, "the first people of a stream that has not ended", func() bool {
		if n++; n < partSize { // a part that is full is handed over anyway
			u.Person(consent.Tag{1}, true, &decide.Verdict{Reason: decide.OKConsent})
		}
		got, _, _ := b.decisions()
		return got[u.ID()] > 0
	})
	before, _, _ := b.decisions()
	u.Person(consent.Tag{2}, true, &decide.Verdict{Reason: decide.Withdrawn})
	u.Pause()
	eventually(t, "the last before it falls idle", func() bool { got, _, _ := b.decisions(); return got[u.ID()] > before[u.ID()] })
}

// TestALongAnswerLeavesTheRecorderItsTurn: on one processor, somebody who judges people without ever waiting loses no record.
func TestALongAnswerLeavesTheRecorderItsTurn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const people = 8 * defaultParts * partSize
	r, _ := start(t, options("", &book{}))
	record(r, people)
	eventually(t, "everything recorded or lost", func() bool { s := r.Stats(); return s.Recorded+s.Lost >= people })
	if s := r.Stats(); s.Lost > 0 {
		t.Errorf("%d records are lost", s.Lost)
	}
}

func TestNoRecorderRecordsNothingAndHasAnID(t *testing.T) {
	var r *Recorder
	u := r.Begin(time.Now())
	u.Person(consent.Tag{1}, true, &decide.Verdict{})
	u.End(decide.Permit, "", false)
	if len(u.ID().String()) != 26 {
		t.Errorf("id %q", u.ID())
	}
}

func TestTheHookAllocatesNothing(t *testing.T) {
	b := &book{}
	r, err := New(options("", b))
	if err != nil {
		t.Fatal(err)
	}
	give := func() {
		record(r, 2)
		p := <-r.full
		p.clear()
		r.free <- p
	}
	for range 2 * defaultParts {
		give() // buffers grow once
	}
	if n := testing.AllocsPerRun(1000, give); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}

func files(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	walk(t, dir, func(os.FileInfo) { n++ })
	return n
}

func bytes(t *testing.T, dir string) (n int64) {
	t.Helper()
	walk(t, dir, func(i os.FileInfo) { n += i.Size() })
	return n
}

func walk(t *testing.T, dir string, f func(os.FileInfo)) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, i os.FileInfo, err error) error {
		if err == nil && !i.IsDir() {
			f(i)
		}
		if err != nil && (os.IsNotExist(err) || strings.HasSuffix(path, partSuffix)) {
			return nil // it went away meanwhile
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkHook(b *testing.B) {
	r, err := New(options("", &book{}))
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		people int
	}{{"one person", 1}, {"100 people", 100}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				record(r, c.people)
				p := <-r.full
				p.clear()
				r.free <- p
			}
		})
	}
	b.Run("parallel, recorder stopped", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				record(r, 1)
			}
		})
	})
}
