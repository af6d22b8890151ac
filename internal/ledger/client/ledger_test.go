package client_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/client"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

func follow(t *testing.T, l *ledgertest.Ledger, change func(*client.Options)) *client.Feed {
	t.Helper()
	o := client.Options{
		URL: l.URL, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), PingEvery: 20 * time.Millisecond, Retry: 5 * time.Millisecond,
		Token: func() (string, error) { return l.Token(ledgertest.Sidecar, "pod-1", time.Hour), nil },
		Grant: func() string { return l.Grant(ledgertest.Sidecar, "pod-1", time.Hour, "newsletter") },
	}
	if change != nil {
		change(&o)
	}
	f := client.New(o)
	done := make(chan error, 1)
	go func() { done <- f.Run(t.Context()) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f
}

func eventually(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for time.Since(start) < 30*time.Second {
		if ok() {
			return time.Since(start)
		}
		time.Sleep(200 * time.Microsecond)
	}
	t.Fatalf("it never happened that %s", what)
	return 0
}

func status(f *client.Feed, email string, purpose consent.PurposeID) consent.Status {
	fact, known, err := f.Lookup(ledgertest.Email(email), purpose)
	if err != nil || !known || len(fact.Grants) == 0 {
		return ""
	}
	return fact.Grants[0].Status
}

func TestAWithdrawalArrivesInMilliseconds(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	f := follow(t, l, nil)
	eventually(t, "the feed is fresh", func() bool { return f.Now().Age >= 0 })
	if status(f, "ada@example.org", "newsletter") != consent.StatusGiven || f.Stats().Identifiers != 3 {
		t.Fatal("the grant is not known")
	}
	code, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/events", `{"identifiers":[{"type":"email","value":"ada@example.org"}],"event":{"type":"withdrawn","purpose":"newsletter"}}`)
	if code != 201 {
		t.Fatal(body)
	}
	took := eventually(t, "the withdrawal is known", func() bool { return status(f, "ada@example.org", "newsletter") == consent.StatusWithdrawn })
	if took > time.Second {
		t.Fatalf("it took %v", took)
	}
	t.Logf("known %v after it was acknowledged", took)
	if f.Position() != 2 || f.Epoch() == "" {
		t.Fatalf("position %d", f.Position())
	}
}

func TestOnlyThePurposesOfTheGrantArrive(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	l.Append("ada@example.org", ledgertest.Given("profiling"))
	l.Append("bob@example.org", ledgertest.Given("profiling"))
	f := follow(t, l, func(o *client.Options) {
		o.Purposes = func() []consent.PurposeID { return []consent.PurposeID{"newsletter", "profiling"} }
	})
	eventually(t, "the feed is fresh", func() bool { return f.Now().Age >= 0 })
	if status(f, "ada@example.org", "newsletter") != consent.StatusGiven {
		t.Fatal("the grant is not known")
	}
	if _, _, err := f.Lookup(ledgertest.Email("ada@example.org"), "profiling"); err == nil {
		t.Fatal("a purpose outside the grant can be looked up")
	}
	if n := f.Stats().Identifiers; n != 3 {
		t.Fatalf("%d identifiers, want only those of who has to do with the purpose", n)
	}
}

func TestARestartOfTheLedgerLosesNothing(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	var url atomic.Pointer[string]
	first := l.URL
	url.Store(&first)
	// The address changes with a restart here, as that of a pod does; in a cluster the service hides it.
	move := roundTripper(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.URL.Host = strings.TrimPrefix(*url.Load(), "http://")
		return http.DefaultTransport.RoundTrip(r)
	})
	f := follow(t, l, func(o *client.Options) { o.HTTPClient = &http.Client{Transport: move} })
	eventually(t, "the feed is fresh", func() bool { return f.Now().Age >= 0 })
	epoch := f.Epoch()
	l.Stop()
	if status(f, "ada@example.org", "newsletter") != consent.StatusGiven {
		t.Fatal("the facts went with the stream")
	}
	l.Start()
	next := l.URL
	url.Store(&next)
	l.Append("ada@example.org", ledgertest.Withdrawn("newsletter"))
	eventually(t, "the withdrawal is known", func() bool { return status(f, "ada@example.org", "newsletter") == consent.StatusWithdrawn })
	if f.Position() != 2 || f.Epoch() != epoch {
		t.Fatalf("position %d, epoch changed %v", f.Position(), f.Epoch() != epoch)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNothingIsKnownWithoutAValidGrant(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	for name, change := range map[string]func(*client.Options){
		"without a token":       func(o *client.Options) { o.Token = func() (string, error) { return "", nil } },
		"without a grant":       func(o *client.Options) { o.Grant = nil },
		"before the grant came": func(o *client.Options) { o.Grant = func() string { return "" } },
		"with another pod's": func(o *client.Options) {
			o.Grant = func() string { return l.Grant(ledgertest.Sidecar, "pod-2", time.Hour, "newsletter") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := follow(t, l, change)
			time.Sleep(100 * time.Millisecond)
			if _, _, err := f.Lookup(ledgertest.Email("ada@example.org"), "newsletter"); err == nil || f.Now().Age >= 0 {
				t.Fatal("something is known")
			}
		})
	}
}

func TestTheStreamEndsWithTheGrantAndComesBackWithTheNext(t *testing.T) {
	l := ledgertest.New(t).Start()
	var purposes atomic.Pointer[[]consent.PurposeID]
	purposes.Store(&[]consent.PurposeID{"newsletter"})
	l.Append("ada@example.org", ledgertest.Given("profiling"))
	f := follow(t, l, func(o *client.Options) {
		o.Grant = func() string { return l.Grant(ledgertest.Sidecar, "pod-1", 2*time.Second, *purposes.Load()...) }
	})
	eventually(t, "the feed is fresh", func() bool { return f.Now().Age >= 0 })
	purposes.Store(&[]consent.PurposeID{"profiling"})
	took := eventually(t, "the purposes of the next grant count", func() bool { return status(f, "ada@example.org", "profiling") == consent.StatusGiven })
	if took > 3*time.Second {
		t.Fatalf("the stream outlived its grant: %v", took)
	}
	if _, _, err := f.Lookup(ledgertest.Email("ada@example.org"), "newsletter"); err == nil {
		t.Fatal("a purpose that the grant lost can be looked up")
	}
}

func TestAgainConnectsAtOnce(t *testing.T) {
	l := ledgertest.New(t).Start()
	var purposes atomic.Pointer[[]consent.PurposeID]
	purposes.Store(&[]consent.PurposeID{"newsletter"})
	f := follow(t, l, func(o *client.Options) {
		o.Grant = func() string { return l.Grant(ledgertest.Sidecar, "pod-1", time.Hour, *purposes.Load()...) }
	})
	eventually(t, "the feed is fresh", func() bool { return f.Now().Age >= 0 })
	purposes.Store(&[]consent.PurposeID{"newsletter", "profiling"})
	f.Again()
	eventually(t, "both purposes count", func() bool {
		_, _, err := f.Lookup(ledgertest.Email("ada@example.org"), "profiling")
		return err == nil
	})
}

func TestTheDevelopmentTokenNeedsNoGrant(t *testing.T) {
	l := ledgertest.New(t).Start()
	f := follow(t, l, func(o *client.Options) {
		o.Token, o.Grant = func() (string, error) { return ledgertest.DevToken, nil }, nil
		o.Purposes = func() []consent.PurposeID { return []consent.PurposeID{"newsletter"} }
	})
	eventually(t, "the feed is fresh", func() bool { return f.Now().Age >= 0 })
}

// TestSomebodyKnownByAHashIsFound: by the plain address, whether the hash came before the stream or while it is open, by an event or in a file.
func TestSomebodyKnownByAHashIsFound(t *testing.T) {
	object := func(address string) string {
		hash := consent.Derived(ledgertest.Email(address))[0]
		return `{"identifiers":[{"type":"email","form":"` + string(hash.Form) + `","value":"` + hash.Value + `"}],"event":{"type":"withdrawn","purpose":"newsletter"}}`
	}
	for name, tell := range map[string]func(l *ledgertest.Ledger, address string) (int, string){
		"by an event": func(l *ledgertest.Ledger, address string) (int, string) {
			return l.Do(ledgertest.Touchpoint, "POST", "/v1/events", object(address))
		},
		"in a file": func(l *ledgertest.Ledger, address string) (int, string) {
			hash := consent.Derived(ledgertest.Email(address))[1]
			return l.Do(ledgertest.Officer, "POST", "/v1/imports", "identifier_type,identifier_form,identifier,event,purpose,at\nemail,"+
				string(hash.Form)+","+hash.Value+",withdrawn,newsletter,2026-01-01T00:00:00Z\n", "Content-Type", "text/csv")
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := ledgertest.New(t).Start()
			l.Append("ada@example.org", ledgertest.Given("newsletter"))
			f := follow(t, l, nil)
			eventually(t, "the feed is fresh", func() bool { return f.Now().Age >= 0 })
			if code, body := tell(l, "bob@example.org"); code >= 300 {
				t.Fatal(code, body)
			}
			known := func(f *client.Feed) func() bool {
				return func() bool {
					_, known, err := f.Lookup(ledgertest.Email("bob@example.org"), "newsletter")
					return known && err == nil
				}
			}
			eventually(t, "the stream that was open tells about it", known(f))
			eventually(t, "a new stream tells about it", known(follow(t, l, nil)))
		})
	}
}
