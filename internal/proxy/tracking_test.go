package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/scenario"
)

// tracked is the shop whose mail service tracks opens and clicks, each with a purpose of its own. Everybody gets the newsletter;
// who agreed to what else is said by the address: both@, opens@, clicks@, none@.
func tracked(t *testing.T, opens, clicks ir.OnMixed, change func(*ir.Bundle)) *road {
	t.Helper()
	r := shop(t, func(b *ir.Bundle) {
		for _, name := range []consent.PurposeID{"opens", "clicks"} {
			b.Purposes = append(b.Purposes, ir.Purpose{
				Name: name, Controller: b.Purposes[0].Controller, Grounds: []ir.Ground{ir.GroundConsent},
				Processing: []ir.Processing{ir.ProcessingTrack}, Objection: ir.ObjectionDirectMarketing,
			})
			b.Notices = append(b.Notices, ir.Notice{
				Name: consent.NoticeID(name), Controller: b.Purposes[0].Controller, Purposes: []consent.PurposeID{name}, Processing: []ir.Processing{ir.ProcessingTrack},
			})
		}
		for i := range b.Services {
			for j := range b.Services[i].Endpoints {
				if m := b.Services[i].Endpoints[j].Request; m != nil && len(m.Addressees) > 0 {
					cc := m.Addressees[0]
					cc.Each = "/personalizations/*/cc/*"
					m.Addressees = append(m.Addressees, cc)
					m.Fields = append(m.Fields, ir.Field{Pointer: "/personalizations/*/cc/*/email", Category: "pd:EmailAddress"})
					m.NotPersonal = append(m.NotPersonal, "/tracking")
					m.Switches = []ir.Switch{
						{Tracking: ir.OpenTracking, Pointer: "/tracking/open/enable", Off: json.RawMessage("false"), Processing: []ir.Processing{ir.ProcessingTrack}},
						{Tracking: ir.ClickTracking, Pointer: "/tracking/click/enable", Off: json.RawMessage("false"), Processing: []ir.Processing{ir.ProcessingTrack}},
					}
				}
			}
		}
		for i := range b.Rules {
			if b.Rules[i].Purpose != "newsletter" {
				continue
			}
			if opens != "" {
				b.Rules[i].Tracking = append(b.Rules[i].Tracking, ir.TrackingRule{Tracking: ir.OpenTracking, Purpose: "opens", OnMixed: opens})
			}
			if clicks != "" {
				b.Rules[i].Tracking = append(b.Rules[i].Tracking, ir.TrackingRule{Tracking: ir.ClickTracking, Purpose: "clicks", OnMixed: clicks})
			}
		}
		if change != nil {
			change(b)
		}
	})
	fact := func(i consent.Identifier, p consent.PurposeID) consent.Fact {
		who, _, _ := strings.Cut(i.Value, "@")
		if p == "newsletter" && who != "stranger" {
			return everybody(i, p)
		}
		if who != "both" && who != string(p) {
			return consent.Fact{}
		}
		f := everybody(i, p)
		f.Grants[0].Notice = consent.NoticeID(p)
		return f
	}
	for c := range r.current.Load().Facts {
		r.current.Load().Facts[c] = told{fact: fact, now: func() decide.Now { return decide.Now{Ledger: scenario.Now} }}
	}
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(http.StatusAccepted) }
	return r
}

// letter is a mail with one personalization for each list of addresses; those after a "|" are on its cc.
func letter(tracking string, units ...string) string {
	var parts []string
	for _, u := range units {
		to, cc, copied := strings.Cut(u, "|")
		part := `{"to":` + addresses(to)
		if copied {
			part += `,"cc":` + addresses(cc)
		}
		parts = append(parts, part+"}")
	}
	return `{"template_id":"d-newsletter","personalizations":[` + strings.Join(parts, ",") + `]` + tracking + `}`
}

func addresses(names string) string {
	var out []string
	for _, n := range strings.Fields(names) {
		out = append(out, `{"email":"`+n+`@x.example"}`)
	}
	return "[" + strings.Join(out, ",") + "]"
}

const (
	on      = `,"tracking":{"open":{"enable":true},"click":{"enable":true}}`
	openOff = `,"tracking":{"open":{"enable":false},"click":{"enable":true}}`
	clicOff = `,"tracking":{"open":{"enable":true},"click":{"enable":false}}`
	bothOff = `,"tracking":{"open":{"enable":false},"click":{"enable":false}}`
)

func TestTrackingIsTurnedOffForWhoeverDidNotAgreeToIt(t *testing.T) {
	const all, split, drop = ir.OnMixedOffForAll, ir.OnMixedSplit, ir.OnMixedDropAddressee
	for name, tt := range map[string]struct {
		opens, clicks ir.OnMixed
		body          string
		// want are the bodies that reach the service.
		want   []string
		reason decide.Reason
	}{
		"everybody agreed, and every byte stays":  {all, all, letter(on, "both", "both"), []string{letter(on, "both", "both")}, ""},
		"one did not, so it is off for all":       {all, all, letter(on, "both", "clicks"), []string{letter(openOff, "both", "clicks")}, ""},
		"nobody gave it a purpose":                {"", "", letter(on, "both"), []string{letter(bothOff, "both")}, ""},
		"somebody who is dropped counts no more":  {all, all, letter(on, "both", "stranger"), []string{letter(on, "both")}, ""},
		"the switches are inserted":               {all, all, letter("", "none"), []string{letter(bothOff, "none")}, ""},
		"one switch is inserted beside the other": {all, all, letter(`,"tracking":{"click":{}}`, "none"), []string{letter(`,"tracking":{"click":{"enable":false},"open":{"enable":false}}`, "none")}, ""},
		"no place for a switch":                   {all, all, letter(`,"tracking":{"open":"yes"}`, "none"), nil, decide.ObligationUnmet},
		"null is no place either":                 {all, all, letter(`,"tracking":null`, "none"), nil, decide.ObligationUnmet},
		"no place, and nobody needs it":           {all, all, letter(`,"tracking":{"open":"yes"}`, "both"), []string{letter(`,"tracking":{"open":"yes"}`, "both")}, ""},
		"no place in one of two groups":           {split, all, letter(`,"tracking":{"open":[]}`, "both", "clicks"), nil, decide.ObligationUnmet},
		"four groups": {
			split, split, letter(on, "none", "both", "opens", "clicks", "both"),
			[]string{letter(on, "both", "both"), letter(openOff, "clicks"), letter(clicOff, "opens"), letter(bothOff, "none")},
			"",
		},
		"one is split, the other off for all": {
			split, all, letter(on, "both", "clicks", "opens"), []string{letter(clicOff, "both", "opens"), letter(bothOff, "clicks")}, "",
		},
		"a group of one kind is no split": {split, split, letter(on, "none", "none"), []string{letter(bothOff, "none", "none")}, ""},
		"a unit stays together": {
			split, split, letter(on, "both clicks", "both"), []string{letter(on, "both"), letter(openOff, "both clicks")}, "",
		},
		"so does whoever gets a copy": {
			split, split, letter(on, "both|none", "both|both"), []string{letter(on, "both|both"), letter(bothOff, "both|none")}, "",
		},
		"the same person in two units": {
			split, split, letter(on, "both", "both clicks"), []string{letter(on, "both"), letter(openOff, "both clicks")}, "",
		},
		"only those who agreed": {drop, all, letter(on, "both", "clicks"), []string{letter(on, "both")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := tracked(t, tt.opens, tt.clicks, nil)
			answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), post("", tt.body))
			var got []string
			for _, s := range r.requests() {
				got = append(got, string(s.body))
			}
			if len(got) != len(tt.want) {
				t.Fatalf("got %d requests, want %d: %s\n%s", len(got), len(tt.want), strings.Join(got, "\n"), answer)
			}
			for i := range got {
				if !sameJSON(t, got[i], tt.want[i]) {
					t.Errorf("request %d:\n%s\nwant\n%s", i, got[i], tt.want[i])
				}
			}
			if strings.Contains(name, "byte") && got[0] != tt.want[0] {
				t.Errorf("got %s", got[0])
			}
			if tt.reason != "" && !strings.Contains(answer, string(tt.reason)) {
				t.Errorf("answer %s", answer)
			}
		})
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	first, _ := json.Marshal(x)
	second, _ := json.Marshal(y)
	return slices.Equal(first, second)
}

func TestTrackingStaysAsItIsWhereNothingIsEnforced(t *testing.T) {
	r := tracked(t, ir.OnMixedSplit, ir.OnMixedOffForAll, func(b *ir.Bundle) {
		for i := range b.Rules {
			b.Rules[i].Mode = ir.ModeObserve
		}
	})
	body := letter(on, "both", "none")
	raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), post("", body))
	if got := r.requests(); len(got) != 1 || string(got[0].body) != body {
		t.Errorf("got %+v", got)
	}
}

// TestAGroupThatFails: what the application is told must not make it repeat what was done.
func TestAGroupThatFails(t *testing.T) {
	for name, tt := range map[string]struct {
		status   []int
		want     int
		requests int
		partly   bool
	}{
		"the first":                      {[]int{500}, 500, 1, false},
		"the first, for good":            {[]int{422}, 422, 1, false},
		"the second":                     {[]int{202, 503, 202}, 502, 2, true},
		"the last":                       {[]int{202, 202, 429}, 502, 3, true},
		"the second breaks off":          {[]int{202, 0}, 502, 2, true},
		"the first breaks off":           {[]int{0}, 502, 1, false},
		"none":                           {[]int{202, 200, 201}, 201, 3, false},
		"a redirection is no success":    {[]int{202, 302}, 502, 2, true},
		"the first is moved permanently": {[]int{301}, 301, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := tracked(t, ir.OnMixedSplit, ir.OnMixedSplit, nil)
			n := 0
			r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				n++
				if tt.status[n-1] == 0 {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(tt.status[n-1])
			}
			answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), post("", letter(on, "none", "both", "opens")))
			if !strings.HasPrefix(answer, fmt.Sprintf("HTTP/1.1 %d ", tt.want)) {
				t.Errorf("answer %s", answer)
			}
			if len(r.requests()) != tt.requests {
				t.Errorf("%d requests", len(r.requests()))
			}
			if strings.Contains(answer, "partly-sent") != tt.partly || (r.counted("optup_sidecar_partly_sent_total") == 1) != tt.partly {
				t.Errorf("told of a part: %s", answer)
			}
			if strings.Contains(answer, "@x.example") {
				t.Error("somebody is named")
			}
		})
	}
}

// TestGroupsAreNoRepetitionsOfEachOther: a service that knows an idempotency key does nothing the second time.
func TestGroupsAreNoRepetitionsOfEachOther(t *testing.T) {
	for _, key := range []string{"order-4711", `"order-4711"`} {
		var keys [2][]string
		for i := range keys {
			r := tracked(t, ir.OnMixedSplit, ir.OnMixedSplit, nil)
			raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), post("Idempotency-Key: "+key+"\r\n", letter(on, "both", "none")))
			for _, s := range r.requests() {
				keys[i] = append(keys[i], s.header.Get("Idempotency-Key"))
			}
		}
		if len(keys[0]) != 2 || keys[0][0] != key || keys[0][1] == key || strings.HasPrefix(keys[0][1], `"`) != strings.HasPrefix(key, `"`) {
			t.Errorf("keys %q", keys[0])
		}
		if !slices.Equal(keys[0], keys[1]) {
			t.Errorf("a repetition of the whole has other keys: %q", keys)
		}
	}
}

// TestGroupsFollowEvenIfTheApplicationHangsUp: half of a batch that nobody was told of is lost.
func TestGroupsFollowEvenIfTheApplicationHangsUp(t *testing.T) {
	r := tracked(t, ir.OnMixedSplit, ir.OnMixedSplit, nil)
	begun, goOn := make(chan struct{}, 2), make(chan struct{})
	first := true
	r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		begun <- struct{}{}
		w.WriteHeader(http.StatusAccepted)
		if first {
			first = false
			w.(http.Flusher).Flush()
			<-goOn
		}
	}
	c, err := net.Dial("tcp", r.listen(netip.MustParseAddrPort("192.0.2.1:80")).String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, post("", letter(on, "both", "none"))); err != nil {
		t.Fatal(err)
	}
	<-begun
	time.Sleep(200 * time.Millisecond) // the first group's status has arrived, and its answer has not ended
	_ = c.Close()
	time.Sleep(50 * time.Millisecond)
	close(goOn)
	select {
	case <-begun:
	case <-time.After(30 * time.Second):
		t.Error("the second group was not sent")
	}
}

// TestTrackingOfAnotherController needs facts of that controller: what cannot be looked up is not the absence of an objection.
func TestTrackingOfAnotherController(t *testing.T) {
	nothing := told{fact: func(consent.Identifier, consent.PurposeID) consent.Fact { return consent.Fact{} }, now: func() decide.Now { return decide.Now{Ledger: scenario.Now} }}
	old := nothing
	old.now = func() decide.Now { return decide.Now{Ledger: scenario.Now, Age: time.Hour} }
	for name, tt := range map[string]struct {
		facts Facts
		want  string
	}{
		"its ledger was never reached":   {nil, bothOff},
		"its facts are too old":          {old, bothOff},
		"its facts are about other uses": {failing{nothing}, bothOff},
		"its facts are fresh":            {nothing, clicOff},
	} {
		t.Run(name, func(t *testing.T) {
			r := tracked(t, ir.OnMixedOffForAll, ir.OnMixedOffForAll, func(b *ir.Bundle) {
				for i := range b.Purposes {
					if b.Purposes[i].Name == "opens" {
						b.Purposes[i].Controller, b.Purposes[i].Grounds = "Somebody else", []ir.Ground{ir.GroundLegitimateInterest}
					}
				}
			})
			delete(r.current.Load().Facts, "Somebody else")
			if tt.facts != nil {
				r.current.Load().Facts["Somebody else"] = tt.facts
			}
			raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), post("", letter(on, "opens")))
			if got := r.requests(); len(got) != 1 || !sameJSON(t, string(got[0].body), letter(tt.want, "opens")) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// failing are facts that can tell nothing about anybody, and are fresh.
type failing struct{ Facts }

func (failing) Lookup(consent.Identifier, consent.PurposeID) (consent.Fact, bool, error) {
	return consent.Fact{}, false, errors.New("no data for the purpose yet")
}
