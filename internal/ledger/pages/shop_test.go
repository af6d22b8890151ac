package pages_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/testkit/browser"
)

// shopPage is a page of a shop with the form, or with a link to the ledger's own page where no script runs.
const shopPage = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A shop</title><meta name="viewport" content="width=device-width"></head><body><main>
<h1>Our newsletter</h1>
<div id="newsletter"><form method="post" action="%[1]s/forms/shop/newsletter"><p><label>E-mail <input type="email" name="address"></label></p><p><button>Go on</button></p></form></div>
<script src="%[1]s/form.js" data-touchpoint="shop/newsletter" data-into="#newsletter" defer></script>
</main></body></html>`

// newShop serves the page from an origin of its own, under a policy that allows the ledger and nothing else.
func newShop(t *testing.T, s *site) *httptest.Server {
	t.Helper()
	shop := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src %[1]s; connect-src %[1]s; form-action %[1]s; require-trusted-types-for 'script'", s.URL))
		_, _ = fmt.Fprintf(w, shopPage, s.URL)
	}))
	t.Cleanup(shop.Close)
	s.form.Origins, s.form.Back = []string{pages.OriginOf(shop.URL)}, shop.URL+"/"
	return shop
}

// two is a form with two wordings, one of them with two purposes.
func two(s *site) {
	other := newsletter
	other.ID, other.Title.Text = "profiling", "Evaluation of what I open and click"
	third := wording
	third.ID, third.Text.Text = "calls-v1", "Example Shop GmbH may call me."
	calls := pages.Purpose{ID: "calls", Title: pages.Text{Language: "en", Text: "Calls"}}
	s.form.Questions = []pages.Question{
		{Notice: wording, Purposes: []pages.Purpose{newsletter, other}}, {Notice: third, Purposes: []pages.Purpose{calls}},
	}
}

// TestTheFormOnAPageOfAShop goes through the form by keyboard, under a strict policy of the shop.
func TestTheFormOnAPageOfAShop(t *testing.T) {
	s := newSite(t)
	two(s)
	shop := newShop(t, s)
	b := browser.New(t, browser.Options{Scripts: true})
	b.Go(shop.URL + "/")
	b.Wait(`document.querySelector("form.optup-form")`)
	if n := browser.Eval[int](b, `document.querySelectorAll("form.optup-form input[type=checkbox]").length`); n != 3 {
		t.Errorf("%d boxes for three purposes", n)
	}
	if n := browser.Eval[int](b, `document.querySelectorAll("form.optup-form input:checked").length`); n != 0 {
		t.Errorf("%d boxes are ticked before anybody did so", n)
	}
	accessible := func(what string) {
		t.Helper()
		violations, rules := b.Axe()
		for _, v := range violations {
			t.Errorf("%s: %s", what, v)
		}
		if rules < 10 {
			t.Errorf("%s: only %d rules were looked at", what, rules)
		}
	}
	accessible("the form")
	b.Size(320, 256)
	if wide := browser.Eval[int](b, "document.documentElement.scrollWidth"); wide > 320 {
		t.Errorf("the form is %d pixels wide in a window of 320", wide)
	}
	b.Size(1280, 900)

	press := func(button string) { t.Helper(); b.Tab(button); b.Press("\r") }
	press("Send")
	b.Wait(`document.activeElement.type === "email" && document.body.innerText.includes("Enter an e-mail address")`)
	accessible("the form with errors")
	b.Type(address)
	press("Send")
	b.Wait(`document.activeElement.type === "checkbox" && document.body.innerText.includes("Tick at least one box")`)
	b.Press(" ")
	b.Tab("Calls")
	b.Press(" ")
	press("Send")
	b.Wait(`document.body.innerText.includes("Please confirm there")`)
	if f := b.Focused(); !strings.HasPrefix(f.Name, "If we can send mail") {
		t.Errorf("the outcome does not get the focus: %+v", f)
	}
	accessible("the outcome")
	want := []pages.Given{{Purpose: "newsletter", Notice: "newsletter-v1"}, {Purpose: "calls", Notice: "calls-v1"}}
	if len(s.answers) != 1 || s.answers[0].Address != address || len(s.answers[0].Given) != 2 || s.answers[0].Given[0] != want[0] || s.answers[0].Given[1] != want[1] {
		t.Errorf("the answer was %+v", s.answers)
	}
	for _, r := range b.Requests() {
		if _, url, _ := strings.Cut(r, " "); !strings.HasPrefix(url, s.URL+"/") && !strings.HasPrefix(url, shop.URL+"/") {
			t.Errorf("the form made the browser send %s", r)
		}
	}
	if cookies := b.Cookies(); len(cookies) != 0 {
		t.Errorf("the form left cookies: %v", cookies)
	}
	if kept := browser.Eval[int](b, "localStorage.length + sessionStorage.length"); kept != 0 {
		t.Error("the form stored something")
	}
	for _, r := range b.Reports() {
		t.Errorf("the browser reports: %s", r)
	}
}

// TestAPageOfSomebodyElseGetsNoAnswerThrough: the wording is public, answers are not taken.
func TestAPageOfSomebodyElseGetsNoAnswerThrough(t *testing.T) {
	s := newSite(t)
	shop := newShop(t, s)
	s.form.Origins = []string{"https://shop.example"}
	b := browser.New(t, browser.Options{Scripts: true})
	b.Go(shop.URL + "/")
	b.Wait(`document.querySelector("form.optup-form")`)
	b.Tab("Your e-mail address")
	b.Type(address)
	b.Tab("Newsletter")
	b.Press(" ")
	b.Tab("Send")
	b.Press("\r")
	b.Wait(`document.body.innerText.includes("That did not work")`)
	if len(s.answers) != 0 {
		t.Errorf("answers: %v", s.answers)
	}
}

// TestWithoutScripts: the shop's own form opens the ledger's page with the address filled in, and the page leads back.
func TestWithoutScripts(t *testing.T) {
	s := newSite(t)
	shop := newShop(t, s)
	b := browser.New(t, browser.Options{})
	b.Go(shop.URL + "/")
	b.Tab("E-mail")
	b.Type(address)
	b.Enter("Go on")
	if url := b.URL(); url != s.URL+"/forms/shop/newsletter" || len(s.answers) != 0 {
		t.Fatalf("the shop's form leads to %s, and answered %v", url, s.answers)
	}
	b.Tab("Newsletter")
	b.Press(" ")
	b.Enter("Send")
	if len(s.answers) != 1 || s.answers[0].Address != address {
		t.Fatalf("the answer was %v", s.answers)
	}
	b.Enter("Back to where you came from")
	if url := b.URL(); url != shop.URL+"/" {
		t.Errorf("the way back leads to %s", url)
	}
}
