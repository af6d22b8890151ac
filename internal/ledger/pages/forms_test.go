package pages_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ledger/pages"
)

const formPath = "/v1/forms/shop/newsletter"

func (s *site) script(method, origin, body string) answer {
	s.t.Helper()
	return s.send(method, formPath, body, "Origin", origin, "Sec-Fetch-Site", "cross-site", "Content-Type", "application/json")
}

const ticked = `{"address":"` + address + `","language":"de","given":[{"purpose":"newsletter","notice":"newsletter-v1"}]}`

func TestOnlyPagesOfTheTouchpointAnswerForIt(t *testing.T) {
	s := newSite(t)
	for _, origin := range []string{"", "null", "https://evil.example", "https://shop.example.evil.example", "http://shop.example", "https://shop.example:8443"} {
		for _, method := range []string{http.MethodOptions, http.MethodPost} {
			a := s.script(method, origin, ticked)
			if a.StatusCode != http.StatusForbidden || a.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s from %q gave %d and %v", method, origin, a.StatusCode, a.Header)
			}
		}
	}
	if len(s.answers) != 0 {
		t.Fatalf("answers: %v", s.answers)
	}
	a := s.script(http.MethodOptions, "https://shop.example", "")
	if a.StatusCode != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Origin") != "https://shop.example" || a.Header.Get("Access-Control-Allow-Methods") != "POST" ||
		a.Header.Get("Access-Control-Allow-Credentials") != "" || !slices.Contains(a.Header.Values("Vary"), "Origin") {
		t.Errorf("the shop's preflight gave %d and %v", a.StatusCode, a.Header)
	}
	a = s.script(http.MethodPost, "https://shop.example", ticked)
	want := pages.Answer{Address: address, Language: "de", Given: []pages.Given{{Purpose: "newsletter", Notice: "newsletter-v1"}}}
	if a.StatusCode != http.StatusAccepted || len(s.answers) != 1 || s.answers[0].Address != want.Address || !slices.Equal(s.answers[0].Given, want.Given) || s.answers[0].Language != "de" {
		t.Errorf("the shop's answer gave %d and %v", a.StatusCode, s.answers)
	}
	if len(a.Cookies()) != 0 {
		t.Errorf("the form sets cookies: %v", a.Cookies())
	}
}

func TestTheWordingIsPublicAndNothingIsTicked(t *testing.T) {
	s := newSite(t)
	a := s.get(formPath+"?lang=de", "Origin", "https://anywhere.example")
	var w struct {
		Questions []struct {
			SHA256   string
			Purposes []map[string]any
		}
		Words map[string]string
	}
	if err := json.Unmarshal([]byte(a.text), &w); err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v: %s", a.StatusCode, err, a.text)
	}
	if a.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.HasPrefix(a.Header.Get("Cache-Control"), "public") || w.Questions[0].SHA256 == "" || w.Words["form.button"] != "Absenden" {
		t.Errorf("%v\n%s", a.Header, a.text)
	}
	page := s.get("/forms/shop/newsletter")
	if strings.Contains(page.text, "checked") || !strings.Contains(page.text, `type="checkbox"`) || !strings.Contains(page.text, `href="https://shop.example/newsletter"`) {
		t.Errorf("the page has no box, one that is ticked, or no way back:\n%s", page.text)
	}
}

// TestAFormOfTheShopOnlyOpensThePage: whoever posts from another origin gets the page with the address filled in, and nothing happens.
func TestAFormOfTheShopOnlyOpensThePage(t *testing.T) {
	s := newSite(t)
	a := s.send(http.MethodPost, "/forms/shop/newsletter", "address="+address+"&given=newsletter+newsletter-v1", "Sec-Fetch-Site", "cross-site", "Origin", "null")
	if a.StatusCode != http.StatusOK || !strings.Contains(a.text, `value="`+address+`"`) || strings.Contains(a.text, "checked") || len(s.answers) != 0 {
		t.Errorf("%d, %v:\n%s", a.StatusCode, s.answers, a.text)
	}
}

func TestAnswersOnThePage(t *testing.T) {
	s := newSite(t)
	path := "/forms/shop/newsletter/answers"
	for _, c := range []struct {
		fields []string
		wrong  []string
	}{
		{[]string{"address", "nobody", "given", "newsletter newsletter-v1"}, []string{"address"}},
		{[]string{"address", address}, []string{"boxes"}},
		{nil, []string{"address", "boxes"}},
	} {
		a := s.post(path, c.fields...)
		if a.StatusCode != http.StatusUnprocessableEntity || len(s.answers) != 0 {
			t.Errorf("%v gave %d and %v", c.fields, a.StatusCode, s.answers)
		}
		for _, w := range []string{"address", "boxes"} {
			if strings.Contains(a.text, `id="wrong-`+w+`"`) != slices.Contains(c.wrong, w) {
				t.Errorf("%v: the page speaks of %s, or not:\n%s", c.fields, w, a.text)
			}
		}
	}
	a := s.send(http.MethodPost, path, "address="+address+"&given=newsletter+newsletter-v1", "Sec-GPC", "1")
	if a.StatusCode != http.StatusOK || len(s.answers) != 1 || !s.answers[0].NoSale || !strings.Contains(a.text, `href="https://shop.example/newsletter"`) {
		t.Errorf("%d, %v:\n%s", a.StatusCode, s.answers, a.text)
	}
}

func TestAnswersOfAFormAreSlowedDown(t *testing.T) {
	s := newSite(t)
	var last int
	for range 20 {
		last = s.script(http.MethodPost, "https://shop.example", ticked).StatusCode
	}
	if last != http.StatusTooManyRequests || len(s.answers) > 12 {
		t.Errorf("20 answers ended with %d; %d were taken", last, len(s.answers))
	}
}

func TestOriginOf(t *testing.T) {
	for address, want := range map[string]string{
		"https://Shop.example/newsletter?x=1": "https://shop.example", "https://shop.example:443/": "https://shop.example", "http://shop.example:8080": "http://shop.example:8080",
		"": "", "shop.example": "", "javascript:alert(1)": "", "https://": "",
	} {
		if got := pages.OriginOf(address); got != want {
			t.Errorf("%q has origin %q, not %q", address, got, want)
		}
	}
}
