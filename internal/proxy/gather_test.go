package proxy

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

// taker is the side of an answer that faces the application: it keeps what is written, and fails once it has had enough.
type taker struct {
	enough int

	mu      sync.Mutex
	got     bytes.Buffer
	writes  int
	flushed int // how much had been written at the last flush
}

var errGone = errors.New("the application is gone")

func (*taker) Header() http.Header { return http.Header{} }
func (*taker) WriteHeader(int)     {}

func (k *taker) Write(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writes++
	if k.enough > 0 && k.got.Len()+len(b) > k.enough {
		return 0, errGone
	}
	return k.got.Write(b)
}

func (k *taker) FlushError() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.flushed = k.got.Len()
	return nil
}

func (k *taker) seen() (bytes []byte, writes, flushed int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]byte(nil), k.got.Bytes()...), k.writes, k.flushed
}

func gatheringTo(k *taker) *pausing {
	return newPausing(&once{ResponseWriter: k, written: true}, false)
}

// eventually waits for something that takes milliseconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never happened that %s", what)
		}
	}
}

// TestGatheredPiecesStayInOrder: whatever the sizes of the pieces, and wherever the source pauses, all of it comes out, once and in order.
func TestGatheredPiecesStayInOrder(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // sizes of pieces
		k := &taker{}
		p := gatheringTo(k)
		var want []byte
		for range 40 {
			size := r.IntN(200)
			switch r.IntN(6) {
			case 0:
				size = r.IntN(gathering)
			case 1:
				size = gathering - 1 + r.IntN(gathering)
			}
			piece := make([]byte, size)
			for i := range piece {
				piece[i] = byte(len(want)+i) ^ byte((len(want)+i)>>8)
			}
			want = append(want, piece...)
			if err := p.gather(piece); err != nil {
				t.Fatal(err)
			}
			clear(piece) // the caller's again
			if r.IntN(10) == 0 {
				time.Sleep(pauseTime)
			}
		}
		if err := p.end(); err != nil {
			t.Fatal(err)
		}
		p.stop()
		if got, _, _ := k.seen(); !bytes.Equal(got, want) {
			t.Fatalf("seed %d: %d bytes came out of %d, or others", seed, len(got), len(want))
		}
	}
}

func TestSmallPiecesAreWrittenTogether(t *testing.T) {
	k := &taker{}
	p := gatheringTo(k)
	defer p.stop()
	const pieces = 1000
	began := time.Now()
	for range pieces {
		if err := p.gather(make([]byte, gathering/100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	// One write for each hundred pieces, and one for each pause that there may have been.
	if _, writes, _ := k.seen(); writes > pieces/100+2+int(time.Since(began)/pauseTime) {
		t.Errorf("%d pieces took %d writes", pieces, writes)
	}
}

// TestWhatIsHeldGoesOutOnAPause, without another piece that would push it.
func TestWhatIsHeldGoesOutOnAPause(t *testing.T) {
	k := &taker{}
	p := gatheringTo(k)
	defer p.stop()
	for _, want := range []string{"one", "onetwo"} {
		if err := p.gather([]byte(want[len(want)-3:])); err != nil {
			t.Fatal(err)
		}
		eventually(t, want+" came out", func() bool { got, _, flushed := k.seen(); return string(got) == want && flushed == len(want) })
	}
}

// TestASteadyTrickleIsNotHeld: a source that never pauses, and gives little, does not have to fill what is gathered first.
func TestASteadyTrickleIsNotHeld(t *testing.T) {
	k := &taker{}
	p := gatheringTo(k)
	defer p.stop()
	eventually(t, "something came out", func() bool {
		for end := time.Now().Add(2 * pauseTime); time.Now().Before(end); time.Sleep(pauseTime / 50) {
			if err := p.gather([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if got, _, _ := k.seen(); len(got) > 0 {
				return true
			}
		}
		t.Fatal("it was held for longer than a pause is")
		return false
	})
}

// TestAnAnswerThatNobodyTakesEnds: an error is told to whoever gathers, also where it was met while the source paused, and nothing is written
// after it: what comes later must not close a gap.
func TestAnAnswerThatNobodyTakesEnds(t *testing.T) {
	for name, next := range map[string]func(p *pausing) error{
		"at the next piece":            func(p *pausing) error { return p.gather([]byte("more")) },
		"at a piece that fills it":     func(p *pausing) error { return p.gather(make([]byte, gathering)) },
		"at the end":                   func(p *pausing) error { return p.end() },
		"at the end, after more of it": func(p *pausing) error { _ = p.gather([]byte("more")); return p.end() },
	} {
		t.Run(name, func(t *testing.T) {
			k := &taker{enough: 10}
			p := gatheringTo(k)
			defer p.stop()
			if err := p.gather([]byte("much too much")); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it was written", func() bool { _, writes, _ := k.seen(); return writes > 0 })
			eventually(t, "the error is told", func() bool { return errors.Is(next(p), errGone) })
			_ = p.gather([]byte("x"))
			_ = p.end()
			if got, writes, _ := k.seen(); len(got) > 0 || writes != 1 {
				t.Errorf("%q came out in %d writes", got, writes)
			}
		})
	}
}

// TestNothingIsWrittenOnceGatheringStopped: the answer may be somebody else's by then.
func TestNothingIsWrittenOnceGatheringStopped(t *testing.T) {
	k := &taker{}
	p := gatheringTo(k)
	if err := p.gather([]byte("x")); err != nil {
		t.Fatal(err)
	}
	p.stop()
	_, before, _ := k.seen()
	time.Sleep(4 * pauseTime)
	if _, writes, _ := k.seen(); writes != before {
		t.Error("it was written afterwards")
	}
}
