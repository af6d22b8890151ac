package confirm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/smtp"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/testkit/mailpit"
)

func TestMailsSpeakThePersonsLanguage(t *testing.T) {
	for name, c := range map[string]struct {
		language, subject, words string
		in                       []string
	}{
		"German":   {"de-CH", "Bitte bestätigen: Ihre Einwilligung für Shop GmbH", wordsDE, []string{"Guten Tag", "Newsletter per E-Mail", "01.11.2026, 12:00 Uhr UTC", "04.11.2026"}},
		"English":  {"en", "Please confirm: your consent for Shop GmbH", wordsEN, []string{"Hello", "1 November 2026, 12:00 UTC", "4 November 2026"}},
		"another":  {"fr", "Please confirm: your consent for Shop GmbH", wordsEN, []string{"Hello"}},
		"unknown":  {"", "Please confirm: your consent for Shop GmbH", wordsEN, []string{"Hello"}},
		"nonsense": {strings.Repeat("x", 99), "Please confirm: your consent for Shop GmbH", wordsEN, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, mailpit.Options{})
			w.pending(ada, c.language, "newsletter")
			w.send()
			got := w.mails.Mails(t, ada)
			if len(got) != 1 || got[0].Subject != c.subject {
				t.Fatalf("%d mails: %+v", len(got), got)
			}
			text := strings.ReplaceAll(got[0].Text, "\r", "")
			if !strings.Contains(text, "\n"+c.words+"\n") {
				t.Errorf("not word for word: %q", text)
			}
			for _, part := range c.in {
				if !strings.Contains(squeeze(text), part) {
					t.Errorf("no %q in %q", part, text)
				}
			}
			// The rich part says the same, and fetches nothing.
			html := strings.ReplaceAll(got[0].HTML, "\r", "")
			if !strings.Contains(html, strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(c.words)) || len(linkShape.FindAllString(html, -1)) != 1 {
				t.Errorf("HTML %q", html)
			}
			for _, never := range []string{"<img", "<script", "<link", "src=", "http://"} {
				if strings.Contains(html, never) {
					t.Errorf("the mail has %s", never)
				}
			}
			h := got[0].Header
			if h.Get("Auto-Submitted") != "auto-generated" || strings.Contains(h.Get("Message-Id"), "lovelace") {
				t.Errorf("headers %v", h)
			}
			for name := range h {
				if strings.HasPrefix(name, "List-") {
					t.Errorf("%s: it is no mailing list", name)
				}
			}
			w.nobodyShows()
		})
	}
}

func TestOneMailAsksForEverythingThatWaits(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	w.pending(ada, "de", "newsletter", "profiling", "offers")
	w.send()
	links := w.links(ada)
	if len(links) != 2 || w.outcome(Sent) != 1 {
		t.Fatalf("%d links, %d mails", len(links), w.outcome(Sent))
	}
	if err := w.Confirm(t.Context(), links[0]); err != nil {
		t.Fatal(err)
	}
	w.want(ada, given, pending, given)
}

// Four replicas, a person who submits a form ten times, and another one: one mail each a day.
func TestNoSecondMailWithinTheCoolDown(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	for range 3 {
		w.boxes = append(w.boxes, w.outbox(smtp.Options{Server: w.mails.SMTP, TLS: smtp.None}))
	}
	for range 10 {
		w.pending(ada, "de", "newsletter")
		w.send()
	}
	w.pending("other@seeded.example", "de", "newsletter")
	for range 12 {
		w.wait(2*time.Hour - 10*time.Minute)
		w.send()
	}
	if n := len(w.mails.Mails(t, ada)); n != 1 || len(w.mails.Mails(t, "other@seeded.example")) != 1 {
		t.Fatalf("%d mails within the cool-down", n)
	}
	w.wait(4 * time.Hour)
	w.send()
	if n := len(w.mails.Mails(t, ada)); n != 2 {
		t.Fatalf("%d mails after the cool-down: those who asked again get an answer", n)
	}
	// The last mail is about what still waits; once the same words are agreed to, nothing more is needed.
	if err := w.Confirm(t.Context(), tokensOf(w.mails.Mails(t, ada)[0].Text)[0]); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		w.wait(24 * time.Hour)
		w.send()
	}
	if n := len(w.mails.Mails(t, ada)); n != 2 {
		t.Fatalf("%d mails: somebody who agreed is asked again", n)
	}
	if b, err := w.db.Backlog(t.Context(), store.KindMail, w.clock()); err != nil || b.Waiting != 0 {
		t.Fatalf("%+v, %v", b, err)
	}
	w.nobodyShows()
}

func TestMailsThatAreNotNeededAnyMore(t *testing.T) {
	for name, c := range map[string]struct {
		happens consent.Event
		later   time.Duration
	}{
		"the person withdrew":           {consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"}, 0},
		"the person asked for erasure":  {consent.Event{Type: consent.EventErasureRequested}, 0},
		"the person was erased":         {consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer}, 0},
		"the time to confirm has ended": {consent.Event{Type: consent.EventAsked, Purpose: "newsletter"}, 72 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, mailpit.Options{})
			w.pending(ada, "de", "newsletter")
			tags, err := w.tags(ada)
			if err != nil {
				t.Fatal(err)
			}
			_, refused, err := w.db.Append(t.Context(), store.Append{Identities: identity(tags), Event: c.happens})
			if err := errors.Join(append(refused, err)...); err != nil {
				t.Fatal(err)
			}
			w.wait(c.later)
			w.send()
			if n := len(w.mails.Mails(t, ada)); n != 0 || w.outcome(Sent) != 0 {
				t.Fatalf("%d mails", n)
			}
		})
	}
}

func TestAMailIsTriedAgainUntilItIsTaken(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	w.mails.Fail(t, "Recipient", 451, 100)
	w.pending(ada, "de", "newsletter")
	for range 20 {
		w.send()
		w.wait(slowest)
	}
	if w.outcome(Failed) < 10 || w.outcome(Sent) != 0 {
		t.Fatalf("tried %d times", w.outcome(Failed))
	}
	if b, err := w.db.Backlog(t.Context(), store.KindMail, w.clock()); err != nil || b.Waiting != 1 || w.clock().Sub(b.Oldest) < 20*slowest {
		t.Fatalf("%+v, %v", b, err)
	}
	w.mails.Fail(t, "Recipient", 451, 0)
	w.send()
	if len(w.links(ada)) != 1 {
		t.Fatal("no link")
	}
	w.nobodyShows()
}

func TestARefusalForGoodIsNotTriedAgain(t *testing.T) {
	w := newWorld(t, mailpit.Options{Accept: `^nobody@`})
	w.pending(ada, "de", "newsletter")
	for range 5 {
		w.send()
		w.wait(slowest)
	}
	if w.outcome(Refused) != 1 || w.outcome(Failed) != 0 {
		t.Fatalf("%v", w.outcomes)
	}
	if !strings.Contains(w.log.String(), "refused a message for good") {
		t.Error("nobody is told")
	}
	w.nobodyShows()
}

// A process that dies after the server took the mail, and before it could say so, has it sent again by another one: once, and as the same
// message.
func TestAMailSurvivesWhoSendsIt(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	w.pending(ada, "de", "newsletter")
	dying, cancel := context.WithCancel(t.Context())
	first := w.boxes[0]
	first.Service = &Service{Options: w.Options, poke: make(chan struct{}, 1)}
	first.Store = dead{w.db}
	if _, err := first.Once(dying); err == nil {
		t.Fatal("it lives on")
	}
	cancel()
	second := w.outbox(smtp.Options{Server: w.mails.SMTP, TLS: smtp.None})
	second.Service = w.Service
	w.boxes = []*Outbox{second}
	w.send()
	if n := len(w.mails.Mails(t, ada)); n != 1 {
		t.Fatalf("%d mails while the lease lasts", n)
	}
	for range 5 {
		w.wait(lease)
		w.send()
	}
	got := w.mails.Mails(t, ada)
	if len(got) != 2 || got[0].MessageID != got[1].MessageID {
		t.Fatalf("%d mails", len(got))
	}
	// Both links are good.
	for _, m := range got {
		if err := w.Confirm(t.Context(), tokensOf(m.Text)[0]); err != nil {
			t.Fatal(err)
		}
	}
}

// dead is the store of a process that dies before it can settle.
type dead struct{ Store }

func (dead) Settle(context.Context, store.AttachmentID, time.Time) error {
	return errors.New("the process is dead")
}

func TestAMailWaitsForItsWords(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	bundle := w.bundle
	w.bundle = nil
	w.pending(ada, "de", "newsletter")
	w.send()
	if w.outcome(Postponed) != 1 {
		t.Fatalf("%v", w.outcomes)
	}
	short := *bundle
	short.Notices = []ir.Notice{{Name: "newsletter-v1", Texts: []ir.Text{{Language: "de", SHA256: bundle.Notices[0].Texts[0].SHA256}}}}
	w.bundle = &short
	w.wait(slowest)
	w.send()
	w.bundle = bundle
	w.wait(slowest)
	w.send()
	if len(w.links(ada)) != 1 || w.outcome(Postponed) != 2 {
		t.Fatalf("%v", w.outcomes)
	}
}

func TestTheOutboxWakesUp(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	box := w.boxes[0]
	box.Every = time.Hour // nothing but the poke can wake it
	var calls atomic.Int32
	sent := make(chan string, 1)
	box.Sender = failing{box.Sender, func(m smtp.Message) error {
		calls.Add(1)
		sent <- fmt.Sprintf("%v %+v", m, m)
		return nil
	}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- box.Run(ctx) }()
	w.pending(ada, "de", "newsletter")
	w.Poke()
	select {
	case text := <-sent:
		if strings.Contains(text, "lovelace") {
			t.Error("a message prints its person")
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was sent")
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestWhatCannotBeAskedFor(t *testing.T) {
	w := newWorld(t, mailpit.Options{})
	tags, err := w.tags(ada)
	if err != nil {
		t.Fatal(err)
	}
	event := func(n byte) []store.Append {
		who := identity(tags)
		if n != 0 {
			who = identity([]consent.Tag{{n}})
		}
		return []store.Append{{Identities: who, Event: consent.Event{Type: consent.EventGiven, Purpose: "newsletter", Notice: "newsletter-v1", Pending: true}}}
	}
	sound := Ask{Address: ada, ValidFor: time.Hour, AgainAfter: time.Hour}
	for name, c := range map[string]struct {
		events []store.Append
		change func(a *Ask)
	}{
		"no address":                    {event(0), func(a *Ask) { a.Address = "ada" }},
		"the address of somebody else":  {event(9), func(*Ask) {}},
		"no time to confirm":            {event(0), func(a *Ask) { a.ValidFor = 0 }},
		"no cool-down":                  {event(0), func(a *Ask) { a.AgainAfter = 0 }},
		"an event that is about nobody": {[]store.Append{{Event: event(0)[0].Event}}, func(*Ask) {}},
	} {
		a := sound
		c.change(&a)
		if err := w.Ask(c.events, a); err == nil || strings.Contains(err.Error(), "lovelace") {
			t.Errorf("%s: %v", name, err)
		}
	}
	proven := event(0)
	proven[0].Event.Pending = false
	if err := w.Ask(proven, sound); err != nil || len(proven[0].Attachments) != 0 {
		t.Errorf("a grant that needs no confirmation: %d attachments, %v", len(proven[0].Attachments), err)
	}
}
