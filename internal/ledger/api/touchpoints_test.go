package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/asking"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
)

// confirmer notes who would be asked to confirm.
type confirmer struct {
	mu    sync.Mutex
	asked []asking.Confirmation
	poked int
}

func (c *confirmer) Ask(events []store.Append, who asking.Confirmation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range events {
		if e.Event.Pending {
			c.asked = append(c.asked, who)
		}
	}
	return nil
}

func (c *confirmer) Poke() { c.mu.Lock(); c.poked++; c.mu.Unlock() }

// shop is a ledger with a form that offers a newsletter, then profiling and an upload; and a banner that brings its own evidence.
func shop(t *testing.T) (*ledgertest.Ledger, *confirmer) {
	t.Helper()
	l, c := ledgertest.New(t), &confirmer{}
	b := ledgertest.NewBundle("newsletter", "profiling", "upload")
	for i, x := range []ir.Processing{ir.ProcessingSend, ir.ProcessingProfile, ir.ProcessingDisclose} {
		b.Purposes[i].Processing, b.Notices[i].Processing = []ir.Processing{x}, []ir.Processing{x}
		if i > 0 {
			b.Purposes[i].Channels, b.Purposes[i].Proofs = nil, nil
		}
	}
	form := &b.Touchpoints[0]
	form.OptIn = []consent.NoticeID{"newsletter-v1"}
	form.Ladder = []ir.LadderStep{{Notice: "profiling-v1", After: []consent.NoticeID{"newsletter-v1"}}, {Notice: "upload-v1"}}
	b.Touchpoints = append(b.Touchpoints, ir.Touchpoint{
		Name: "shop/banner", Controller: ledgertest.Controller, Place: ir.PlaceWebForm, CoolDownDays: 180, DeferDays: 14, Writers: []string{ledgertest.Writer},
		OptIn: []consent.NoticeID{"profiling-v1", "upload-v1"},
	})
	if _, err := ir.Encode(b); err != nil {
		t.Fatal(err)
	}
	l.Bundle.Store(b)
	l.Confirmer = c
	return l.Start(), c
}

type asks struct {
	Question *struct {
		Notice, Language, Text, SHA256 string
		Version                        int
		Purposes                       []struct{ Purpose, Title string }
		BasedOn, Widens                consent.Position
	}
	Held []struct{ Notice, Reason, Until string }
}

func next(t *testing.T, l *ledgertest.Ledger, at, body string, header ...string) asks {
	t.Helper()
	status, text := l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/"+at+"/next", body, header...)
	if status != 200 {
		t.Fatalf("status %d: %s", status, text)
	}
	var out asks
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

const (
	ada    = `"identifiers":[{"type":"email","value":"ada@example.org"}]`
	device = `"identifiers":[{"type":"device","value":"d-4711"}]`
)

var adaProven = ada + `,"proof":"MailboxConfirmed","evidence":` + proven["MailboxConfirmed"]

func TestFromNewsletterToOptUp(t *testing.T) {
	l, c := shop(t)
	answer := func(at, who, answers string, want int) string {
		t.Helper()
		status, text := l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/"+at+"/answers", `{`+who+`,"language":"de","answers":[`+answers+`]}`)
		if status != want {
			t.Fatalf("status %d, want %d: %s", status, want, text)
		}
		return text
	}
	q := next(t, l, "shop/form", `{"language":"de-AT"}`).Question
	if q == nil || q.Notice != "newsletter-v1" || q.Text != "Ja, newsletter." || q.Language != "de" || q.SHA256 != ir.TextOf("de", q.Text).SHA256 || q.BasedOn != 0 || len(q.Purposes) != 1 || q.Purposes[0].Title != "newsletter" {
		t.Fatalf("a visitor: %+v", q)
	}
	text := answer("shop/form", ada, fmt.Sprintf(`{"notice":"newsletter-v1","purpose":"newsletter","answer":"given","sha256":%q}`, q.SHA256), 200)
	if !strings.Contains(text, `"status":"pending"`) || strings.Contains(text, "position") || len(c.asked) != 1 || c.poked != 1 {
		t.Fatalf("pending: %s, %+v", text, c)
	}
	if a := c.asked[0]; a.Address != "ada@example.org" || a.Language != "de" || a.ValidFor.Hours() != 72 || a.AgainAfter.Hours() != 24 {
		t.Fatalf("asked %+v", a)
	}
	if got := next(t, l, "shop/form", `{`+adaProven+`}`); got.Question != nil || got.Held[0].Reason != "PENDING_CONFIRMATION" {
		t.Fatalf("while it waits: %+v", got)
	}
	l.Append("ada@example.org", consent.Event{Type: consent.EventConfirmed, Actor: consent.ActorPerson, Purpose: "newsletter", Proof: consent.ProofMailboxConfirmed})
	q = next(t, l, "shop/form", `{`+adaProven+`}`).Question
	if q == nil || q.Notice != "profiling-v1" || q.Widens != 1 || q.BasedOn != 2 {
		t.Fatalf("the next step: %+v", q)
	}
	text = answer("shop/form", adaProven, `{"notice":"profiling-v1","purpose":"profiling","answer":"given","basedOn":2}`, 200)
	if !strings.Contains(text, `"status":"given","position":3`) || len(c.asked) != 1 {
		t.Fatalf("widened: %s", text)
	}
	answer("shop/form", adaProven, `{"notice":"upload-v1","purpose":"upload","answer":"refused"}`, 200)
	got := next(t, l, "shop/form", `{`+adaProven+`}`)
	if got.Question != nil || got.Held[2].Reason != "COOLING_DOWN" || got.Held[2].Until == "" {
		t.Fatalf("after a refusal: %+v", got)
	}
	answer("shop/form", adaProven, `{"notice":"upload-v1","purpose":"upload","answer":"given","basedOn":3}`, 409)
	answer("shop/form", adaProven, `{"notice":"upload-v1","purpose":"upload","answer":"given","basedOn":4}`, 200)
	page, err := l.Store.Entries(t.Context(), 1, 10)
	if err != nil || len(page) != 5 {
		t.Fatalf("%d entries, %v", len(page), err)
	}
	for _, one := range page {
		e, err := store.DecodeEntry(one.Entry)
		if err != nil || (e.Event.Language != "de") != (e.Event.Type == consent.EventConfirmed) {
			t.Errorf("%s at %d says that the words were seen in %q, %v", e.Event.Type, one.Position, e.Event.Language, err)
		}
	}
}

// TestAVisitorLearnsNothingAboutAnybody: whatever the ledger knows about an address, whoever types it in gets the same answers.
func TestAVisitorLearnsNothingAboutAnybody(t *testing.T) {
	l, _ := shop(t)
	pasts := map[string][]consent.Event{
		"nobody": nil, "subscriber": {ledgertest.Given("newsletter")}, "refuser": {{Type: consent.EventRefused, Actor: consent.ActorPerson, Purpose: "newsletter"}},
		"leaver":    {ledgertest.Given("newsletter"), ledgertest.Withdrawn("newsletter")},
		"objector":  {{Type: consent.EventObjected, Actor: consent.ActorPerson, Scope: consent.ScopeAll}},
		"forgotten": {ledgertest.Given("newsletter"), {Type: consent.EventErasureRequested, Actor: consent.ActorPerson}},
		"limited":   {{Type: consent.EventRestricted, Actor: consent.ActorPerson}},
	}
	seen := map[string]string{}
	for name, events := range pasts {
		for _, e := range events {
			l.Append(name+"@example.org", e)
		}
		who := fmt.Sprintf(`"identifiers":[{"type":"email","value":"%s@example.org"}]`, name)
		for _, request := range [][]string{
			{"form/next", `{` + who + `}`},
			{"form/answers", `{` + who + `,"answers":[{"notice":"newsletter-v1","purpose":"newsletter","answer":"given"}]}`},
			{"form/answers", `{` + who + `,"answers":[{"notice":"newsletter-v1","purpose":"newsletter","answer":"refused"}]}`},
			{"form/answers", `{` + who + `,"answers":[{"notice":"newsletter-v1","purpose":"newsletter","answer":"deferred"}]}`},
			{"banner/answers", `{` + who + `,"answers":[{"notice":"upload-v1","purpose":"upload","answer":"given"}]}`},
			{"form/signals", `{` + who + `}`},
		} {
			status, text := l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/shop/"+request[0], request[1], "Sec-GPC", "1")
			got := fmt.Sprint(status, " ", text)
			key := request[0] + strings.ReplaceAll(request[1], name, "")
			if before, ok := seen[key]; ok && before != got {
				t.Errorf("%s tells %s apart: %s, not %s", request[0], name, got, before)
			}
			seen[key] = got
			if status >= 300 {
				t.Errorf("%s: %s", request[0], got)
			}
		}
	}
}

// TestAHeaderOfAStrangerIsNoActOfThePerson: anyone may restrict, but nobody writes in somebody's name by typing in their address.
func TestAHeaderOfAStrangerIsNoActOfThePerson(t *testing.T) {
	l, _ := shop(t)
	for who, want := range map[string]string{`"identifiers":[{"type":"email","value":"grace@example.org"}]`: `"actor": "touchpoint"`, adaProven: `"actor": "person"`} {
		if status, text := l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/shop/form/signals", `{`+who+`}`, "Sec-GPC", "1"); status != 204 {
			t.Fatalf("status %d: %s", status, text)
		}
		email := "grace@example.org"
		if who == adaProven {
			email = "ada@example.org"
		}
		_, text := l.Do(ledgertest.Officer, "POST", "/v1/people/export", `{"identifier":{"type":"email","value":"`+email+`"}}`)
		text = strings.ReplaceAll(text, `"actor":"`, `"actor": "`)
		if !strings.Contains(text, "objected") || !strings.Contains(text, want) {
			t.Errorf("the objection of %s is not said by %s: %s", email, want, text)
		}
	}
}

func TestAStrangerChangesNothing(t *testing.T) {
	l, _ := shop(t)
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	l.Append("ada@example.org", ledgertest.Given("upload"))
	l.Append("ada@example.org", ledgertest.Withdrawn("upload"))
	for at, answers := range map[string]string{
		"form":   `{"notice":"newsletter-v1","purpose":"newsletter","answer":"refused"},{"notice":"newsletter-v1","purpose":"newsletter","answer":"given"}`,
		"banner": `{"notice":"upload-v1","purpose":"upload","answer":"given"}`,
	} {
		if status, text := l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/shop/"+at+"/answers", `{`+ada+`,"answers":[`+answers+`]}`); status != 200 {
			t.Fatalf("status %d: %s", status, text)
		}
	}
	tags, _ := l.Keys.Tags(ledgertest.Email("ada@example.org"))
	r, err := l.Store.Lookup(t.Context(), tags[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Grants) != 3 || r.Grants[0].Status != consent.StatusGiven || r.Grants[1].Status != consent.StatusWithdrawn || r.Grants[2].Status != consent.StatusPending || len(r.Asks) != 0 {
		t.Errorf("%+v", r)
	}
	two := `{"identifiers":[{"type":"email","value":"ada@example.org"},{"type":"phone","value":"+49301234567"}],"answers":[{"notice":"newsletter-v1","purpose":"newsletter","answer":"given"}]}`
	if status, text := l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/shop/form/answers", two); status != 422 {
		t.Errorf("a stranger links a telephone: status %d: %s", status, text)
	}
}

func TestAnswersThatAreRefused(t *testing.T) {
	l, _ := shop(t)
	one := `{"notice":"newsletter-v1","purpose":"newsletter","answer":"given"}`
	for name, c := range map[string]struct {
		subject, at, body string
		want              int
		says              string
	}{
		"somebody else's touchpoint":     {ledgertest.Writer, "shop/till", `{` + ada + `,"answers":[` + one + `]}`, 403, "spec.writers"},
		"a touchpoint that is not there": {ledgertest.Touchpoint, "shop/till", `{` + ada + `,"answers":[` + one + `]}`, 404, "no such touchpoint"},
		"a caller without a role":        {ledgertest.Reader, "shop/form", `{` + ada + `,"answers":[` + one + `]}`, 403, "touchpoint"},
		"nobody":                         {ledgertest.Writer, "shop/form", `{"answers":[` + one + `]}`, 422, "name one identifier"},
		"nothing":                        {ledgertest.Writer, "shop/form", `{` + ada + `,"answers":[]}`, 422, "1 to 64"},
		"a wording that is not offered":  {ledgertest.Writer, "shop/banner", `{` + ada + `,"answers":[` + one + `]}`, 422, "does not ask"},
		"a purpose of another wording":   {ledgertest.Writer, "shop/form", `{` + ada + `,"answers":[{"notice":"newsletter-v1","purpose":"upload","answer":"given"}]}`, 422, "does not ask"},
		"an answer that is none":         {ledgertest.Writer, "shop/form", `{` + ada + `,"answers":[{"notice":"newsletter-v1","purpose":"newsletter","answer":"maybe"}]}`, 422, "does not ask"},
		"other words":                    {ledgertest.Writer, "shop/form", `{` + ada + `,"answers":[{"notice":"newsletter-v1","purpose":"newsletter","answer":"given","sha256":"00"}]}`, 422, "hash"},
		"a proof that is not shown":      {ledgertest.Writer, "shop/form", `{` + ada + `,"proof":"Signed","answers":[` + one + `]}`, 422, "evidence"},
		"evidence of another proof":      {ledgertest.Writer, "shop/form", `{` + ada + `,"proof":"Signed","evidence":` + proven["MailboxConfirmed"] + `,"answers":[` + one + `]}`, 422, "evidence"},
		"a proof that is none":           {ledgertest.Writer, "shop/form", `{` + ada + `,"proof":"Sworn","answers":[` + one + `]}`, 422, "proof"},
		"no mailbox to confirm":          {ledgertest.Writer, "shop/form", `{` + device + `,"answers":[` + one + `]}`, 422, "e-mail address"},
		"an identifier that is none":     {ledgertest.Writer, "shop/form", `{"identifiers":[{"type":"email","value":"ada"}],"answers":[` + one + `]}`, 422, "identifiers"},
	} {
		t.Run(name, func(t *testing.T) {
			status, text := l.Do(c.subject, "POST", "/v1/touchpoints/"+c.at+"/answers", c.body)
			if status != c.want || !strings.Contains(text, c.says) || strings.Contains(text, "ada@") {
				t.Errorf("status %d, want %d with %q: %s", status, c.want, c.says, text)
			}
		})
	}
	if h, err := l.Store.Head(t.Context()); err != nil || h.Position != 0 {
		t.Errorf("something was appended: %d, %v", h.Position, err)
	}
}

func TestWithoutMailNothingWaitsForOne(t *testing.T) {
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	body := `{` + ada + `,"answers":[{"notice":"newsletter-v1","purpose":"newsletter","answer":"given"}]}`
	if status, text := l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/shop/form/answers", body); status != 409 || !strings.Contains(text, "cannot send mail") {
		t.Errorf("status %d: %s", status, text)
	}
	proven := `{` + adaProven + `,"answers":[{"notice":"newsletter-v1","purpose":"newsletter","answer":"given"}]}`
	if status, text := l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/shop/form/answers", proven); status != 200 {
		t.Errorf("what is proven is refused: status %d: %s", status, text)
	}
}

func TestAnAnswerIsTakenOnce(t *testing.T) {
	l, _ := shop(t)
	send := func(body string, key string) (int, string) {
		return l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/shop/form/answers", body, "Idempotency-Key", key)
	}
	body := `{` + adaProven + `,"answers":[{"notice":"newsletter-v1","purpose":"newsletter","answer":"given"}]}`
	_, first := send(body, "a")
	if status, again := send(body, "a"); status != 200 || again != first {
		t.Errorf("status %d: %s, first %s", status, again, first)
	}
	if status, text := send(strings.Replace(body, `"given"`, `"refused"`, 1), "a"); status != 409 || !strings.Contains(text, "idempotency") {
		t.Errorf("another content: status %d: %s", status, text)
	}
	if h, _ := l.Store.Head(t.Context()); h.Position != 1 {
		t.Errorf("position %d", h.Position)
	}
}

func TestWhatBrowsersSay(t *testing.T) {
	l, _ := shop(t)
	record := func() *consent.Record {
		t.Helper()
		tags, err := l.Keys.Tags(consent.Identifier{Type: consent.IdentifierDevice, Value: "d-4711"})
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Store.Lookup(t.Context(), tags[0])
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	objections := func() []string {
		var out []string
		for _, o := range record().Objections {
			out = append(out, string(o.Scope)+" "+string(o.Purpose))
		}
		slices.Sort(out)
		return out
	}
	tell := func(header ...string) {
		t.Helper()
		if status, text := l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/shop/banner/signals", `{`+device+`}`, header...); status != 204 {
			t.Fatalf("status %d: %s", status, text)
		}
	}
	tell("ADPC", `consent="upload-v1~upload newsletter-v1~newsletter nonsense"`)
	if r := record(); len(r.Grants) != 1 || r.Grants[0].Purpose != "upload" || r.Grants[0].Status != consent.StatusGiven {
		t.Fatalf("consent by header: %+v", r)
	}
	tell("Sec-GPC", "1")
	if got := objections(); !slices.Equal(got, []string{"purpose profiling"}) {
		t.Fatalf("Sec-GPC leaves alone what was expressly agreed to, and newsletters: %q", got)
	}
	at := record().Position
	tell("Sec-GPC", "1", "ADPC", `consent=upload-v1~upload`)
	if record().Position != at {
		t.Errorf("what is so already was appended again")
	}
	tell("ADPC", "withdraw=*, object=direct-marketing")
	if r := record(); r.Grants[0].Status != consent.StatusWithdrawn || !slices.Contains(objections(), "all ") {
		t.Errorf("everything is taken back: %+v", r)
	}
	at = record().Position
	tell("ADPC", "withdraw=*, object=direct-marketing")
	if record().Position != at {
		t.Errorf("what is taken back was taken back again")
	}
	status, text := l.Do(ledgertest.Writer, "GET", "/v1/touchpoints/shop/banner/consent-requests", "", "Accept-Language", "de")
	if status != 200 || !strings.Contains(text, `"upload-v1~upload":"Ja, upload."`) {
		t.Errorf("status %d: %s", status, text)
	}
}

func TestAFunnelTellsNothingAboutFewerThanTen(t *testing.T) {
	l, _ := shop(t)
	for i := range 12 {
		body := fmt.Sprintf(`{"identifiers":[{"type":"email","value":"p%d@example.org"}],"answers":[{"notice":"newsletter-v1","purpose":"newsletter","answer":"given"}]}`, i)
		if status, text := l.Do(ledgertest.Writer, "POST", "/v1/touchpoints/shop/form/answers", body); status != 200 {
			t.Fatalf("status %d: %s", status, text)
		}
	}
	for i := range 9 {
		l.Append(fmt.Sprintf("p%d@example.org", i), consent.Event{Type: consent.EventConfirmed, Actor: consent.ActorPerson, Purpose: "newsletter", Proof: consent.ProofMailboxConfirmed})
	}
	var text string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && !strings.Contains(text, `"position":21`); time.Sleep(time.Millisecond) {
		_, text = l.Do(ledgertest.Reader, "GET", "/v1/touchpoints/shop/form/funnel", "")
	}
	if !strings.Contains(text, `{"notice":"newsletter-v1","given":12}`) {
		t.Errorf("%s", text)
	}
	if status, _ := l.Do(ledgertest.Sidecar, "GET", "/v1/touchpoints/shop/form/funnel", ""); status != 403 {
		t.Errorf("anybody reads it: status %d", status)
	}
	if status, _ := l.Do(ledgertest.Writer, "GET", "/v1/touchpoints/shop/till/funnel", ""); status != 403 {
		t.Errorf("a writer reads that of another: status %d", status)
	}
}
