package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// caller is the sidecar of a workload that a mail service calls.
type caller struct {
	*ledgertest.Ledger
	t     *testing.T
	grant string
}

const hookService = "shop/sendgrid"

var (
	unsubscribes = identity.Restriction{Service: hookService, Type: consent.EventWithdrawn, Purpose: "newsletter"}
	complains    = identity.Restriction{Service: hookService, Type: consent.EventObjected, Scope: consent.ScopeChannel, Channel: consent.ChannelEmail}
)

func newCaller(t *testing.T, tells ...identity.Restriction) *caller {
	t.Helper()
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter", "advice"))
	l.Start()
	return &caller{Ledger: l, t: t, grant: l.GrantTo(ledgertest.Sidecar, "pod-1", []consent.PurposeID{"newsletter"}, tells...)}
}

// said is one event as the sidecar sends it.
func said(key, mail string, r identity.Restriction) wire.CallbackEvent {
	return wire.CallbackEvent{Key: key, Identifier: ledgertest.Email(mail), Type: r.Type, Scope: r.Scope, Channel: r.Channel, Purpose: r.Purpose}
}

func (c *caller) send(service string, events ...wire.CallbackEvent) (int, wire.CallbackTaken, string) {
	c.t.Helper()
	body, err := json.Marshal(wire.CallbackEvents{Version: wire.CallbacksVersion, Service: service, Events: events})
	if err != nil {
		c.t.Fatal(err)
	}
	status, answer := c.Do(ledgertest.Sidecar, "POST", wire.CallbacksPath, string(body), wire.GrantHeader, c.grant)
	var taken wire.CallbackTaken
	if status == 200 {
		if err := json.Unmarshal([]byte(answer), &taken); err != nil {
			c.t.Fatal(err)
		}
	}
	return status, taken, answer
}

func (c *caller) head() consent.Position {
	c.t.Helper()
	h, err := c.Store.Head(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	return h.Position
}

func (c *caller) record(mail string) *consent.Record {
	c.t.Helper()
	tags, err := c.Keys.Tags(ledgertest.Email(mail))
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := c.Store.Lookup(c.t.Context(), tags[0])
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func TestWhatACallbackTellsIsAppendedOnce(t *testing.T) {
	c := newCaller(t, unsubscribes, complains)
	c.Append("ada@example.org", ledgertest.Given("newsletter"))
	before := c.head()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	one, two := said("e-1 aa", "ada@example.org", unsubscribes), said("e-2 bb", "bob@example.org", complains)
	one.OccurredAt = at
	nobody := said("e-3 cc", "no address", unsubscribes)
	status, taken, body := c.send(hookService, one, two, nobody)
	if status != 200 || taken != (wire.CallbackTaken{Appended: 2, Refused: 1, Position: before + 2}) {
		t.Fatalf("%d %+v %s", status, taken, body)
	}
	if g := c.record("ada@example.org").Grants; len(g) != 1 || g[0].Status != consent.StatusWithdrawn {
		t.Errorf("%+v", g)
	}
	if o := c.record("bob@example.org").Objections; len(o) != 1 || o[0].Scope != consent.ScopeChannel || o[0].Channel != consent.ChannelEmail {
		t.Errorf("%+v", o)
	}
	// The same again, as services do, from another pod, and with a clock that was put right.
	one.OccurredAt = at.Add(time.Second)
	status, taken, body = c.send(hookService, one, two)
	if status != 200 || taken != (wire.CallbackTaken{Replayed: 2, Position: before + 2}) || c.head() != before+2 {
		t.Errorf("%d %+v %s; the log ends at %d", status, taken, body, c.head())
	}
	// One key for something else is not taken for the other.
	if status, taken, _ = c.send(hookService, said("e-1 aa", "cleo@example.org", unsubscribes)); status != 200 || taken.Refused != 1 || c.head() != before+2 {
		t.Errorf("%d %+v", status, taken)
	}
	logged := c.logged("ada@example.org")
	if e := logged[0]; e.Actor != consent.ActorTouchpoint || !e.OccurredAt.Equal(at) {
		t.Errorf("%+v", e)
	}
	if strings.Contains(c.Log.String(), "ada@") || strings.Contains(c.Log.String(), "no address") {
		t.Error("the log names a person")
	}
}

// logged are the events about somebody, the newest first.
func (c *caller) logged(mail string) []consent.Event {
	c.t.Helper()
	tags, err := c.Keys.Tags(ledgertest.Email(mail))
	if err != nil {
		c.t.Fatal(err)
	}
	all, err := store.Histories(c.Store).History(c.t.Context(), tags, 0, 10)
	if err != nil {
		c.t.Fatal(err)
	}
	out := make([]consent.Event, len(all))
	for i := range all {
		e, err := store.DecodeEntry(all[i].Entry)
		if err != nil {
			c.t.Fatal(err)
		}
		out[i] = e.Event
	}
	return out
}

// TestASidecarTellsWhatItsGrantNamesAndNothingElse: not of another purpose, channel, scope or service, and nothing that permits, whatever a
// grant may say.
func TestASidecarTellsWhatItsGrantNamesAndNothingElse(t *testing.T) {
	permits := identity.Restriction{Service: hookService, Type: consent.EventGiven, Purpose: "newsletter"}
	lifts := identity.Restriction{Service: hookService, Type: consent.EventObjectionLifted, Scope: consent.ScopePurpose, Purpose: "newsletter"}
	foreign := identity.Restriction{Service: hookService, Type: consent.EventWithdrawn, Purpose: "advice"}
	c := newCaller(t, unsubscribes, complains, permits, lifts, foreign)
	before := c.head()
	change := func(by func(*wire.CallbackEvent)) wire.CallbackEvent {
		e := said("k x", "ada@example.org", unsubscribes)
		by(&e)
		return e
	}
	for name, e := range map[string]struct {
		service string
		event   wire.CallbackEvent
	}{
		"of another service":                {"shop/brevo", said("k x", "ada@example.org", unsubscribes)},
		"of another purpose":                {hookService, change(func(e *wire.CallbackEvent) { e.Purpose = "advice" })},
		"of no purpose":                     {hookService, change(func(e *wire.CallbackEvent) { e.Purpose = "" })},
		"of another type":                   {hookService, change(func(e *wire.CallbackEvent) { e.Type = consent.EventObjected })},
		"of a wider scope":                  {hookService, said("k x", "ada@example.org", identity.Restriction{Type: consent.EventObjected, Scope: consent.ScopeAll})},
		"of another channel":                {hookService, said("k x", "ada@example.org", identity.Restriction{Type: consent.EventObjected, Scope: consent.ScopeChannel, Channel: consent.ChannelPhone})},
		"a grant, which its grant names":    {hookService, said("k x", "ada@example.org", permits)},
		"a lifting, which its grant names":  {hookService, said("k x", "ada@example.org", lifts)},
		"a purpose that it does not follow": {hookService, said("k x", "ada@example.org", foreign)},
	} {
		t.Run(name, func(t *testing.T) {
			// Beside one that it may tell: nothing of the call is taken.
			if status, _, body := c.send(e.service, said("k y", "bob@example.org", unsubscribes), e.event); status != 403 && status != 400 {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	if c.head() != before {
		t.Error("something was appended")
	}
	// Its grant is none for the other routes, and those of others none for this.
	given := fmt.Sprintf(`{"identifiers":[{"type":"email","value":"ada@example.org"}],"event":{"type":"withdrawn","purpose":%q}}`, "newsletter")
	if status, _ := c.Do(ledgertest.Sidecar, "POST", "/v1/events", given, wire.GrantHeader, c.grant); status != 403 {
		t.Errorf("POST /v1/events: %d", status)
	}
	own, _ := json.Marshal(wire.CallbackEvents{Version: 1, Service: hookService, Events: []wire.CallbackEvent{said("k x", "ada@example.org", unsubscribes)}})
	for name, grant := range map[string]string{
		"no grant": "", "a grant to read alone": c.Grant(ledgertest.Sidecar, "pod-1", time.Hour, "newsletter"),
		"that of another pod":   c.GrantTo(ledgertest.Sidecar, "pod-2", []consent.PurposeID{"newsletter"}, unsubscribes),
		"one that nobody knows": ledgertest.NewAuthority(t).GrantTo(ledgertest.Sidecar, "pod-1", []consent.PurposeID{"newsletter"}, unsubscribes),
	} {
		if status, body := c.Do(ledgertest.Sidecar, "POST", wire.CallbacksPath, string(own), wire.GrantHeader, grant); status != 403 {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	for _, role := range []string{ledgertest.Touchpoint, ledgertest.Officer, ledgertest.Writer} {
		if status, body := c.Do(role, "POST", wire.CallbacksPath, string(own)); status != 403 {
			t.Errorf("%s: %d %s", role, status, body)
		}
	}
	if status, body := c.Do("", "POST", wire.CallbacksPath, string(own), wire.GrantHeader, c.grant); status != 401 {
		t.Errorf("nobody: %d %s", status, body)
	}
	if c.head() != before {
		t.Error("something was appended")
	}
}

func TestEventsThatNoSidecarSendsAreRefused(t *testing.T) {
	c := newCaller(t, unsubscribes)
	sound := said("k x", "ada@example.org", unsubscribes)
	many := slices.Repeat([]wire.CallbackEvent{sound}, wire.MaxCallbackEvents+1)
	for name, in := range map[string]wire.CallbackEvents{
		"another version": {Version: 2, Service: hookService, Events: []wire.CallbackEvent{sound}},
		"no service":      {Version: 1, Events: []wire.CallbackEvent{sound}},
		"no event":        {Version: 1, Service: hookService},
		"too many":        {Version: 1, Service: hookService, Events: many},
		"no key":          {Version: 1, Service: hookService, Events: []wire.CallbackEvent{said("", "ada@example.org", unsubscribes)}},
		"a long key":      {Version: 1, Service: hookService, Events: []wire.CallbackEvent{said(strings.Repeat("k", 256), "ada@example.org", unsubscribes)}},
	} {
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		r := ledgertest.Seen
		ledgertest.Seen = nil // the description allows none of these
		status, answer := c.Do(ledgertest.Sidecar, "POST", wire.CallbacksPath, string(body), wire.GrantHeader, c.grant)
		ledgertest.Seen = r
		if status != 422 && status != 400 {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if c.head() != 0 {
		t.Error("something was appended")
	}
}
