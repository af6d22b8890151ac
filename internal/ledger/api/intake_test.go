package api_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/api"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

// leads is a shop whose form also takes in the leads of somebody else's.
func leads(t *testing.T) (*ledgertest.Ledger, *confirmer) {
	t.Helper()
	l, c := shop(t)
	b := *l.Bundle.Load()
	b.Touchpoints = append([]ir.Touchpoint{}, b.Touchpoints...)
	b.Touchpoints[0].Intake = &ir.Intake{
		Email: "/lead/0/e~1mail", Phone: "/lead/0/phone", Language: "/lang", Evidence: []string{"/id"}, KeyGeneration: 2,
		Purposes: []ir.IntakePurpose{
			{Notice: "newsletter-v1", Purpose: "newsletter", Pointer: "/ticked/news"},
			{Notice: "profiling-v1", Purpose: "profiling", Pointer: "/ticked/profile", In: []string{"yes", "1"}},
		},
	}
	if _, err := ir.Encode(&b); err != nil {
		t.Fatal(err)
	}
	l.Bundle.Store(&b)
	return l, c
}

func sign(key string, at time.Time, body string) []string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(stamp + "." + body))
	return []string{"OptUp-Timestamp", stamp, "OptUp-Signature", "v1=" + hex.EncodeToString(mac.Sum(nil))}
}

func keyOf(t *testing.T, l *ledgertest.Ledger) string {
	t.Helper()
	status, text := l.Do(ledgertest.Officer, "GET", "/v1/touchpoints/shop/form/intake-key", "")
	var out struct{ Key string }
	if err := json.Unmarshal([]byte(text), &out); status != 200 || err != nil || len(out.Key) != 64 {
		t.Fatalf("status %d: %s", status, text)
	}
	if status, _ := l.Do(ledgertest.Writer, "GET", "/v1/touchpoints/shop/form/intake-key", ""); status != 403 {
		t.Errorf("a writer reads the key: status %d", status)
	}
	return out.Key
}

const lead = `{"id":17,"lang":"de","lead":[{"e/mail":"ada@example.org"}],"ticked":{"news":true,"profile":"no"}}`

func TestAForeignFormGivesWhatWasTickedAndNoMore(t *testing.T) {
	l, c := leads(t)
	key := keyOf(t, l)
	now := time.Now()
	headers := sign(key, now, lead)
	status, first := l.Do("", "POST", "/v1/intake/shop/form", lead, headers...)
	if status != 202 || first != `{"answers":[{"notice":"newsletter-v1","purpose":"newsletter","status":"pending"}]}`+"\n" {
		t.Fatalf("status %d: %s", status, first)
	}
	if len(c.asked) != 1 || c.asked[0].Address != "ada@example.org" || c.asked[0].Language != "de" {
		t.Errorf("asked to confirm: %+v", c.asked)
	}
	if status, again := l.Do("", "POST", "/v1/intake/shop/form", lead, headers...); status != 202 || again != first {
		t.Errorf("again: status %d: %s", status, again)
	}
	if h, _ := l.Store.Head(t.Context()); h.Position != 1 {
		t.Errorf("a repetition was appended: position %d", h.Position)
	}
	for _, body := range []string{
		strings.Replace(lead, `"news":true`, `"news":"true"`, 1), strings.Replace(lead, `"news":true`, `"news":1`, 1),
		strings.Replace(lead, `"news":true`, `"news":null`, 1), strings.Replace(lead, `"news":true,`, ``, 1),
	} {
		if status, text := l.Do("", "POST", "/v1/intake/shop/form", body, sign(key, now, body)...); status != 202 || text != `{"answers":[]}`+"\n" {
			t.Errorf("what is no yes was taken for one: status %d: %s", status, text)
		}
	}
	body := strings.Replace(lead, `"profile":"no"`, `"profile":1`, 1)
	if status, text := l.Do("", "POST", "/v1/intake/shop/form", body, sign(key, now, body)...); status != 202 || !strings.Contains(text, "profiling-v1") {
		t.Errorf("a value that is declared: status %d: %s", status, text)
	}
	tags, _ := l.Keys.Tags(ledgertest.Email("ada@example.org"))
	r, err := l.Store.Lookup(t.Context(), tags[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range r.Grants {
		if g.Status != consent.StatusPending {
			t.Errorf("%+v", g)
		}
	}
}

func TestOnlyWhoHasTheKeySendsAForm(t *testing.T) {
	l, _ := leads(t)
	key := keyOf(t, l)
	now := time.Now()
	other := strings.Replace(lead, "ada", "eve", 1)
	for name, c := range map[string]struct {
		path, body string
		header     []string
	}{
		"no signature":                       {"shop/form", lead, nil},
		"the signature of another body":      {"shop/form", other, sign(key, now, lead)},
		"another key":                        {"shop/form", lead, sign(strings.Repeat("0", 64), now, lead)},
		"too long ago":                       {"shop/form", lead, sign(key, now.Add(-6*time.Minute), lead)},
		"too far ahead":                      {"shop/form", lead, sign(key, now.Add(6*time.Minute), lead)},
		"a fresh time with an old signature": {"shop/form", lead, append(sign(key, now, lead)[:2:2], sign(key, now.Add(-10*time.Minute), lead)[2:]...)},
		"a touchpoint without an intake":     {"shop/banner", lead, sign(key, now, lead)},
		"a touchpoint that is not there":     {"shop/nothing", lead, sign(key, now, lead)},
		"an empty signature":                 {"shop/form", lead, append(sign(key, now, lead)[:2:2], "OptUp-Signature", "v1=")},
	} {
		t.Run(name, func(t *testing.T) {
			if status, text := l.Do("", "POST", "/v1/intake/"+c.path, c.body, c.header...); status != 401 || strings.Contains(text, key) {
				t.Errorf("status %d: %s", status, text)
			}
		})
	}
	if h, _ := l.Store.Head(t.Context()); h.Position != 0 {
		t.Errorf("something was appended: %d", h.Position)
	}
}

func TestAKeyIsRotatedWithoutLosingAForm(t *testing.T) {
	l, _ := leads(t)
	key := keyOf(t, l)
	turn := func(generation int) {
		b := *l.Bundle.Load()
		b.Touchpoints = append([]ir.Touchpoint{}, b.Touchpoints...)
		x := *b.Touchpoints[0].Intake
		x.KeyGeneration = generation
		b.Touchpoints[0].Intake = &x
		l.Bundle.Store(&b)
	}
	for generation, want := range map[int]int{3: 202, 4: 401} {
		turn(generation)
		if status, _ := l.Do("", "POST", "/v1/intake/shop/form", lead, sign(key, time.Now(), lead)...); status != want {
			t.Errorf("generation %d: status %d, want %d", generation, status, want)
		}
		if keyOf(t, l) == key {
			t.Errorf("generation %d has the same key", generation)
		}
	}
}

func TestFormsThatCannotBeRead(t *testing.T) {
	l, _ := leads(t)
	key := keyOf(t, l)
	for body, want := range map[string]int{
		`{"a":1,"a":2}`: 400, `nonsense`: 400, `{"ticked":{"news":true}}`: 422, `{"lead":[{"e/mail":"ada at home"}],"ticked":{"news":true}}`: 422,
		`[]`: 422, `{"lead":{"0":{"e/mail":7}}}`: 422,
	} {
		if status, text := l.Do("", "POST", "/v1/intake/shop/form", body, sign(key, time.Now(), body)...); status != want || strings.Contains(text, "ada") {
			t.Errorf("%s: status %d, want %d: %s", body, status, want, text)
		}
	}
}

// TestFormsAreLimited: those that are signed, by touchpoint; nobody without the key uses up what others have.
func TestFormsAreLimited(t *testing.T) {
	l, _ := leads(t)
	l.Stop()
	l.Limits = api.Limits{Forms: 3}
	l.Start()
	key := keyOf(t, l)
	for range 10 {
		if status, _ := l.Do("", "POST", "/v1/intake/shop/form", lead, sign("another key", time.Now(), lead)...); status != 401 {
			t.Fatalf("a wrong key: status %d", status)
		}
	}
	for n := range 3 {
		body := strings.Replace(lead, "17", strconv.Itoa(n+1), 1)
		if status, text := l.Do("", "POST", "/v1/intake/shop/form", body, sign(key, time.Now(), body)...); status != 202 {
			t.Fatalf("form %d: %d %s", n, status, text)
		}
	}
	before, _ := l.Store.Head(t.Context())
	status, head, text := l.DoHeader("", "POST", "/v1/intake/shop/form", lead, sign(key, time.Now(), lead)...)
	if wait, err := strconv.Atoi(head.Get("Retry-After")); status != 429 || err != nil || wait < 1 || wait > 20 {
		t.Errorf("one too many: %d %s, Retry-After %q", status, text, head.Get("Retry-After"))
	}
	if after, _ := l.Store.Head(t.Context()); after.Position != before.Position {
		t.Error("it was appended all the same")
	}
}
