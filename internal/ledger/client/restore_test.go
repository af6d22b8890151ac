package client_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/client"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

// service stands for the address of a ledger in a cluster, behind which ledgers come and go.
type service struct{ host atomic.Pointer[string] }

func (s *service) to(l *ledgertest.Ledger) {
	host := strings.TrimPrefix(l.URL, "http://")
	s.host.Store(&host)
}

func (s *service) follow(t *testing.T, l *ledgertest.Ledger) *client.Feed {
	t.Helper()
	s.to(l)
	return follow(t, l, func(o *client.Options) {
		o.MaxRetry = 50 * time.Millisecond
		o.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.URL.Host = *s.host.Load()
			return (&http.Transport{}).RoundTrip(r)
		})}
	})
}

func isFresh(f *client.Feed) func() bool { return func() bool { return f.Now().Age >= 0 } }

func isNever(f *client.Feed) func() bool { return func() bool { return f.Now().Age < 0 } }

// stays tells whether something goes on for a while, with pings every 20 milliseconds.
func stays(ok func() bool) bool {
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if !ok() {
			return false
		}
	}
	return true
}

// TestARestoredLedgerThatGrewPastTheSidecarIsNoticed: positions alone would not tell. The sidecar denies, the ledger stops telling anybody
// anything, and both go on once an operator has adopted the log.
func TestARestoredLedgerThatGrewPastTheSidecarIsNoticed(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	l.Append("bob@example.org", ledgertest.Given("newsletter"))
	l.Stop()
	backup := l.Backup()
	l.Start()
	s := &service{}
	f := s.follow(t, l)
	eventually(t, "the feed is fresh", isFresh(f))
	l.Append("ada@example.org", ledgertest.Withdrawn("newsletter"))
	eventually(t, "the withdrawal is known", func() bool { return status(f, "ada@example.org", "newsletter") == consent.StatusWithdrawn })
	epoch := f.Epoch()

	l.Stop()
	l.Restore(backup)
	l.Start()
	for range 5 {
		l.Append("bob@example.org", ledgertest.Given("survey"))
	}
	s.to(l)
	eventually(t, "nothing is fresh", isNever(f))
	if !stays(isNever(f)) {
		t.Fatal("the sidecar relies on a log that forgot a withdrawal")
	}
	if status(f, "ada@example.org", "newsletter") != consent.StatusWithdrawn {
		t.Fatal("the withdrawal was forgotten here, too")
	}
	eventually(t, "the ledger says so", func() bool { return l.Stream.Contradicted(t.Context()) != nil })
	if !strings.Contains(l.Log.String(), "optup-ledger adopt") {
		t.Fatal("the log does not say what to do")
	}
	// Somebody who knows nothing of it gets nothing either.
	if other := s.follow(t, l); !stays(isNever(other)) {
		t.Fatal("a ledger that forgot something tells others about people")
	}

	if _, err := l.Store.Adopt(t.Context(), epoch); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the adopted log is followed", func() bool { return f.Now().Age >= 0 && f.Epoch() != epoch && f.Position() == 7 })
	if l.Stream.Contradicted(t.Context()) != nil {
		t.Fatal("the ledger still refuses")
	}
}

// TestForkedLedgersAreNoticed: two that went on from the same copy, each with events of its own.
func TestForkedLedgersAreNoticed(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	l.Stop()
	fork := l.Twin(l.Backup()).Start()
	l.Start()
	s := &service{}
	f := s.follow(t, l)
	eventually(t, "the feed is fresh", isFresh(f))
	l.Append("ada@example.org", ledgertest.Withdrawn("newsletter"))
	fork.Append("ada@example.org", ledgertest.Given("survey"))
	eventually(t, "the withdrawal is known", func() bool { return f.Position() == 2 })
	s.to(fork)
	l.Hub.Close() // the connection goes, and the next one leads to the other
	eventually(t, "nothing is fresh", isNever(f))
	eventually(t, "the fork stops", func() bool { return fork.Stream.Contradicted(t.Context()) != nil })
	if l.Stream.Contradicted(t.Context()) != nil {
		t.Fatal("the one that was right stops, too")
	}
	l.Stop()
	l.Start()
	s.to(l)
	eventually(t, "the one that was right is followed again", func() bool { return f.Now().Age >= 0 && f.Position() == 2 })
}

// TestASidecarResumes: after a restart of the ledger nobody reads everything again, and what happened meanwhile is not missed.
func TestASidecarResumes(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	s := &service{}
	f := s.follow(t, l)
	eventually(t, "the feed is fresh", isFresh(f))
	view := f.View()
	l.Stop()
	l.Start()
	s.to(l)
	eventually(t, "the stream goes on", func() bool { return l.Hub.Stats().Resumed == 1 })
	l.Append("ada@example.org", ledgertest.Withdrawn("newsletter"))
	eventually(t, "the withdrawal is known", func() bool { return status(f, "ada@example.org", "newsletter") == consent.StatusWithdrawn })
	if f.View() != view || l.Hub.Stats().Snapshots != 0 {
		t.Fatal("the facts were read again")
	}
	f.Again()
	eventually(t, "the stream goes on", func() bool { return l.Hub.Stats().Resumed == 2 })
	eventually(t, "the feed is fresh", isFresh(f))
	if f.View() != view || f.Position() != 2 {
		t.Fatal("the facts were read again")
	}
}

// TestASidecarSaysWhatItApplied: its position and staleness are the ledger's to show.
func TestASidecarSaysWhatItApplied(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	f := follow(t, l, nil)
	eventually(t, "the feed is fresh", isFresh(f))
	eventually(t, "the ledger knows", func() bool { st := l.Hub.Stats(); return st.Proven == 1 && st.LowestPosition == 1 })
}
