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
