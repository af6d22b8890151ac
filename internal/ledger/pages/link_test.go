package pages_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ledger/pages"
)

func TestLinksAreNotUsedUpByWhoeverFetchesThem(t *testing.T) {
	s := newSite(t)
	for range 3 {
		for _, k := range []pages.LinkKind{pages.LinkConfirm, pages.LinkOpen, pages.LinkWithdraw} {
			s.enter(k)
			s.send(http.MethodHead, "/"+string(k)+"?token="+tokenFor+string(k), "")
			s.send(http.MethodHead, "/"+string(k), "")
			s.get("/" + string(k) + "?token=" + tokenFor + string(k) + "&List-Unsubscribe=One-Click&answer=confirm&seen=x")
		}
	}
	if did := s.done(); len(did) != 0 {
		t.Fatalf("fetching links did %v", did)
	}
	seen := s.enter(pages.LinkConfirm)
	if a := s.post("/confirm", "seen", seen, "answer", "confirm"); a.Header.Get("Location") != "/done/confirmed" || !slices.Equal(s.done(), []string{"confirm"}) {
		t.Fatalf("the button gave %d and did %v", a.StatusCode, s.done())
	}
}

func TestTokensLeaveTheAddressForACookie(t *testing.T) {
	s := newSite(t)
	s.client.Jar = nil
	for _, k := range []pages.LinkKind{pages.LinkConfirm, pages.LinkOpen, pages.LinkWithdraw} {
		token := tokenFor + string(k)
		a := s.get("/" + string(k) + "?lang=de&token=" + token)
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/"+string(k)+"?lang=de" || strings.Contains(a.text, token) {
			t.Errorf("%s: %d to %q", k, a.StatusCode, a.Header.Get("Location"))
		}
		c := a.Cookies()
		if len(c) != 1 || c[0].Value != token || !strings.HasPrefix(c[0].Name, "__Host-") || !c[0].HttpOnly || !c[0].Secure || c[0].Path != "/" || c[0].Domain != "" ||
			c[0].SameSite != http.SameSiteLaxMode || c[0].MaxAge > 1800 {
			t.Errorf("%s: cookies %v", k, c)
		}
		page := s.get("/"+string(k), "Cookie", c[0].Name+"="+token)
		if page.StatusCode != http.StatusOK || strings.Contains(page.text, token) {
			t.Errorf("%s: the page gave %d, or shows the token:\n%s", k, page.StatusCode, page.text)
		}
	}
	s = newSite(t)
	seen := s.enter(pages.LinkOpen)
	a := s.post("/open", "seen", seen)
	i := slices.IndexFunc(a.Cookies(), func(c *http.Cookie) bool { return c.Value == session })
	if i < 0 {
		t.Fatalf("opening gave %v", a.Cookies())
	}
	if c := a.Cookies()[i]; !strings.HasPrefix(c.Name, "__Host-") || !c.HttpOnly || !c.Secure || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteStrictMode ||
		c.MaxAge < 3500 || c.MaxAge > 3600 {
		t.Errorf("the session's cookie is %v", c)
	}
}

func TestLinksThatDoNotCountLookTheSame(t *testing.T) {
	s := newSite(t)
	s.spent[tokenFor+"open"] = true
	want := ""
	for _, c := range []struct{ page, cookie string }{
		{"open", tokenFor + "open"},
		{"open", "unknown-token-0000000000"},
		{"open", tokenFor + "confirm"},
		{"open", "short"},
		{"open", ""},
		{"confirm", tokenFor + "open"},
		{"withdraw", "unknown-token-0000000000"},
		{"confirm", "a b"},
	} {
		a := s.get("/"+c.page, "Cookie", "__Host-optup-"+c.page+"="+c.cookie)
		text := strings.ReplaceAll(a.text, "/"+c.page, "/PAGE")
		if want == "" {
			want = text
		}
		if a.StatusCode != http.StatusGone || text != want || !strings.Contains(text, `href="/"`) {
			t.Errorf("%+v gave %d:\n%s", c, a.StatusCode, text)
		}
	}
}

func TestAButtonAnswersWhatItsPageShowed(t *testing.T) {
	s := newSite(t)
	first := s.enter(pages.LinkConfirm)
	second := tokenFor + "confirm-of-another-wording"
	s.links[second] = s.links[tokenFor+"confirm"]
	if a := s.get("/confirm?token=" + second); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.StatusCode)
	}
	if a := s.post("/confirm", "seen", first, "answer", "confirm"); a.StatusCode != http.StatusConflict || len(s.done()) != 0 {
		t.Errorf("the button of the first page gave %d and did %v", a.StatusCode, s.done())
	}
	if a := s.post("/confirm", "answer", "confirm"); a.StatusCode != http.StatusConflict || len(s.done()) != 0 {
		t.Errorf("a button of no page gave %d and did %v", a.StatusCode, s.done())
	}
}

func TestOneClick(t *testing.T) {
	s := newSite(t)
	s.client.Jar = nil
	path := "/withdraw?token=" + tokenFor + "withdraw"
	if a := s.send(http.MethodPost, path, "List-Unsubscribe=One-Click", "Sec-Fetch-Site", ""); a.StatusCode != http.StatusOK {
		t.Errorf("one click gave %d: %s", a.StatusCode, a.text)
	}
	multipart := "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n"
	if a := s.send(http.MethodPost, path, multipart, "Sec-Fetch-Site", "", "Content-Type", "multipart/form-data; boundary=b"); a.StatusCode != http.StatusOK {
		t.Errorf("one click in parts gave %d: %s", a.StatusCode, a.text)
	}
	if did := s.done(); !slices.Equal(did, []string{"withdraw", "withdraw"}) {
		t.Errorf("two clicks did %v", did)
	}
	for _, body := range []string{"", "List-Unsubscribe=", "other=One-Click"} {
		if a := s.send(http.MethodPost, path, body, "Sec-Fetch-Site", ""); a.StatusCode == http.StatusOK {
			t.Errorf("a post of %q gave %d", body, a.StatusCode)
		}
	}
	if a := s.send(http.MethodPost, "/withdraw?token=unknown-token-0000000000", "List-Unsubscribe=One-Click", "Sec-Fetch-Site", ""); a.StatusCode != http.StatusGone {
		t.Errorf("an unknown token gave %d", a.StatusCode)
	}
	if did := s.done(); len(did) != 2 {
		t.Errorf("in the end there was %v", did)
	}
}
