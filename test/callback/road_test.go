package callback

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	anna = "anna@example.org"
	ben  = "ben@example.org"
	cleo = "cleo@example.org"
)

// TestWhatPeopleSayAtTheMailServiceHoldsForTheNextMail is the whole road: a signed call, an event in the ledger, facts in the same sidecar.
func TestWhatPeopleSayAtTheMailServiceHoldsForTheNextMail(t *testing.T) {
	w := open(t)
	for _, mail := range []string{anna, ben, cleo} {
		w.agree(mail, "newsletter", "tips")
	}
	w.agree(cleo, "reaction-profiling")
	for template, last := range map[string]string{"d-news": cleo, "d-tips": cleo} {
		w.ready(template, last)
	}
	w.soon("all three get the newsletter", func() bool { _, reached := w.send("d-news", anna, ben, cleo); return len(reached) == 3 })
	before := w.at()

	said := w.sign(event("unsubscribe", anna, "u1"), event("open", ben, "o1"), event("click", cleo, "c1"), event("delivered", ben, "d1"), event("bounce", cleo, "b1"), event("dance", cleo, "x1"))
	if status, body := w.post(said); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	if after := w.at(); after != before+1 {
		t.Errorf("the ledger stands at %d, not at %d: one event, and none for a bounce", after, before+1)
	}
	requests, bodies := w.app.take()
	if len(bodies) != 1 {
		t.Fatalf("the application got %q", bodies)
	}
	if r := requests[0]; r.URL.Path != hook || r.Header.Get("X-Twilio-Email-Event-Webhook-Signature") != "" || r.Header.Get("X-Forwarded-Host") == "" {
		t.Errorf("%s with %v", r.URL, r.Header)
	}
	var got []map[string]any
	if err := json.Unmarshal([]byte(bodies[0]), &got); err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, r := range got {
		mail, _ := r["email"].(string)
		seen[r["event"].(string)] = mail
		if r["event"] == "open" && (r["sg_event_id"] != nil || r["sg_message_id"] != nil) {
			t.Errorf("the open has lost its person and kept what leads to them: %v", r)
		}
	}
	// Who has just unsubscribed may not be used for the newsletter any more, and what nobody declared goes nowhere.
	if want := (map[string]string{"open": "", "click": cleo, "delivered": ben, "bounce": cleo}); !reflect.DeepEqual(seen, want) {
		t.Errorf("the application saw %v, want %v", seen, want)
	}
	if _, reached := w.send("d-news", anna, ben); !slices.Equal(reached, []string{ben}) {
		t.Errorf("the next mail reached %v", reached)
	}
	if _, reached := w.send("d-tips", anna); !slices.Equal(reached, []string{anna}) {
		t.Errorf("who left the newsletter gets the tips no more: %v", reached)
	}

	// A group stands for a purpose; a spam report says no to all advertising by mail.
	group := event("group_unsubscribe", ben, "g1")
	group["asm_group_id"] = 7
	if status, body := w.post(w.sign(group, event("spamreport", cleo, "s1"))); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	for template, want := range map[string][]string{"d-tips": {anna}, "d-news": {ben}} {
		if _, reached := w.send(template, anna, ben, cleo); !slices.Equal(reached, want) {
			t.Errorf("%s reached %v, want %v", template, reached, want)
		}
	}
	// The application was not called: nobody is left whom it may be told of.
	if _, bodies := w.app.take(); len(bodies) != 0 {
		t.Errorf("the application got %q", bodies)
	}
	for _, name := range []string{"sidecar.log", "ledger.log", filepath.Join("state", "bundle.json")} {
		if text, _ := os.ReadFile(filepath.Join(w.dir, name)); strings.Contains(string(text), "example.org") {
			t.Errorf("%s names a person", name)
		}
	}
}

// TestAnUnsubscribeOutlivesALedgerThatIsAway: while nobody can write it down, the mail service is told to come again, and when it does the
// event is there once.
func TestAnUnsubscribeOutlivesALedgerThatIsAway(t *testing.T) {
	w := open(t)
	w.agree(anna, "newsletter")
	w.agree(ben, "newsletter")
	w.ready("d-news", ben)
	before := w.at()
	said := w.sign(event("unsubscribe", anna, "u1"), event("delivered", ben, "d1"))
	if err := w.ledger.Stop(); err != nil {
		t.Fatal(err)
	}
	if status, body := w.post(said); status != http.StatusServiceUnavailable || !strings.Contains(body, "LEDGER_BEHIND") {
		t.Fatalf("%d %s", status, body)
	}
	if _, bodies := w.app.take(); len(bodies) != 0 {
		t.Errorf("the application got %q before the event was written down", bodies)
	}
	w.startLedger()
	w.soon("the mail service's next try is taken", func() bool { status, _ := w.post(said); return status == http.StatusOK })
	if after := w.at(); after != before+1 {
		t.Errorf("the ledger stands at %d, not at %d", after, before+1)
	}
	w.ready("d-news", ben)
	if _, reached := w.send("d-news", anna, ben); !slices.Equal(reached, []string{ben}) {
		t.Errorf("the next mail reached %v", reached)
	}
	// The application failed once: the same call counts once in the ledger, and is passed on again.
	w.app.take()
	w.refusing = http.StatusInternalServerError
	again := w.sign(event("unsubscribe", ben, "u2"), event("delivered", ben, "d2"), event("open", ben, "o2"))
	if status, _ := w.post(again); status != http.StatusInternalServerError {
		t.Errorf("%d", status)
	}
	w.refusing = 0
	for range 3 {
		if status, body := w.post(again); status != http.StatusOK {
			t.Errorf("%d %s", status, body)
		}
	}
	if _, bodies := w.app.take(); len(bodies) != 2 {
		t.Errorf("the application got it %d times: once it failed, once it took it, and repetitions are not for it", len(bodies))
	}
	if after := w.at(); after != before+2 {
		t.Errorf("the ledger stands at %d, not at %d", after, before+2)
	}
}

// TestWhatIsNotSignedIsRefused, and what only looks like another path.
func TestWhatIsNotSignedIsRefused(t *testing.T) {
	w := open(t)
	w.agree(anna, "newsletter")
	w.ready("d-news", anna)
	before := w.at()
	sound := func() call { return w.sign(event("unsubscribe", anna, "u1")) }
	stranger := &world{t: t, key: newKey(t)}
	for name, c := range map[string]struct {
		change func(c *call)
		more   []string
		status int
	}{
		"unsigned":             {func(c *call) { c.signature = "" }, nil, 403},
		"no signature":         {func(c *call) { c.signature = "!" }, nil, 403},
		"another key":          {func(c *call) { *c = stranger.sign(event("unsubscribe", anna, "u1")) }, nil, 403},
		"a changed body":       {func(c *call) { c.body = []byte(strings.Replace(string(c.body), "anna", "hans", 1)) }, nil, 403},
		"a changed time":       {func(c *call) { c.stamp = "1600000000" }, nil, 403},
		"too old":              {func(c *call) { *c = w.signAt(time.Now().Add(-26*time.Hour), c.body) }, nil, 403},
		"too far ahead":        {func(c *call) { *c = w.signAt(time.Now().Add(time.Hour), c.body) }, nil, 403},
		"another kind of body": {func(c *call) { c.kind = "text/plain" }, nil, 415},
		"an encoded body":      {func(*call) {}, []string{"Content-Encoding", "gzip"}, 415},
		"a body that is none":  {func(c *call) { *c = w.signAt(time.Now(), []byte(`[{"email":`)) }, nil, 400},
		"two members": {func(c *call) {
			*c = w.signAt(time.Now(), []byte(`[{"event":"open","event":"unsubscribe","email":"anna@example.org"}]`))
		}, nil, 400},
		"no list":               {func(c *call) { *c = w.signAt(time.Now(), []byte(`{"event":"unsubscribe","email":"anna@example.org"}`)) }, nil, 400},
		"a body too large":      {func(c *call) { *c = w.signAt(time.Now(), []byte(`["`+strings.Repeat("x", 4<<20)+`"]`)) }, nil, 413},
		"another method":        {func(c *call) { c.method = http.MethodPut }, nil, 403},
		"a query":               {func(c *call) { c.path += "?a=b" }, nil, 400},
		"a trailing slash":      {func(c *call) { c.path += "/" }, nil, 400},
		"another case":          {func(c *call) { c.path = "/Hooks/SendGrid" }, nil, 400},
		"an escape":             {func(c *call) { c.path = "/hooks/send%67rid" }, nil, 400},
		"a double escape":       {func(c *call) { c.path = "/hooks/send%2567rid" }, nil, 400},
		"an escaped slash":      {func(c *call) { c.path = "/hooks%2Fsendgrid" }, nil, 400},
		"dot segments":          {func(c *call) { c.path = "/x/../hooks/./sendgrid" }, nil, 400},
		"empty segments":        {func(c *call) { c.path = "/hooks//sendgrid" }, nil, 400},
		"a parameter":           {func(c *call) { c.path = "/hooks/sendgrid;v=1" }, nil, 400},
		"an extension":          {func(c *call) { c.path = "/hooks/sendgrid.json" }, nil, 400},
		"a backslash":           {func(c *call) { c.path = `/hooks\sendgrid` }, nil, 400},
		"another path's header": {func(c *call) { c.path = "/health" }, []string{"X-Original-URL", "/hooks/sendgrid"}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			one := sound()
			c.change(&one)
			w.app.take()
			if status, body := w.post(one, c.more...); status != c.status {
				t.Errorf("%d %s, want %d", status, body, c.status)
			}
			if _, bodies := w.app.take(); len(bodies) != 0 {
				t.Errorf("the application got %q", bodies)
			}
		})
	}
	if after := w.at(); after != before {
		t.Errorf("the ledger took %d events", after-before)
	}
	if _, reached := w.send("d-news", anna); len(reached) != 1 {
		t.Error("somebody was unsubscribed by nobody")
	}
	t.Run("other paths pass as they are", func(t *testing.T) {
		for _, path := range []string{"/health?x=%2F", "/hooks/other", "/hooks/sendgridx", "/hooks", "/a//b/../c"} {
			one := sound()
			one.path, one.signature, one.body = path, "", []byte("as it is")
			if status, body := w.post(one); status != http.StatusOK || body != "seen" {
				t.Errorf("%s: %d %s", path, status, body)
			}
			requests, bodies := w.app.take()
			if len(bodies) != 1 || bodies[0] != "as it is" || requests[0].RequestURI != path {
				t.Errorf("%s came as %q", path, bodies)
			}
		}
	})
}
