package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
	ledger "github.com/optup/optup/internal/ledger/client"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
	ledgerwire "github.com/optup/optup/internal/ledger/wire"
	"github.com/optup/optup/internal/uses"
)

// crowded is a road whose facts come from a ledger, and whose uses are recorded.
type crowded struct {
	*road
	ledger *ledgertest.Ledger
	feed   *ledger.Feed
	// purposes are those that the ledger is asked for; nil for all.
	purposes []consent.PurposeID

	mu    sync.Mutex
	parts []ledgerwire.Decided
}

// members are records with a number each.
var members = ir.Endpoint{
	Name: "members", Methods: []string{"GET"}, Path: "/v1/members", Processing: shows,
	Response: &ir.Message{Records: &ir.Records{Each: "/members/*", Identifier: "/email", Identifies: email, NotPersonal: []string{"/email", "/n"}}},
}

// lives tells what the people of the ledger did.
const agrees, withdrew = "agrees-%d@example.org", "withdrew-%d@example.org"

const livesOf = 40 // people who did the same

func newCrowded(t *testing.T) *crowded {
	t.Helper()
	c := &crowded{road: withEndpoints(t, ir.OnMissingDropRecord, "", members), ledger: ledgertest.New(t).Start()}
	given := consent.Event{
		Type: consent.EventGiven, Purpose: "profile-view", Notice: "profile-v1", Proof: consent.ProofMailboxConfirmed, Actor: consent.ActorPerson,
	}
	for i := range livesOf {
		c.ledger.Append(fmt.Sprintf(agrees, i), given)
		c.ledger.Append(fmt.Sprintf(withdrew, i), given)
		c.ledger.Append(fmt.Sprintf(withdrew, i), ledgertest.Withdrawn("profile-view"))
	}
	// Two hashes of one address, of whom different things are known: nobody can tell who is meant.
	tags, err := c.ledger.Keys.Tags(ledgertest.Email("twice@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range []consent.Event{given, {Type: consent.EventRestricted, Actor: consent.ActorPerson}} {
		if _, errs, err := c.ledger.Store.Append(t.Context(), store.Append{Identities: []store.Identity{{Tags: tags[1+i : 2+i]}}, Event: e}); err != nil || errs[0] != nil {
			t.Fatal(errs, err)
		}
	}
	c.follow()
	c.record()
	return c
}

func (c *crowded) follow() {
	c.t.Helper()
	bundle := c.current.Load().Index.Bundle()
	c.feed = ledger.New(ledger.Options{
		URL: c.ledger.URL, Logger: slog.New(slog.DiscardHandler), PingEvery: 20 * time.Millisecond,
		Token: func() (string, error) { return ledgertest.DevToken, nil },
		Purposes: func() (all []consent.PurposeID) {
			if c.purposes != nil {
				return c.purposes
			}
			for i := range bundle.Purposes {
				all = append(all, bundle.Purposes[i].Name)
			}
			return all
		},
		Timed: func() []consent.PurposeID { return decide.Timed(bundle) },
	})
	c.background(c.feed.Run)
	for controller := range c.current.Load().Facts {
		c.current.Load().Facts[controller] = c.feed
	}
	eventually(c.t, "the facts are fresh", func() bool { return c.feed.Now().Age >= 0 && c.feed.Position() >= 3*livesOf+2 })
}

func (c *crowded) record() {
	c.t.Helper()
	recorder, err := uses.New(uses.Options{Linger: 5 * time.Millisecond, Logger: slog.New(slog.DiscardHandler), Send: c.take})
	if err != nil {
		c.t.Fatal(err)
	}
	c.proxy.Uses = recorder
	c.background(func(ctx context.Context) error {
		return recorder.Run(ctx, func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Second)
		})
	})
}

// background runs something until the test ends.
func (c *crowded) background(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
	})
}

func (c *crowded) take(_ context.Context, _ string, raw []byte) (ledgerwire.Taken, error) {
	var u ledgerwire.Uses
	err := json.Unmarshal(raw, &u)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parts = append(c.parts, u.Decisions...)
	return ledgerwire.Taken{}, err
}

// used waits for the record of an answer that has ended, and gives its people in their order.
func (c *crowded) used() (all []ledgerwire.Use) {
	c.t.Helper()
	eventually(c.t, "the answer is recorded to its end", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return slices.ContainsFunc(c.parts, func(d ledgerwire.Decided) bool { return d.Effect != "" })
	})
	slices.SortStableFunc(c.parts, func(a, b ledgerwire.Decided) int { return a.First - b.First })
	for _, p := range c.parts {
		all = append(all, p.Uses...)
	}
	return all
}

// ask gives the numbers of the members that came, and whether all of the answer did.
func (c *crowded) ask(body string) (got []int, whole bool) {
	c.t.Helper()
	c.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw(c.t, c.listen(service), get("GET /v1/members", "")))), nil)
	if err != nil {
		return nil, false
	}
	text, err := io.ReadAll(res.Body)
	for rest := string(text); ; {
		_, after, found := strings.Cut(rest, `"n":`)
		if !found {
			return got, err == nil && res.StatusCode == http.StatusOK
		}
		n := -1
		if _, err := fmt.Sscan(after[:strings.IndexAny(after, ",}")], &n); err != nil {
			c.t.Fatalf("%v in %.200s", err, after)
		}
		got, rest = append(got, n), after
	}
}

// member is one record of a list with what is to be decided about it.
type member struct {
	json string
	want decide.Reason
	// address that the record of the use names; empty where none can be.
	address string
}

func anyMember(r *rand.Rand, n int) member {
	i := r.IntN(livesOf)
	named := func(form string, want decide.Reason) member {
		address := fmt.Sprintf(form, i)
		written := address
		switch r.IntN(4) {
		case 0:
			written = strings.ToUpper(address) // the same person
		case 1:
			written = " " + address
		case 2:
			written = strings.Replace(address, "@", `\u0040`, 1)
		}
		return member{fmt.Sprintf(`{"email":"%s","n":%d}`, written, n), want, address}
	}
	switch r.IntN(9) {
	case 0, 1, 2:
		return named(agrees, decide.OKConsent)
	case 3, 4:
		return named(withdrew, decide.Withdrawn)
	case 5:
		return named("unknown-%d@example.org", decide.NoGrant)
	case 6:
		return member{fmt.Sprintf(`{"n":%d}`, n), decide.PersonUnresolved, ""}
	case 7:
		return member{fmt.Sprintf(`{"email":%d,"n":%d}`, i, n), decide.PersonUnresolved, ""}
	default:
		return member{fmt.Sprintf(`{"email":"nobody in particular","n":%d}`, n), decide.PersonUnresolved, ""}
	}
}

func list(all []member) string {
	var out strings.Builder
	for i := range all {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(all[i].json)
	}
	// Long enough to be decided about while it arrives.
	return `{"members":[` + out.String() + `],"about":"` + strings.Repeat("x", shortBody) + `"}`
}

// TestEachRecordHasTheVerdictOfItsOwnPerson: people are judged many at a time, and yet one by one.
func TestEachRecordHasTheVerdictOfItsOwnPerson(t *testing.T) {
	for seed := range uint64(4) {
		c := newCrowded(t)
		r := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // who comes after whom
		var all []member
		var want []int
		for n := range 9*jsonfilter.Batch + 7 {
			one := anyMember(r, n)
			if all = append(all, one); one.want.Permits() {
				want = append(want, n)
			}
		}
		got, whole := c.ask(list(all))
		if !whole || !slices.Equal(got, want) {
			t.Fatalf("seed %d: %d members came, and %d may: %v, %v", seed, len(got), len(want), got, want)
		}
		used := c.used()
		if len(used) != len(all) {
			t.Fatalf("seed %d: %d people are recorded of %d", seed, len(used), len(all))
		}
		for n, u := range used {
			var tag *ledgerwire.Tag
			if a := all[n].address; a != "" {
				tags, err := c.ledger.Keys.Tags(ledgertest.Email(a))
				if err != nil {
					t.Fatal(err)
				}
				tag = (*ledgerwire.Tag)(&tags[0])
			}
			if u.Reason != string(all[n].want) || (tag == nil) != (u.Tag == nil) || (tag != nil && *tag != *u.Tag) {
				t.Errorf("seed %d: of %s it is recorded that %s, and whose it is: %t", seed, all[n].json, u.Reason, u.Tag != nil)
			}
		}
		if s := c.proxy.Metrics.Summary()["profile-view"]; s.PeoplePermitted != int64(len(want)) || s.PeopleRefused != int64(len(all)-len(want)) {
			t.Errorf("seed %d: %+v", seed, s)
		}
	}
}

// TestNobodyCanTellWhoOneOfManyIs: then what is decided about at the same time does not leave, nor what comes later.
func TestNobodyCanTellWhoOneOfManyIs(t *testing.T) {
	for _, at := range []int{0, 1, jsonfilter.Batch - 1, jsonfilter.Batch, 2*jsonfilter.Batch + 5} {
		c := newCrowded(t)
		var all []member
		for n := range 4 * jsonfilter.Batch {
			address := fmt.Sprintf(agrees, n%livesOf)
			if n == at {
				address = "twice@example.org"
			}
			all = append(all, member{json: fmt.Sprintf(`{"email":"%s","n":%d}`, address, n)})
		}
		got, whole := c.ask(list(all))
		if whole || len(got) > at || slices.Max(append(got, -1)) >= at {
			t.Errorf("number %d: whole %t, and %v came", at, whole, got)
		}
	}
}

// TestAWithdrawalAmongMany reaches what is decided about afterwards, though the same people were decided about before.
func TestAWithdrawalAmongMany(t *testing.T) {
	c := newCrowded(t)
	const records = 40 * jsonfilter.Batch
	half, first := make(chan struct{}), fmt.Sprintf(agrees, 1)
	c.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"about":"`+strings.Repeat("x", shortBody)+`","members":[`)
		for n := range records {
			if n == records/2 {
				_ = http.NewResponseController(w).Flush()
				<-half
			}
			_, _ = fmt.Fprintf(w, `{"email":"%s","n":%d},`, []string{fmt.Sprintf(agrees, 0), first}[n%2], n)
		}
		_, _ = fmt.Fprintf(w, `{"email":"%s","n":%d}]}`, fmt.Sprintf(agrees, 0), records)
	}
	in := begun(t, c.listen(service), "/v1/members")
	people := map[bool]int{}
	for withdrawn := false; ; {
		one, err := in.ReadString('}')
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(one, `"n":`) {
			people[strings.Contains(one, first)]++
		}
		if people[false] >= records/4-1 && !withdrawn { // all of the first half came, but for what waits for the rest of its record
			withdrawn = true
			at := c.ledger.Append(first, ledgertest.Withdrawn("profile-view"))
			eventually(t, "the withdrawal is known", func() bool { return c.feed.Position() >= at })
			close(half)
		}
	}
	if people[true] < records/4-1 || people[true] > records/4 || people[false] != records/2+1 {
		t.Errorf("of who withdrew half way %d came, of who did not %d, of %d", people[true], people[false], records)
	}
}
