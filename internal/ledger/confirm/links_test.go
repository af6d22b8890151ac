package confirm

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/evidence"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/token"
	"github.com/optup/optup/internal/testkit/mailpit"
)

const (
	pending     = consent.StatusPending
	given       = consent.StatusGiven
	invalidated = consent.StatusInvalidated
	withdrawn   = consent.StatusWithdrawn
)

func (w *world) want(address string, want ...consent.Status) {
	w.t.Helper()
	if got := w.statuses(address); !same(got, want) {
		w.t.Fatalf("grants %q, want %q", got, want)
	}
}

func TestDoubleOptIn(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	at := w.pending(ada, "de-AT", "newsletter", "offers")
	w.send()
	links := w.links(ada)
	if len(links) != 1 {
		t.Fatalf("%d links for one wording", len(links))
	}
	w.wait(time.Hour)
	looked, err := w.Look(t.Context(), links[0])
	if err != nil || looked.Kind != token.Confirm || looked.Touchpoint != "shop/form" || len(looked.Grants) != 2 || looked.Grants[1].Position != at[1] {
		t.Fatalf("%+v, %v", looked, err)
	}
	// Mail programs look at links. That changes nothing.
	for range 3 {
		if _, err := w.Look(t.Context(), links[0]); err != nil {
			t.Fatal(err)
		}
	}
	w.want(ada, pending, pending)
	if w.head() != at[1] {
		t.Fatal("looking appended something")
	}
	if err := w.Confirm(t.Context(), links[0]); err != nil {
		t.Fatal(err)
	}
	w.want(ada, given, given)
	for _, g := range w.record(ada).Grants {
		if g.Proof != consent.ProofMailboxConfirmed || !g.Since.Equal(w.clock()) {
			t.Errorf("proof %s since %v", g.Proof, g.Since)
		}
	}
	// Again, and twice at once: nothing new.
	head := w.head()
	if err := w.Confirm(t.Context(), links[0]); err != nil || w.head() != head {
		t.Fatalf("confirmed again: %v, head %d", err, w.head())
	}
	w.evidence(at[1]+1, at[1]+2)
	w.nobodyShows()
}

// evidence checks what proves the confirmations at positions.
func (w *world) evidence(positions ...consent.Position) {
	w.t.Helper()
	tags, err := w.tags(ada)
	if err != nil {
		w.t.Fatal(err)
	}
	all, err := w.db.Attachments(w.t.Context(), tags[0])
	if err != nil {
		w.t.Fatal(err)
	}
	var found []consent.Position
	addresses := 0
	for _, a := range all {
		switch a.Kind {
		case store.KindAddress:
			if addresses++; string(a.Body) != ada {
				w.t.Error("another address is kept")
			}
		case store.KindMail:
			w.t.Error("a message that was sent is kept")
		case store.KindEvidence:
			var e evidence.Evidence
			if err := json.Unmarshal(a.Body, &e); err != nil {
				w.t.Fatal(err)
			}
			if err := evidence.Check(e, consent.ProofMailboxConfirmed, w.clock()); err != nil {
				w.t.Error(err)
			}
			if e.WordingSHA256 != w.bundle.Notices[0].Texts[0].SHA256 || e.DoubleOptIn.Language != "de" {
				w.t.Error("the evidence is about other words")
			}
			found = append(found, a.Position)
		}
	}
	if addresses != 1 || !same(found, positions) {
		w.t.Errorf("%d addresses, evidence of %v, want %v", addresses, found, positions)
	}
}

func TestTwoClicksAtOnceAreOneConfirmation(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	at := w.pending(ada, "de", "newsletter")
	w.send()
	link := w.links(ada)[0]
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if err := w.Confirm(t.Context(), link); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if w.want(ada, given); w.head() != at[0]+1 {
		t.Fatalf("%d events", w.head())
	}
}

func TestLinksThatDoNotHold(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	w.pending(ada, "de", "newsletter")
	w.send()
	link := w.links(ada)[0]
	withdrawal, err := w.WithdrawalLink(ada, "newsletter")
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name, text string) {
		t.Helper()
		head := w.head()
		_, look := w.Look(t.Context(), text)
		errs := []error{w.Confirm(t.Context(), text), w.Disown(t.Context(), text), w.Withdraw(t.Context(), text), look}
		_, _, open := w.Open(t.Context(), text)
		_, _, session := w.Session(text)
		for i, err := range append(errs, open, session) {
			if !errors.Is(err, ErrLink) || err.Error() != ErrLink.Error() {
				t.Errorf("%s, call %d: %v", name, i, err)
			}
		}
		if w.head() != head {
			t.Errorf("%s: something was appended", name)
		}
	}
	refused("an unknown link", strings.Repeat("x", len(link)))
	refused("an altered link", link[:20]+"A"+link[21:])
	foreign, err := w.Tokens.Seal(token.Token{
		Kind: token.Confirm, Tags: []consent.Tag{{1}}, Grants: []token.Grant{{Position: 1, Purpose: "newsletter", Notice: "newsletter-v1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	refused("a link of somebody without that grant", foreign)
	for name, err := range map[string]error{
		"a withdrawal confirms":      w.Confirm(t.Context(), tokensOf(withdrawal)[0]),
		"a withdrawal disowns":       w.Disown(t.Context(), tokensOf(withdrawal)[0]),
		"a confirmation withdraws":   w.Withdraw(t.Context(), link),
		"a confirmation opens pages": func() error { _, _, err := w.Open(t.Context(), link); return err }(),
	} {
		if !errors.Is(err, ErrLink) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.wait(72*time.Hour - time.Second)
	if _, err := w.Look(t.Context(), link); err != nil {
		t.Fatal(err)
	}
	w.wait(time.Second)
	refused("an expired link", link)
	w.want(ada, pending)
}

// A link is about the words that the mail showed.
func TestALinkIsBoundToItsWording(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	at := w.pending(ada, "de", "newsletter")
	tags, err := w.tags(ada)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []token.Grant{{Position: at[0], Purpose: "newsletter", Notice: "newsletter-v2"}, {Position: at[0], Purpose: "offers", Notice: "newsletter-v1"}} {
		text, err := w.Tokens.Seal(token.Token{Kind: token.Confirm, Tags: tags[:1], Grants: []token.Grant{g}, Expires: w.clock().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Confirm(t.Context(), text); !errors.Is(err, ErrLink) {
			t.Errorf("%s: %v", g.Notice, err)
		}
	}
	w.want(ada, pending)
}

func TestThisWasNotMe(t *testing.T) {
	for name, confirm := range map[string]bool{"before": false, "after the confirmation": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, mailpit.Options{})
			w.pending(ada, "de", "newsletter", "offers")
			w.send()
			link := w.links(ada)[0]
			if confirm {
				if err := w.Confirm(t.Context(), link); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Disown(t.Context(), link); err != nil {
				t.Fatal(err)
			}
			w.want(ada, invalidated, invalidated)
			head := w.head()
			if err := w.Disown(t.Context(), link); err != nil || w.head() != head {
				t.Fatalf("disowned again: %v", err)
			}
			if err := w.Confirm(t.Context(), link); !errors.Is(err, ErrLink) {
				t.Fatalf("confirmed after all: %v", err)
			}
			if _, err := w.Look(t.Context(), link); !errors.Is(err, ErrLink) {
				t.Fatal(err)
			}
			w.want(ada, invalidated, invalidated)
		})
	}
}

// What the person said after the mail was sent counts more than the mail.
func TestAConfirmationIsNoWayAroundANo(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	w.pending(ada, "de", "newsletter")
	w.send()
	link := w.links(ada)[0]
	withdrawal, err := w.WithdrawalLink(ada, "newsletter")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Withdraw(t.Context(), tokensOf(withdrawal)[0]); err != nil {
		t.Fatal(err)
	}
	if err := w.Confirm(t.Context(), link); !errors.Is(err, ErrLink) {
		t.Fatal(err)
	}
	w.want(ada, withdrawn)
}

func TestWithdrawalWithOneClick(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	w.pending(ada, "de", "newsletter", "profiling")
	w.send()
	for _, link := range w.links(ada) {
		if err := w.Confirm(t.Context(), link); err != nil {
			t.Fatal(err)
		}
	}
	w.want(ada, given, given)
	url, err := w.WithdrawalLink(ada, "newsletter")
	if err != nil || !strings.HasPrefix(url, "https://consent.shop.example/withdraw?token=") || strings.Contains(url, "newsletter") {
		t.Fatalf("%q, %v", url, err)
	}
	link := tokensOf(url)[0]
	if looked, err := w.Look(t.Context(), link); err != nil || looked.Purpose != "newsletter" {
		t.Fatalf("%+v, %v", looked, err)
	}
	w.wait(5 * 365 * 24 * time.Hour) // mails are kept for long
	w.want(ada, given, given)
	for range 3 {
		if err := w.Withdraw(t.Context(), link); err != nil {
			t.Fatal(err)
		}
	}
	w.want(ada, withdrawn, given)
	if r := w.record(ada); len(r.Objections) != 1 {
		t.Fatalf("%d objections: a click that adds nothing was appended", len(r.Objections))
	}
	// The person comes back, and the link of an old mail still takes them out.
	w.pending(ada, "de", "newsletter")
	w.send()
	if err := w.Confirm(t.Context(), tokensOf(w.mails.Mails(t, ada)[0].Text)[0]); err != nil {
		t.Fatal(err)
	}
	w.want(ada, withdrawn, given, given)
	if err := w.Withdraw(t.Context(), link); err != nil {
		t.Fatal(err)
	}
	w.want(ada, withdrawn, given, withdrawn)
}

func TestWhoIsUnknownGetsOutAsWell(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	url, err := w.WithdrawalLink(ada, "newsletter")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Withdraw(t.Context(), tokensOf(url)[0]); err != nil {
		t.Fatal(err)
	}
	tags, err := w.tags(ada)
	if err != nil {
		t.Fatal(err)
	}
	for i, tag := range tags { // hashed forms, too: an ad network knows no other
		r, err := w.db.Lookup(t.Context(), tag)
		if err != nil || len(r.Objections) != 1 {
			t.Errorf("form %d: %d objections, %v", i, len(r.Objections), err)
		}
	}
	if _, err := w.WithdrawalLink("nobody", "newsletter"); !errors.Is(err, ErrAddress) {
		t.Error(err)
	}
}

func TestThePersonsPage(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	w.pending(ada, "de", "newsletter")
	w.send()
	if got := w.mails.Mails(t, ada); len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	// Known, asked a moment ago, unknown: nobody can tell these apart.
	for _, address := range []string{ada, ada, "nobody@seeded.example", " Ada.Lovelace@seeded.example "} {
		began := time.Now()
		if err := w.RequestPage(t.Context(), address, "en"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < asLong {
			t.Errorf("it took %v, which may tell something", took)
		}
	}
	if err := w.RequestPage(t.Context(), "nobody", "en"); !errors.Is(err, ErrAddress) {
		t.Error(err)
	}
	w.send()
	got := w.mails.Mails(t, ada)
	if len(got) != 2 || len(w.mails.Mails(t, "nobody@seeded.example")) != 0 {
		t.Fatalf("%d mails to who is known, %d to who is not", len(got), len(w.mails.Mails(t, "nobody@seeded.example")))
	}
	link := tokensOf(got[0].Text)[0]
	if looked, err := w.Look(t.Context(), link); err != nil || looked.Kind != token.Page {
		t.Fatal(err)
	}
	session, until, err := w.Open(t.Context(), link)
	if err != nil || !until.Equal(w.clock().Add(sessionFor)) {
		t.Fatalf("%v, %v", until, err)
	}
	if _, _, err := w.Open(t.Context(), link); !errors.Is(err, ErrLink) {
		t.Fatalf("the link opens twice: %v", err)
	}
	tags, ends, err := w.Session(session)
	want, _ := w.tags(ada)
	if err != nil || tags[0] != want[0] || !ends.Equal(until) {
		t.Fatalf("somebody else's page, or until %v, %v", ends, err)
	}
	w.wait(sessionFor)
	if _, _, err := w.Session(session); !errors.Is(err, ErrLink) {
		t.Fatalf("the page stays open: %v", err)
	}
	w.nobodyShows()
}

func TestWhoIsKnownByAHashGetsALinkToo(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	tags, err := w.tags(ada)
	if err != nil {
		t.Fatal(err)
	}
	_, refused, err := w.db.Append(t.Context(), store.Append{
		Identities: []store.Identity{{Tags: tags[1:2], Type: consent.IdentifierEmail}}, Event: consent.Event{Type: consent.EventRestricted},
	})
	if err := errors.Join(append(refused, err)...); err != nil {
		t.Fatal(err)
	}
	if err := w.RequestPage(t.Context(), ada, "de"); err != nil {
		t.Fatal(err)
	}
	w.send()
	if len(w.links(ada)) != 1 {
		t.Fatal("no link")
	}
}
