package shop

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func call(t *testing.T, h http.Handler, method, target, body string, into any) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatalf("%s %s: %v in %q", method, target, err, w.Body)
		}
	}
	return w.Code
}

const twoMails = `{"template_id":"d-newsletter","from":{"email":"post@gartenhaus.example"},"subject":"Neues",
	"personalizations":[{"to":[{"email":"Anna@example.org"}]},{"to":[{"email":"bert@example.org"},{"email":"anna@example.org"}]}]}`

func TestESPCountsMailsAndDistinctAddressees(t *testing.T) {
	e := NewESP()
	before := time.Now().Add(-time.Second)
	for range 2 {
		if status := call(t, e.Handler(), "POST", "/v3/mail/send", twoMails, nil); status != http.StatusAccepted {
			t.Fatalf("answered %d", status)
		}
	}
	var stats ESPStats
	call(t, e.Admin(), "GET", "/stats", "", &stats)
	if got := stats.Templates["d-newsletter"]; got != (TemplateStats{Requests: 2, Mails: 6, Distinct: 2}) {
		t.Errorf("counted %+v", got)
	}
	var seen Seen
	call(t, e.Admin(), "GET", "/seen?template=d-newsletter&email=ANNA@example.org", "", &seen)
	if seen.Count != 4 || seen.Last.Before(before) || seen.LastSubject != "Neues" {
		t.Errorf("saw %+v", seen)
	}
	seen = Seen{Count: -1}
	call(t, e.Admin(), "GET", "/seen?template=d-invoice&email=anna@example.org", "", &seen)
	if seen != (Seen{}) {
		t.Errorf("saw %+v of another template", seen)
	}
	var list peopleList
	call(t, e.Admin(), "GET", "/people?template=d-newsletter", "", &list)
	if strings.Join(list.People, " ") != "anna@example.org bert@example.org" {
		t.Errorf("listed %v", list.People)
	}
	if status := call(t, e.Admin(), "POST", "/reset", "", nil); status != http.StatusNoContent || len(e.Stats().Templates) != 0 {
		t.Errorf("reset answered %d and left %+v", status, e.Stats())
	}
}

func TestESPRefusesWhatIsNoMail(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON":                              `to: anna`,
		"a template that nobody made":          strings.Replace(twoMails, "d-newsletter", "d-other", 1),
		"no sender":                            strings.Replace(twoMails, "post@gartenhaus.example", "", 1),
		"nobody":                               `{"template_id":"d-newsletter","from":{"email":"a@example.org"},"personalizations":[]}`,
		"a personalization without addressees": `{"template_id":"d-newsletter","from":{"email":"a@example.org"},"personalizations":[{"to":[]}]}`,
		"an addressee without address":         strings.Replace(twoMails, "bert@example.org", "bert", 1),
	} {
		e := NewESP()
		if status := call(t, e.Handler(), "POST", "/v3/mail/send", body, nil); status != http.StatusBadRequest {
			t.Errorf("%s was answered with %d", name, status)
		}
		if s := e.Stats(); len(s.Templates) != 0 {
			t.Errorf("%s was counted: %+v", name, s)
		}
	}
}

func TestESPShowsItsTemplates(t *testing.T) {
	h := NewESP().Handler()
	var got map[string]string
	if status := call(t, h, "GET", "/v3/templates/d-invoice", "", &got); status != http.StatusOK || got["id"] != TemplateInvoice {
		t.Errorf("answered %d %v", status, got)
	}
	if status := call(t, h, "GET", "/v3/templates/d-other", "", nil); status != http.StatusNotFound {
		t.Errorf("answered %d for a template that nobody made", status)
	}
}
