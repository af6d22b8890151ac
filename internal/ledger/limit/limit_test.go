package limit

import (
	"testing"
	"time"
)

func TestAClockThatIsSetBackTakesNothing(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	b := New[int](func() time.Time { return now }, 3, time.Second)
	if b.Take(1) != 0 {
		t.Fatal("the first is refused")
	}
	now = now.Add(-time.Hour)
	for range 2 {
		if b.Take(1) != 0 {
			t.Error("whoever had two left has none after the clock was set back")
		}
	}
	if wait := b.Take(1); wait <= 0 || wait > 2*time.Second {
		t.Errorf("the wait is %s", wait)
	}
}

// TestManyAtOnce are counted each, or not at all; and whoever asks for more than anybody has gets it once in as long as it takes to have it back.
func TestManyAtOnce(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	b := New[int](func() time.Time { return now }, 10, time.Second)
	if b.TakeN(1, 8) != 0 {
		t.Error("8 of 10 are refused")
	}
	if wait := b.TakeN(1, 3); wait < time.Second || wait > 2*time.Second {
		t.Errorf("3 of 2 wait for %s", wait)
	}
	if b.TakeN(1, 2) != 0 {
		t.Error("what was refused was counted")
	}
	if b.TakeN(2, 25) != 0 {
		t.Error("whoever has all gets no more than that")
	}
	if wait := b.Take(2); wait < 15*time.Second {
		t.Errorf("whoever owes 15 waits for %s", wait)
	}
	now = now.Add(16 * time.Second)
	if b.Take(2) != 0 {
		t.Error("what was owed is owed for ever")
	}
}

// TestACrowdSharesOnePlace: while as many as are remembered are busy, strangers have what one has, and come back in when there is room.
func TestACrowdSharesOnePlace(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	b := New[int](func() time.Time { return now }, 2, time.Second)
	for i := 1; i <= maxClients; i++ {
		b.Take(i)
	}
	free := 0
	for i := range 100 {
		if b.Take(maxClients+1+i) == 0 {
			free++
		}
	}
	if free != 2 || len(b.clients) > maxClients+1 {
		t.Errorf("%d strangers were let in, and %d are remembered", free, len(b.clients))
	}
	before := b.swept
	now = now.Add(time.Second / 2)
	if b.Take(-1); b.swept != before {
		t.Error("everybody is looked at again so soon")
	}
	now = now.Add(2 * time.Second)
	if b.Take(-2) != 0 || len(b.clients) > 2 {
		t.Errorf("%d are remembered after all had everything back", len(b.clients))
	}
}
