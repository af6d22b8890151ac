package pages_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/testkit/browser"
)

// visit opens a link in the browser, and presses its button.
func visit(b *browser.Browser, s *site, k pages.LinkKind) {
	b.Go(s.URL + "/" + string(k) + "?token=" + tokenFor + string(k))
}

// open brings the browser to the person's page.
func open(b *browser.Browser, s *site) {
	visit(b, s, pages.LinkOpen)
	b.Enter("Open my page")
	s.spent = map[string]bool{}
}

// shown are pages that a browser is sent to; a path that ends in an ellipsis is a link that is opened with its token.
var shown = []string{
	"/", "/?why=ended", "/sent", "/confirm…", "/open…", "/withdraw…", "/done/confirmed", "/done/answered", "/person", "/person?done=widen", "/person/erase",
	"/forms/shop/newsletter", "/nothing", "/open?token=unknown-token-0000000000",
}

func show(b *browser.Browser, s *site, path, lang string) {
	if k, link := strings.CutSuffix(path, "…"); link {
		path = k + "?token=" + tokenFor + strings.TrimPrefix(k, "/")
	}
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	b.Go(s.URL + path + join + "lang=" + lang)
}

// TestPagesAreAccessible looks at every page in both languages, in light and dark: the checks of WCAG 2.2 A and AA that a program can make,
// no scrolling sideways at 320 pixels (a window of 1280 at 400 %), a focus that is seen wherever Tab goes, nothing from anywhere else, and
// nothing that the policy had to stop.
func TestPagesAreAccessible(t *testing.T) {
	s := newSite(t)
	b := browser.New(t, browser.Options{})
	open(b, s)
	for _, path := range shown {
		for _, lang := range []string{"de", "en"} {
			show(b, s, path, lang)
			for _, light := range []bool{true, false} {
				b.Light(light)
				violations, rules := b.Axe()
				for _, v := range violations {
					t.Errorf("%s in %s (light %t): %s", path, lang, light, v)
				}
				if rules < 15 {
					t.Errorf("%s: only %d rules were looked at", path, rules)
				}
			}
			b.Light(true)
			b.Size(320, 256)
			if wide := browser.Eval[int](b, "document.documentElement.scrollWidth"); wide > 320 {
				t.Errorf("%s in %s is %d pixels wide in a window of 320", path, lang, wide)
			}
			b.Size(1280, 900)
		}
		focusIsSeen(t, b, path)
	}
	quiet(t, b, s)
}

// focusIsSeen presses Tab until the focus is back at the start.
func focusIsSeen(t *testing.T, b *browser.Browser, path string) {
	t.Helper()
	stops := browser.Eval[int](b, `document.querySelectorAll("a[href],button,input:not([type=hidden]),summary").length`)
	hidden := browser.Eval[int](b, `[...document.querySelectorAll("details:not([open]) :is(a[href],button,input:not([type=hidden]))")].length`)
	seen := 0
	for range stops {
		b.Press(kb.Tab)
		f := b.Focused()
		if f.Tag == "body" {
			break
		}
		seen++
		if !f.Visible || f.Width < 2 || !f.Inside {
			t.Errorf("%s: the focus on %s %q is not seen: %+v", path, f.Tag, f.Name, f)
		}
	}
	if seen < stops-hidden-1 || seen == 0 {
		t.Errorf("%s: Tab stops %d times, and there are %d places to stop at", path, seen, stops-hidden)
	}
}

// quiet tells that nothing was asked of another origin, and nothing was stopped by a policy.
func quiet(t *testing.T, b *browser.Browser, s *site) {
	t.Helper()
	requests := b.Requests()
	for _, r := range requests {
		if _, url, _ := strings.Cut(r, " "); !strings.HasPrefix(url, s.URL+"/") {
			t.Errorf("a page made the browser send %s", r)
		}
		if strings.Contains(r, "seeded") || strings.Contains(r, "%40") {
			t.Errorf("a person is in an address: %s", r)
		}
	}
	if len(requests) == 0 {
		t.Error("no request was seen")
	}
	for _, r := range b.Reports() {
		t.Errorf("the browser reports: %s", r)
	}
}

// TestByKeyboard does everything with Tab, Space and Enter, without scripts, and has the address bar looked at after each step.
func TestByKeyboard(t *testing.T) {
	s := newSite(t)
	b := browser.New(t, browser.Options{})
	clean := func(path string) {
		t.Helper()
		if url := b.URL(); url != s.URL+path {
			t.Errorf("the address bar shows %s, not %s", url, path)
		}
	}
	b.Go(s.URL + "/")
	b.Tab("Your e-mail address")
	b.Type("nobody")
	b.Enter("Send me a link")
	b.Wait(`document.activeElement.id === "address"`)
	if !strings.HasPrefix(b.Title(), "Please check your input.") {
		t.Errorf("the title does not tell the error: %q", b.Title())
	}
	b.Press(kb.End)
	b.Type("@example.org")
	b.Enter("Send me a link")
	clean("/sent")

	visit(b, s, pages.LinkConfirm)
	clean("/confirm")
	if text := b.Text(); !strings.Contains(text, wording.Text.Text) {
		t.Errorf("the page of the confirmation does not show the wording:\n%s", text)
	}
	b.Enter("Yes, I agree to this")
	clean("/done/confirmed")
	visit(b, s, pages.LinkConfirm)
	b.Enter("This was not me")
	clean("/done/disowned")
	visit(b, s, pages.LinkWithdraw)
	b.Enter("Take my consent back")
	clean("/done/withdrawn")
	if did := s.done(); !slices.Equal(did, []string{"confirm", "confirm", "disown", "withdraw"}) {
		t.Errorf("the links did %v", did)
	}

	open(b, s)
	clean("/person")
	for _, button := range []string{
		"Take back: Newsletter", "Take everything back", "I agree: Newsletter", "No, do not ask again soon: Newsletter", "Lift my objection", "Object: Newsletter", "Lift the restriction",
	} {
		b.Enter(button)
		if !strings.HasPrefix(b.URL(), s.URL+"/person?done=") {
			t.Errorf("%q leads to %s:\n%s", button, b.URL(), b.Text())
		}
	}
	b.Enter("Erasure: what happens")
	b.Enter("Ask for erasure")
	clean("/person?done=erase")
	b.Enter("Deutsch")
	if text := b.Text(); !strings.Contains(text, "Ihr Löschverlangen") && !strings.Contains(text, "Worin Sie eingewilligt haben") {
		t.Errorf("the page did not become German:\n%s", text)
	}
	var kinds []pages.ActKind
	for _, a := range s.acts {
		kinds = append(kinds, a.Kind)
	}
	want := []pages.ActKind{
		pages.ActWithdraw, pages.ActWithdrawAll, pages.ActWiden, pages.ActRefuse, pages.ActLift, pages.ActObject, pages.ActUnrestrict, pages.ActErase,
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("the buttons did %v, not %v", kinds, want)
	}
	b.Enter("Meine Seite verlassen")
	if !strings.HasPrefix(b.URL(), s.URL+"/?") || slices.Contains(b.Cookies(), "__Host-optup-session") {
		t.Errorf("after leaving: %s, cookies %v", b.URL(), b.Cookies())
	}
	quiet(t, b, s)
}

// TestAnAnswerByKeyboard is the form on the ledger's own page.
func TestAnAnswerByKeyboard(t *testing.T) {
	s := newSite(t)
	b := browser.New(t, browser.Options{})
	b.Go(s.URL + "/forms/shop/newsletter")
	b.Enter("Send")
	if len(s.answers) != 0 || !strings.Contains(b.Text(), "Tick at least one box") || !strings.Contains(b.Text(), "Enter an e-mail address") {
		t.Errorf("an empty form was taken, or not explained:\n%s", b.Text())
	}
	if violations, _ := b.Axe(); len(violations) != 0 {
		t.Errorf("the page with errors: %v", violations)
	}
	b.Tab("Your e-mail address")
	b.Type(address)
	b.Tab("Newsletter")
	b.Press(" ")
	b.Enter("Send")
	if len(s.answers) != 1 || s.answers[0].Address != address || len(s.answers[0].Given) != 1 {
		t.Fatalf("the answer was %v", s.answers)
	}
	quiet(t, b, s)
}

// TestASecondTabIsTold opens two links, and presses the button of the first.
func TestASecondTabIsTold(t *testing.T) {
	s := newSite(t)
	b := browser.New(t, browser.Options{})
	visit(b, s, pages.LinkConfirm)
	second := tokenFor + "confirm-of-another-wording"
	s.links[second] = s.links[tokenFor+"confirm"]
	b.Keep(s.URL, "__Host-optup-confirm", second)
	b.Enter("Yes, I agree to this")
	if !strings.Contains(b.Text(), "Nothing was changed") || len(s.done()) != 0 {
		t.Errorf("the button of the first tab did %v:\n%s", s.done(), b.Text())
	}
}
