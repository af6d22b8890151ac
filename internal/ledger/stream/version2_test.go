package stream_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// What a client of version 2 reads, as it was. It took no frame of a type above 8 for one that it must know, and of a change it read these.
type (
	hello2 struct {
		Version  int      `json:"version"`
		Epoch    string   `json:"epoch"`
		KeyID    string   `json:"keyID"`
		Key      []byte   `json:"key"`
		Purposes []string `json:"purposes"`
	}
	change2 struct {
		Position uint64                     `json:"position"`
		Hashed   bool                       `json:"hashed"`
		Tags     []string                   `json:"tags"`
		Facts    map[string]json.RawMessage `json:"facts"`
	}
)

// subscribe2 subscribes as a client of version 2 did: it named no version and asked for nothing but an answer.
func subscribe2(t *testing.T, l *ledgertest.Ledger) *subscription {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.URL+"/v1/stream?purpose=newsletter", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+l.Token(ledgertest.Sidecar, "pod-1", time.Hour))
	r.Header.Set("OptUp-Grant", l.Grant(ledgertest.Sidecar, "pod-1", time.Hour, "newsletter"))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
	return &subscription{t: t, frames: wire.NewReader(bufio.NewReader(res.Body)), close: func() { _ = res.Body.Close() }}
}

func TestASubscriberOfVersion2IsServed(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	s := subscribe2(t, l)
	hello := next[hello2](s, 1)
	if hello.Version != 2 || hello.Epoch == "" || len(hello.Key) != 32 || !slices.Equal(hello.Purposes, []string{"newsletter"}) {
		t.Fatalf("%+v", hello)
	}
	next[struct{}](s, 2)
	for typ := wire.Type(0); typ != 4; {
		var err error
		if typ, _, err = s.frames.Next(); err != nil || typ > 8 {
			t.Fatalf("type %d, %v", typ, err)
		}
	}
	l.Append("ada@example.org", ledgertest.Withdrawn("newsletter"))
	if c := next[change2](s, 5); c.Position != 2 || len(c.Tags) != 3 || len(c.Facts) != 1 {
		t.Fatalf("%+v", c)
	}
	// Two identities that stand alike are one person to it.
	together := func(e consent.Event, addresses ...string) {
		t.Helper()
		a := store.Append{Event: e}
		for _, who := range addresses {
			tags, err := l.Keys.Tags(ledgertest.Email(who))
			if err != nil {
				t.Fatal(err)
			}
			a.Identities = append(a.Identities, store.Identity{Tags: tags, Type: consent.IdentifierEmail, Plain: true})
		}
		if _, errs, err := l.Store.Append(t.Context(), a); err != nil || errs[0] != nil {
			t.Fatal(errs, err)
		}
	}
	together(ledgertest.Given("newsletter"), "bob@example.org", "bob@work.example")
	if c := next[change2](s, 5); c.Position != 3 || len(c.Tags) != 6 {
		t.Fatalf("%+v", c)
	}
	status, body := l.Do(ledgertest.Sidecar, "POST", "/v1/ping", `{"nonce":"abc"}`, "OptUp-Grant", l.Grant(ledgertest.Sidecar, "pod-1", time.Hour, "newsletter"))
	var pong struct {
		Nonce, Epoch string
		Position     int
		Time         time.Time
	}
	if err := json.Unmarshal([]byte(body), &pong); status != 200 || err != nil || pong.Nonce != "abc" || pong.Epoch != hello.Epoch || pong.Position != 3 || pong.Time.IsZero() {
		t.Fatalf("%d %s", status, body)
	}
	// What it could not be told without leaving somebody out ends the stream, and it reads everything again.
	together(ledgertest.Withdrawn("newsletter"), "bob@example.org", "ada@example.org")
	for {
		typ, payload, err := s.frames.Next()
		if err != nil {
			break
		}
		if typ == 5 {
			t.Fatalf("it was told %s", payload)
		}
	}
}

func TestVersions(t *testing.T) {
	l := ledgertest.New(t).Start()
	for query, want := range map[string]int{
		"": 2, "version=2": 2, "version=3": 3, "version=2&version=3": 3, "version=3&version=4": 4, "version=4&version=5": 4, "version=1&version=2": 2, "version=5": 0, "version=x": 0,
	} {
		t.Run(query, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.URL+"/v1/stream?"+query, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+l.Token(ledgertest.Sidecar, "pod-1", time.Hour))
			r.Header.Set(wire.GrantHeader, l.Grant(ledgertest.Sidecar, "pod-1", time.Hour, "newsletter"))
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if want == 0 {
				if res.StatusCode != http.StatusUnprocessableEntity {
					t.Fatalf("status %d", res.StatusCode)
				}
				return
			}
			s := &subscription{t: t, frames: wire.NewReader(bufio.NewReader(res.Body))}
			if h := next[wire.Hello](s, wire.TypeHello); h.Version != want {
				t.Fatalf("version %d", h.Version)
			}
		})
	}
}
