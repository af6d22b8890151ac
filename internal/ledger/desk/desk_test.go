package desk_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/wire"
)

const (
	ann  = "ann@example.org"
	bert = "bert@example.org"
)

func ids(grants []pages.Grant) []consent.PurposeID {
	var out []consent.PurposeID
	for _, g := range grants {
		out = append(out, g.Purpose.ID)
	}
	return out
}

func offered(p *pages.Person) []consent.PurposeID {
	var out []consent.PurposeID
	for _, o := range p.Offers {
		out = append(out, o.Purpose.ID)
	}
	return out
}

func TestWhatAPersonSees(t *testing.T) {
	w := newWorld(t)
	if p := w.page(ann); !p.Nobody || !slices.Equal(offered(p), []consent.PurposeID{"newsletter"}) || len(p.History)+len(p.Agreed) != 0 {
		t.Errorf("nobody sees %+v", p)
	}
	at := w.given(ann, "newsletter")
	w.happened(ann, consent.Event{Type: consent.EventGiven, Purpose: "profiling", Notice: "profiling-v1", Pending: true, Actor: consent.ActorTouchpoint})
	w.happened(bert, consent.Event{Type: consent.EventRefused, Purpose: "newsletter", Actor: consent.ActorPerson})
	p := w.page(ann)
	if len(p.Agreed) != 1 || len(p.Waiting) != 1 || len(p.Ended) != 0 {
		t.Fatalf("agreed %v, waiting %v, ended %v", ids(p.Agreed), ids(p.Waiting), ids(p.Ended))
	}
	g := p.Agreed[0]
	if g.Position != at || g.Purpose.Title.Text != "Newsletter" || g.Notice.Text.Text != "I agree: newsletter" || len(g.Notice.SHA256) != 64 || g.Touchpoint != "shop/newsletter" ||
		g.Proof != consent.ProofMailboxConfirmed || g.Hindered != "" || !g.Ends.Equal(g.Since.AddDate(0, 0, 730)) {
		t.Errorf("the grant is %+v", g)
	}
	if len(p.History) != 2 || p.History[1].Position != at || p.History[1].Actor != consent.ActorPerson || p.Position != p.History[0].Position {
		t.Errorf("the history is %+v at %d", p.History, p.Position)
	}
	german, err := w.Person(t.Context(), w.who(ann), "de")
	if err != nil || german.Agreed[0].Notice.Text.Text != "Ich willige ein: newsletter" || german.Agreed[0].Purpose.Title.Language != "de" {
		t.Errorf("in German: %+v, %v", german, err)
	}
	w.bundle = nil
	if p := w.page(ann); len(p.Agreed) != 1 || p.Agreed[0].Purpose.Title.Text != "newsletter" || p.Agreed[0].Notice.Text.Text != "" || len(p.Offers) != 0 {
		t.Errorf("without words: %+v", p)
	}
}

func TestWhatDataWasUsedForAndWhatWasWithheld(t *testing.T) {
	w := newWorld(t)
	w.given(ann, "newsletter")
	w.happened(bert, consent.Event{Type: consent.EventRefused, Purpose: "newsletter", Actor: consent.ActorPerson})
	first := w.now
	mail := wire.Decided{Effect: "permit", Purpose: "newsletter", Service: "shop/esp", Party: "Example Mail Ltd", Mode: "Enforce"}
	w.used(ann, mail, "OK_CONSENT")
	w.now = w.now.Add(time.Hour)
	w.used(ann, mail, "OK_CONSENT")
	w.used(bert, mail, "OK_CONSENT")
	upload := wire.Decided{Effect: "permit-filtered", Purpose: "profiling", Service: "shop/ads", Mode: "Enforce"}
	w.used(ann, upload, "NO_GRANT") // others were on the list, too
	w.used(ann, wire.Decided{Effect: "deny", Purpose: "profiling", Service: "shop/ads", Mode: "Enforce"}, "NO_GRANT")
	w.used(ann, wire.Decided{Effect: "deny", Purpose: "profiling", Service: "shop/esp", Party: "Example Mail Ltd", Mode: "Observe"}, "NO_GRANT")
	p := w.page(ann)
	if len(p.Uses) != 2 || len(p.Withheld) != 1 {
		t.Fatalf("uses %+v, withheld %+v", p.Uses, p.Withheld)
	}
	// Where a policy only observes, the data went out although nobody had agreed: the person is told that it was used.
	if u := p.Uses[0]; u.Purpose.ID != "profiling" || u.Reason != "NO_GRANT" || u.Recipient != "Example Mail Ltd" {
		t.Errorf("what was only observed shows as %+v", u)
	}
	if u := p.Uses[1]; u.Count != 2 || u.Recipient != "Example Mail Ltd" || !u.First.Equal(first) || !u.Last.Equal(first.Add(time.Hour)) || u.Reason != "OK_CONSENT" {
		t.Errorf("two mails show as %+v", u)
	}
	if u := p.Withheld[0]; u.Count != 2 || u.Recipient != "shop/ads" || u.Reason != "NO_GRANT" || u.Purpose.Title.Text != "Evaluation of reactions" {
		t.Errorf("what was withheld shows as %+v", u)
	}
}

func TestActsOfAPerson(t *testing.T) {
	w := newWorld(t)
	first := w.given(ann, "newsletter")
	p := w.page(ann)
	if !slices.Equal(offered(p), []consent.PurposeID{"profiling"}) {
		t.Fatalf("offered: %v", offered(p))
	}
	w.must(ann, pages.Act{Kind: pages.ActWiden, Purpose: "profiling", Notice: "profiling-v1", BasedOn: p.Position, Language: "en"})
	p = w.page(ann)
	if !slices.Equal(ids(p.Agreed), []consent.PurposeID{"profiling", "newsletter"}) || p.History[0].Type != consent.EventWidened || p.History[0].Actor != consent.ActorPerson {
		t.Errorf("after widening: %v, %+v", ids(p.Agreed), p.History[0])
	}
	if g := w.record(ann).Grants[1]; g.WidenedFrom != first || g.Proof != consent.ProofMailboxConfirmed || g.Touchpoint != "shop/account" {
		t.Errorf("the widened grant is %+v", g)
	}
	w.must(ann, pages.Act{Kind: pages.ActWithdraw, Purpose: "profiling", BasedOn: p.Position})
	if p = w.page(ann); !slices.Equal(ids(p.Agreed), []consent.PurposeID{"newsletter"}) || !slices.Equal(ids(p.Ended), []consent.PurposeID{"profiling"}) {
		t.Errorf("after taking back: %v, ended %v", ids(p.Agreed), ids(p.Ended))
	}
	// As easily as it was taken back it is given again.
	if !slices.Equal(offered(p), []consent.PurposeID{"profiling"}) {
		t.Fatalf("after taking back, offered: %v", offered(p))
	}
	w.must(ann, pages.Act{Kind: pages.ActWiden, Purpose: "profiling", Notice: "profiling-v1", BasedOn: p.Position})
	if p = w.page(ann); !slices.Equal(ids(p.Agreed), []consent.PurposeID{"profiling", "newsletter"}) || p.Agreed[0].Hindered != "" {
		t.Errorf("after giving again: %v, %+v", ids(p.Agreed), p.Agreed)
	}
	w.must(ann, pages.Act{Kind: pages.ActObject})
	if p = w.page(ann); !p.Objected || p.Agreed[0].Hindered != "OBJECTED" {
		t.Errorf("after objecting: %t, %+v", p.Objected, p.Agreed[0])
	}
	w.must(ann, pages.Act{Kind: pages.ActLift, BasedOn: p.Position})
	if p = w.page(ann); p.Objected || p.Agreed[0].Hindered != "" {
		t.Errorf("after lifting: %t, %+v", p.Objected, p.Agreed[0])
	}
	w.must(ann, pages.Act{Kind: pages.ActRestrict})
	if p = w.page(ann); !p.Restricted || p.Agreed[0].Hindered != "RESTRICTED" || len(p.Offers) != 0 {
		t.Errorf("restricted: %t, %+v, %v", p.Restricted, p.Agreed[0], offered(p))
	}
	w.must(ann, pages.Act{Kind: pages.ActUnrestrict, BasedOn: p.Position})
	w.must(ann, pages.Act{Kind: pages.ActWithdrawAll})
	if p = w.page(ann); len(p.Agreed)+len(p.Waiting) != 0 || p.Restricted {
		t.Errorf("after taking everything back: %v, %v", ids(p.Agreed), ids(p.Waiting))
	}
	w.must(ann, pages.Act{Kind: pages.ActRefuse, Purpose: "newsletter", Notice: "newsletter-v1", BasedOn: p.Position})
	if p = w.page(ann); len(p.Offers) != 0 {
		t.Errorf("after refusing, offered: %v", offered(p))
	}
	w.must(ann, pages.Act{Kind: pages.ActErase})
	if p = w.page(ann); !p.Suppressed {
		t.Error("erasure was not noted")
	}
}

func TestObjectingToWhatRestsOnNoConsent(t *testing.T) {
	w := newWorld(t)
	if p := w.page(ann); len(p.Others) != 0 {
		t.Errorf("who bought nothing sees %+v", p.Others)
	}
	w.happened(ann, consent.Event{Type: consent.EventRelationship, Goods: []string{"shoes"}, ObjectionNotice: true, Actor: consent.ActorTouchpoint})
	p := w.page(ann)
	if len(p.Others) != 1 || p.Others[0].Purpose.ID != "similar" || p.Others[0].Ground != "existingCustomer" || p.Others[0].Hit {
		t.Fatalf("a customer sees %+v", p.Others)
	}
	w.must(ann, pages.Act{Kind: pages.ActObject, Purpose: "similar"})
	if p = w.page(ann); p.Objected || len(p.Others) != 1 || !p.Others[0].Hit || !p.Others[0].Objected {
		t.Errorf("after objecting to it: %+v", p.Others)
	}
	w.must(ann, pages.Act{Kind: pages.ActLift, Purpose: "similar", BasedOn: p.Position})
	if p = w.page(ann); p.Others[0].Hit {
		t.Errorf("after lifting: %+v", p.Others)
	}
}

// TestAnOldPageNeverPermits: what was said meanwhile wins over a page from before, and restricting never waits.
func TestAnOldPageNeverPermits(t *testing.T) {
	w := newWorld(t)
	w.given(ann, "newsletter")
	old := w.page(ann)
	widen := pages.Act{Kind: pages.ActWiden, Purpose: "profiling", Notice: "profiling-v1", BasedOn: old.Position}
	no := w.happened(ann, consent.Event{Type: consent.EventWithdrawn, Purpose: "profiling", Actor: consent.ActorPerson})
	if err := w.do(ann, widen); !errors.Is(err, pages.ErrOutdated) || w.record(ann).Position != no {
		t.Errorf("widening on an old page: %v; the newest position is %d, not %d", err, w.record(ann).Position, no)
	}
	w.must(ann, pages.Act{Kind: pages.ActObject})
	if err := w.do(ann, pages.Act{Kind: pages.ActLift, BasedOn: old.Position}); !errors.Is(err, pages.ErrOutdated) || !w.page(ann).Objected {
		t.Errorf("lifting an objection that the page did not know: %v", err)
	}
	w.must(ann, pages.Act{Kind: pages.ActRestrict, BasedOn: old.Position})
	if err := w.do(ann, pages.Act{Kind: pages.ActUnrestrict, BasedOn: old.Position}); !errors.Is(err, pages.ErrOutdated) || !w.page(ann).Restricted {
		t.Errorf("ending a restriction that the page did not know: %v", err)
	}
	w.must(ann, pages.Act{Kind: pages.ActWithdraw, Purpose: "newsletter", BasedOn: old.Position})
	w.must(ann, pages.Act{Kind: pages.ActErase, BasedOn: old.Position})
	if err := w.do(ann, pages.Act{Kind: pages.ActWithdraw, Purpose: "newsletter", BasedOn: 1000}); !errors.Is(err, pages.ErrOutdated) {
		t.Errorf("a page from the future: %v", err)
	}
}

func TestOnlyWhatIsOfferedIsAgreedTo(t *testing.T) {
	w := newWorld(t)
	w.given(ann, "newsletter")
	p := w.page(ann)
	before := w.record(ann).Position
	for name, a := range map[string]pages.Act{
		"what is given already":                {Purpose: "newsletter", Notice: "newsletter-v1"},
		"what needs another proof":             {Purpose: "calls", Notice: "calls-v1"},
		"a wording that covers something else": {Purpose: "calls", Notice: "profiling-v1"},
		"nothing":                              {},
	} {
		a.Kind, a.BasedOn = pages.ActWiden, p.Position
		if err := w.do(ann, a); !errors.Is(err, pages.ErrOutdated) || w.record(ann).Position != before {
			t.Errorf("%s: %v, position %d", name, err, w.record(ann).Position)
		}
	}
	for i := range w.bundle.Notices {
		w.bundle.Notices[i].Texts = nil
	}
	changed := *w.bundle
	w.bundle = &changed
	if err := w.do(ann, pages.Act{Kind: pages.ActWiden, Purpose: "profiling", Notice: "profiling-v1", BasedOn: p.Position}); !errors.Is(err, pages.ErrOutdated) {
		t.Errorf("a wording without words: %v", err)
	}
	if err := w.do(ann, pages.Act{Kind: pages.ActWithdraw}); !errors.Is(err, pages.ErrInput) {
		t.Errorf("taking back nothing: %v", err)
	}
}

func TestPressedTwice(t *testing.T) {
	w := newWorld(t)
	w.given(ann, "newsletter")
	p := w.page(ann)
	widen := pages.Act{Kind: pages.ActWiden, Purpose: "profiling", Notice: "profiling-v1", BasedOn: p.Position}
	w.must(ann, widen)
	_ = w.do(ann, widen) // taken, or out of date by now; never a second grant
	if r := w.record(ann); len(r.Grants) != 2 {
		t.Errorf("pressed twice: %d grants", len(r.Grants))
	}
	// Between two presses somebody agreed elsewhere: the second one counts.
	back := pages.Act{Kind: pages.ActWithdraw, Purpose: "newsletter", BasedOn: p.Position}
	w.must(ann, back)
	w.given(ann, "newsletter")
	w.must(ann, back)
	if p := w.page(ann); slices.Contains(ids(p.Agreed), "newsletter") {
		t.Error("the second withdrawal was taken for the first")
	}
}

func TestWhatHasEndedByItselfSaysSo(t *testing.T) {
	w := newWorld(t)
	w.given(ann, "newsletter")
	w.now = w.now.AddDate(0, 0, 731)
	p := w.page(ann)
	if len(p.Agreed) != 0 || len(p.Ended) != 1 || p.Ended[0].Status != consent.StatusExpired {
		t.Errorf("agreed %+v, ended %+v", p.Agreed, p.Ended)
	}
}

func TestEverythingIsExported(t *testing.T) {
	w := newWorld(t)
	w.given(ann, "newsletter")
	w.given(bert, "newsletter")
	w.used(ann, wire.Decided{Effect: "permit", Purpose: "newsletter", Service: "shop/esp", Party: "Example Mail Ltd", Mode: "Enforce"}, "OK_CONSENT")
	w.used(bert, wire.Decided{Effect: "permit", Purpose: "newsletter", Service: "shop/other", Party: "Somebody Else Ltd", Mode: "Enforce"}, "OK_CONSENT")
	w.must(ann, pages.Act{Kind: pages.ActWithdraw, Purpose: "newsletter"})
	out, err := w.Export(t.Context(), w.who(ann), "de")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"controller":"Example Shop GmbH"`, `"wording":"Ich willige ein: newsletter"`, `"type":"given"`, `"type":"withdrawn"`, `"status":"withdrawn"`, `"recipient":"Example Mail Ltd"`,
		`"by":"marketing/Deployment/mailer"`, `"reason":"OK_CONSENT"`,
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the export lacks %s:\n%s", want, raw)
		}
	}
	if strings.Contains(string(raw), "Somebody Else") || strings.Count(string(raw), `"type":"given"`) != 1 {
		t.Errorf("the export is about somebody else, too:\n%s", raw)
	}
}
