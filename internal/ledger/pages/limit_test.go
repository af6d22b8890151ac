package pages_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/pages"
)

func TestValidWithdrawalsAreNeverSlowedDown(t *testing.T) {
	s := newSite(t)
	s.client.Jar = nil
	for i := range 400 {
		a := s.send(http.MethodPost, "/withdraw?token="+tokenFor+"withdraw", "List-Unsubscribe=One-Click", "Sec-Fetch-Site", "")
		if a.StatusCode != http.StatusOK {
			t.Fatalf("withdrawal %d gave %d", i, a.StatusCode)
		}
	}
}

func TestClientsAreSlowedDown(t *testing.T) {
	s := newSite(t, func(o *pages.Options) {
		o.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	ask := func(from string) int {
		t.Helper()
		return s.send(http.MethodPost, "/link", "address="+address, "X-Forwarded-For", from).StatusCode
	}
	busy := func(from string) bool { t.Helper(); return ask(from) == http.StatusTooManyRequests }
	for i := range 12 {
		if busy("203.0.113.7") {
			t.Fatalf("attempt %d was too many", i)
		}
	}
	if !busy("203.0.113.7") || !busy("198.51.100.1, 203.0.113.7") || !busy("198.51.100.1, 203.0.113.7, 10.1.2.3") {
		t.Error("a client that asks too often is not slowed down, or gets away with what it says of itself")
	}
	if busy("203.0.113.8") {
		t.Error("another client is slowed down")
	}
	for range 12 {
		ask("2001:db8:1:2::1")
	}
	if !busy("2001:db8:1:2:ffff::9") || busy("2001:db8:1:3::1") {
		t.Error("a network of IPv6 is not one client")
	}
	s.now = s.now.Add(time.Minute)
	if busy("203.0.113.7") {
		t.Error("after a minute the client is still slowed down")
	}
	// Without declared proxies nobody's word counts.
	s = newSite(t)
	for range 12 {
		ask("203.0.113.9")
	}
	if !busy("203.0.113.10") {
		t.Error("X-Forwarded-For of whoever sends it counts")
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	s := newSite(t)
	var last answer
	for range 40 {
		last = s.get("/open", "Cookie", "__Host-optup-open=unknown-token-0000000000")
	}
	if last.StatusCode != http.StatusTooManyRequests || last.Header.Get("Retry-After") == "" {
		t.Errorf("40 guesses ended with %d", last.StatusCode)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	s := newSite(t)
	large := strings.Repeat("x", 17<<10)
	for _, path := range []string{"/link", "/confirm", "/person/act", "/forms/shop/newsletter", "/forms/shop/newsletter/answers"} {
		if a := s.post(path, "address", large); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("POST %s of 17 KiB gave %d", path, a.StatusCode)
		}
	}
	if a := s.send(http.MethodPost, "/v1/forms/shop/newsletter", `{"address":"`+large+`"}`, "Content-Type", "application/json", "Origin", "https://shop.example"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("JSON of 17 KiB gave %d", a.StatusCode)
	}
	if len(s.mails)+len(s.answers) != 0 {
		t.Error("something was done")
	}
}
