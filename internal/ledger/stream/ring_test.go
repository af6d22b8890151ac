package stream

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/optup/optup/internal/consent"
)

// numbered is a frame of its position, padded.
func numbered(at consent.Position, size int) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(at)), make([]byte, size)...)
}

// TestReadersOfARing: whoever begins anywhere reads all that follows, in order and once, or is told that it fell off.
func TestReadersOfARing(t *testing.T) {
	const size, total = 1000, 2000
	r := &ring{limit: 4 * segmentSize}
	var readers sync.WaitGroup
	read := func(from consent.Position, c cursor) {
		defer readers.Done()
		var got []byte
		for next := from + 1; next <= total; {
			span, ok := r.next(&c)
			if !ok {
				return // it was too slow
			}
			for got = append(got, span...); len(got) >= size+8; got = got[size+8:] {
				if at := consent.Position(binary.BigEndian.Uint64(got)); at != next {
					t.Errorf("position %d came where %d was due", at, next)
					return
				}
				next++
			}
		}
		if len(got) > 0 {
			t.Error("more came than was written")
		}
	}
	for range 8 {
		readers.Add(1)
		from := consent.Position(rand.N(total / 2))
		c, ok := r.after(from)
		if !ok {
			t.Fatalf("a ring that knows nothing yet refuses %d", from)
		}
		go read(from, c)
	}
	for at := consent.Position(1); at <= total; at++ {
		if !r.add(at, numbered(at, size)) {
			t.Fatal("a frame that follows is refused")
		}
	}
	readers.Wait()
	if r.size > 4*segmentSize || len(r.segments) > 4 {
		t.Fatalf("the ring holds %d bytes", r.size)
	}
	if _, ok := r.after(r.start - 1); ok {
		t.Fatal("what the ring no longer has can be resumed")
	}
	for at := r.start; at <= r.last; at++ {
		c, ok := r.after(at)
		span, more := r.next(&c)
		if !ok || !more || (at < r.last && !bytes.HasPrefix(span, numbered(at+1, size))) || (at == r.last && len(span) > 0) {
			t.Fatalf("after %d: %d bytes, %v %v", at, len(span), ok, more)
		}
	}
	fallen := cursor{}
	if _, ok := r.next(&fallen); ok {
		t.Fatal("a reader of what is gone goes on")
	}
	if r.add(total+2, nil) || r.add(total, nil) {
		t.Fatal("a frame that does not follow is added")
	}
}

// TestARingHoldsTheLargestFrame: one that is larger than the ring takes its place.
func TestARingHoldsTheLargestFrame(t *testing.T) {
	r := &ring{limit: 2 * segmentSize}
	r.begin(4)
	c, _ := r.after(4)
	r.add(5, numbered(5, 10*segmentSize))
	if span, ok := r.next(&c); !ok || len(span) != 10*segmentSize+8 {
		t.Fatalf("%d bytes, %v", len(span), ok)
	}
	r.add(6, numbered(6, 1))
	if len(r.segments) != 1 || r.start != 5 {
		t.Fatalf("%d segments from %d", len(r.segments), r.start)
	}
}
