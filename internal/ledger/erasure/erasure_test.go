package erasure

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/sqlite"
)

var (
	start  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	bundle = &ir.Bundle{Purposes: []ir.Purpose{
		{Name: "calls", Channels: []consent.Channel{consent.ChannelPhone}},
		{Name: "newsletter", Channels: []consent.Channel{consent.ChannelEmail}},
		{Name: "profiling"},
	}}
)

func TestHowLongProofIsKept(t *testing.T) {
	given := func(p consent.PurposeID) consent.Grant {
		return consent.Grant{Position: 1, Purpose: p, Status: consent.StatusWithdrawn, Before: consent.StatusGiven, Since: start}
	}
	renewed, waited := given("calls"), given("calls")
	renewed.Renewed = start.AddDate(1, 0, 0)
	waited.Before = consent.StatusPending
	for name, c := range map[string]struct {
		record consent.Record
		want   time.Time
	}{
		"who agreed to nothing":                {consent.Record{}, time.Time{}},
		"who never confirmed":                  {consent.Record{Grants: []consent.Grant{waited}}, time.Time{}},
		"a telephone call that was never made": {consent.Record{Grants: []consent.Grant{given("calls")}}, start.AddDate(5, 0, 0)},
		"the last telephone call": {
			consent.Record{Grants: []consent.Grant{given("calls")}, Used: map[consent.PurposeID]time.Time{"calls": start.AddDate(2, 0, 0)}}, start.AddDate(7, 0, 0),
		},
		"consent that was renewed":             {consent.Record{Grants: []consent.Grant{renewed}}, start.AddDate(6, 0, 0)},
		"a newsletter":                         {consent.Record{Grants: []consent.Grant{given("newsletter")}}, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)},
		"a purpose without a channel":          {consent.Record{Grants: []consent.Grant{given("profiling")}}, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)},
		"the longest of several":               {consent.Record{Grants: []consent.Grant{given("newsletter"), given("calls")}}, start.AddDate(5, 0, 0)},
		"a purpose that nobody knows any more": {consent.Record{Grants: []consent.Grant{given("gone")}}, start.AddDate(5, 0, 0)},
	} {
		if got := Ends(&c.record, bundle); !got.Equal(c.want) {
			t.Errorf("%s: until %v, want %v", name, got, c.want)
		}
	}
	for channel, p := range Periods {
		if p.Years == 0 || p.Statute == "" {
			t.Errorf("%s has no period, or no reason for it", channel)
		}
	}
}

type world struct {
	*Eraser
	t   *testing.T
	db  *sqlite.Store
	now time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: start}
	var err error
	if w.db, err = sqlite.Open(t.Context(), t.TempDir(), "key", bytes.Repeat([]byte{7}, 32), func() time.Time { return w.now }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	w.Eraser = &Eraser{Store: w.db, Bundle: func() *ir.Bundle { return bundle }, Now: func() time.Time { return w.now }, Logger: slog.New(slog.DiscardHandler)}
	return w
}

func (w *world) append(e consent.Event, evidence string) {
	w.t.Helper()
	a := store.Append{Identities: []store.Identity{{Tags: []consent.Tag{{1}}, Type: consent.IdentifierEmail, Plain: true}}, Event: e}
	if evidence != "" {
		a.Attachments = []store.Attachment{{Kind: store.KindEvidence, Body: []byte(evidence)}}
	}
	_, refused, err := w.db.Append(w.t.Context(), a)
	if err := errors.Join(append(refused, err)...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) given(p consent.PurposeID, basedOn consent.Position) {
	w.append(consent.Event{Type: consent.EventGiven, Purpose: p, Notice: "v1", Proof: consent.ProofSigned, Actor: consent.ActorPerson, BasedOn: basedOn}, "signature")
}

// once erases, and tells how much evidence is left.
func (w *world) once(want int) int {
	w.t.Helper()
	if n, err := w.Once(w.t.Context()); err != nil || n != want {
		w.t.Fatalf("%d were erased, want %d; %v", n, want, err)
	}
	got, err := w.db.Attachments(w.t.Context(), consent.Tag{1}, store.KindEvidence)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(got)
}

func TestEvidenceIsShreddedWhenItsTimeHasCome(t *testing.T) {
	w := newWorld(t)
	w.given("calls", 0)
	w.append(consent.Event{Type: consent.EventErasureRequested}, "")
	w.Bundle = func() *ir.Bundle { return nil }
	w.once(0)
	w.Bundle = func() *ir.Bundle { return bundle }
	for w.now = start; w.now.Before(start.AddDate(5, 0, 0)); w.now = w.now.AddDate(0, 1, 0) {
		if w.once(0) != 1 {
			t.Fatalf("nothing is left at %v", w.now)
		}
	}
	w.now = start.AddDate(5, 0, 1)
	if w.once(1) != 0 {
		t.Fatal("the evidence is still there")
	}
	w.now = w.now.AddDate(1, 0, 0)
	w.once(0)
	r, err := w.db.Lookup(t.Context(), consent.Tag{1})
	if err != nil || r.Suppressed == 0 {
		t.Fatalf("the suppression is gone, %v", err)
	}
}

func TestWhoGaveNothingIsErasedAtOnce(t *testing.T) {
	w := newWorld(t)
	w.append(consent.Event{Type: consent.EventErasureRequested}, "letter")
	if w.once(1) != 0 {
		t.Fatal("something is left")
	}
}

func TestWhoComesBackIsNotErased(t *testing.T) {
	w := newWorld(t)
	w.given("newsletter", 0)
	w.append(consent.Event{Type: consent.EventErasureRequested}, "")
	w.given("newsletter", 2)
	w.now = start.AddDate(10, 0, 0)
	if w.once(0) != 2 {
		t.Fatal("the evidence of what the person agreed to now is gone")
	}
}

// TestEvidenceGoesAfterTheRetentionOfItsPurpose, and not before: while the grant goes on, and as long as a statute has it kept, it stays.
func TestEvidenceGoesAfterTheRetentionOfItsPurpose(t *testing.T) {
	retained := func(channel consent.Channel, days int) *ir.Bundle {
		return &ir.Bundle{Purposes: []ir.Purpose{{Name: "p", Channels: []consent.Channel{channel}, EvidenceRetentionDays: days}}}
	}
	used := consent.Event{Type: consent.EventUsed, Purpose: "p"}
	withdrawn := consent.Event{Type: consent.EventWithdrawn, Purpose: "p"}
	for name, c := range map[string]struct {
		bundle *ir.Bundle
		events []consent.Event
		days   int // until which it is there, of 6 years; 0 for all of them
	}{
		"a year after the last use":           {retained(consent.ChannelEmail, 365), []consent.Event{used, withdrawn}, 365 + 100},
		"while the grant goes on":             {retained(consent.ChannelEmail, 365), []consent.Event{used}, 0},
		"a purpose that says nothing":         {retained(consent.ChannelEmail, 0), []consent.Event{used, withdrawn}, 0},
		"five years for telephone":            {retained(consent.ChannelPhone, 365), []consent.Event{used, withdrawn}, 5*365 + 1 + 100},
		"a purpose that nobody knows":         {&ir.Bundle{}, []consent.Event{used, withdrawn}, 0},
		"a purpose that says more than usual": {retained(consent.ChannelEmail, 5*365), []consent.Event{withdrawn}, 5 * 365},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Bundle = func() *ir.Bundle { return c.bundle }
			w.given("p", 0)
			for i, e := range c.events {
				if e.Type == consent.EventUsed {
					w.now = start.AddDate(0, 0, 100*(i+1))
				}
				w.append(e, "")
			}
			for day := 0; day < 6*365; day += 10 {
				if w.now = start.AddDate(0, 0, day); w.now.Before(start.AddDate(0, 0, 101)) {
					continue
				}
				if _, _, err := w.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				left := w.once(0)
				switch gone := c.days > 0 && day > c.days; {
				case !gone && left != 1:
					t.Fatalf("it is gone after %d days", day)
				case gone && day > c.days+31 && left != 0:
					t.Fatalf("it is there after %d days", day)
				}
			}
		})
	}
}
