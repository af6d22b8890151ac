package touchpoint_test

import (
	"slices"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/touchpoint"
)

func TestWhatAPersonIsAskedNext(t *testing.T) {
	objected := consent.Event{Type: consent.EventObjected, Actor: consent.ActorPerson, Scope: consent.ScopeAll}
	for name, c := range map[string]struct {
		at     string
		person *consent.Record
		day    int
		// asked is the wording, or empty with the reason why the one at the same place in reasons is not.
		asked  consent.NoticeID
		reason touchpoint.Reason
	}{
		"a visitor is asked for the opt-in": {"form", nil, 9, "news-v1", ""},
		"who agreed is offered the next step": {
			"form", history(given("newsletter", "news-v1")), 9, "profiling-v1", "",
		},
		"after the step comes the one after it": {
			"form", history(given("newsletter", "news-v1"), given("profiling", "profiling-v1")), 9, "upload-v1", "",
		},
		"the ladder ends": {
			"form", history(given("newsletter", "news-v1"), given("profiling", "profiling-v1"), given("upload", "upload-v1")), 9, "", touchpoint.AlreadyGiven,
		},
		"a step waits for the one before it, although the person has a later one": {
			"form", history(given("newsletter", "news-v1"), given("upload", "upload-v1"), said(consent.EventRefused, "profiling")), 9, "", touchpoint.StepNotReached,
		},
		"a step without conditions comes after any opt-in": {
			"account", history(given("calls", "calls-v1")), 9, "profiling-v1", "",
		},
		"a step without conditions comes after an opt-in and not before": {
			"account", history(said(consent.EventRefused, "calls")), 9, "", touchpoint.StepNotReached,
		},
		"what waits for confirmation is not asked again": {
			"form", history(pending("newsletter", "news-v1")), 1, "", touchpoint.StepNotReached,
		},
		"what was never confirmed may be asked again once it can no longer be": {
			"form", history(pending("newsletter", "news-v1")), 3, "news-v1", "",
		},
		"a disowned confirmation leaves the person to be asked at a form": {
			"form", history(pending("newsletter", "news-v1"), consent.Event{Type: consent.EventDisowned, Purpose: "newsletter"}), 9, "news-v1", "",
		},
		"an imported consent without evidence is asked for": {
			"form", history(consent.Event{Type: consent.EventGiven, Actor: consent.ActorImport, Purpose: "newsletter", Notice: "news-v1"}), 9, "news-v1", "",
		},
		"an expired consent is asked for again": {
			"form", history(given("newsletter", "news-v1")), 800, "news-v1", "",
		},
		"a refusal holds for the cool-down": {
			"form", history(given("newsletter", "news-v1"), said(consent.EventRefused, "profiling")), 180, "", touchpoint.StepNotReached,
		},
		"after the cool-down the person is asked again": {
			"form", history(given("newsletter", "news-v1"), said(consent.EventRefused, "profiling")), 181, "profiling-v1", "",
		},
		"who puts it off is asked again sooner": {
			"form", history(given("newsletter", "news-v1"), said(consent.EventDeferred, "profiling")), 15, "profiling-v1", "",
		},
		"and not at once": {
			"form", history(given("newsletter", "news-v1"), said(consent.EventDeferred, "profiling")), 14, "", touchpoint.StepNotReached,
		},
		"who was only shown the question may answer it": {
			"form", history(given("newsletter", "news-v1"), said(consent.EventAsked, "profiling")), 2, "profiling-v1", "",
		},
		"a refusal of one purpose holds back every wording that names it": {
			"both", history(said(consent.EventRefused, "newsletter"), given("upload", "upload-v1"), given("profiling", "profiling-v1")), 9, "", touchpoint.CoolingDown,
		},
		"of several opt-ins the one that takes least comes first": {"both", nil, 9, "profiling-v1", ""},
		"then the one that takes little more":                     {"both", history(given("profiling", "profiling-v1")), 9, "upload-v1", ""},
		"then what is left of the widest":                         {"both", history(given("profiling", "profiling-v1"), given("upload", "upload-v1")), 9, "all-v1", ""},
		"whoever has the newsletter is asked about a wording that names a partner as well": {
			"wider", history(given("newsletter", "news-v1")), 9, "news-v2", "",
		},
		"whoever agreed to the partner has agreed to the newsletter": {
			"form", history(given("newsletter", "news-v2")), 9, "profiling-v1", "",
		},
		"nobody is asked while processing is restricted": {
			"form", history(given("newsletter", "news-v1"), consent.Event{Type: consent.EventRestricted}), 9, "", touchpoint.Restricted,
		},
		"nobody is asked after erasure": {
			"form", history(consent.Event{Type: consent.EventErased}), 9, "", touchpoint.Suppressed,
		},
		"nobody is asked who could be two people": {
			"form", &consent.Record{Position: 1, Ambiguous: true}, 9, "", touchpoint.IdentityAmbiguous,
		},
		"who objected to advertising may be asked at a form of their own": {"form", history(objected), 9, "news-v1", ""},
		"who objected to advertising gets no link by mail": {
			"mail", history(given("newsletter", "news-v1"), objected), 9, "", touchpoint.Objected,
		},
		"an objection is no obstacle to a question that is no advertising": {"survey", history(objected), 9, "research-v1", ""},
		"who has the newsletter may be asked by mail":                      {"mail", history(given("newsletter", "news-v1")), 9, "profiling-v1", ""},
		"who has not is not asked by mail":                                 {"mail", nil, 9, "", touchpoint.AskingIsAdvertising},
		"the newsletter does not let anybody be called": {
			"calls", history(given("newsletter", "news-v1")), 9, "", touchpoint.AskingIsAdvertising,
		},
		"who wants calls may be asked in one": {"calls", history(given("calls", "calls-v1")), 9, "profiling-v1", ""},
		"who withdrew is not approached about it": {
			"mail", history(given("newsletter", "news-v1"), given("profiling", "profiling-v1"), said(consent.EventWithdrawn, "profiling")), 9, "", touchpoint.Objected,
		},
		"who withdrew and agreed again is asked for more": {
			"mail", history(given("newsletter", "news-v1"), given("profiling", "profiling-v1"), said(consent.EventWithdrawn, "profiling"), given("profiling", "profiling-v1")),
			9, "upload-v1", "",
		},
		"who withdrew is offered it at a form of their own": {
			"form", history(given("newsletter", "news-v1"), given("profiling", "profiling-v1"), said(consent.EventWithdrawn, "profiling")), 9, "profiling-v1", "",
		},
		"who refused under another address is not approached under this one": {
			"mail", &consent.Record{
				Position: 5, Grants: history(given("newsletter", "news-v1")).Grants, Inherited: []consent.No{{Position: 5, Purpose: "profiling", Refusal: true}},
			}, 9, "", touchpoint.SaidNo,
		},
		"a special category is asked for in a wording of its own": {"clinic", nil, 9, "health-v1", ""},
		"and not together with something else":                    {"muddle", nil, 9, "", touchpoint.SpecialCategoryTogether},
		"who is known to be too young is not asked":               {"club", &consent.Record{Position: 1, AgeYears: 15}, 9, "", touchpoint.TooYoung},
		"who is old enough is asked":                              {"club", &consent.Record{Position: 1, AgeYears: 16}, 9, "club-v1", ""},
		"nobody is there to be asked when a file is imported":     {"file", nil, 9, "", touchpoint.NothingOffered},
		"what rests on a contract is not asked for":               {"nothing", nil, 9, "", touchpoint.NothingOffered},
	} {
		t.Run(name, func(t *testing.T) {
			b := world()
			got := touchpoint.New(b).Next(touchpointOf(b, c.at), c.person, day(c.day))
			switch {
			case c.asked != "" && (got.Question == nil || got.Question.Notice != c.asked):
				t.Errorf("want %s, got %+v %+v", c.asked, got.Question, got.Held)
			case c.asked == "" && got.Question != nil:
				t.Errorf("asked: %+v", got.Question)
			case c.asked == "" && !slices.ContainsFunc(got.Held, func(h touchpoint.Held) bool { return h.Reason == c.reason }):
				t.Errorf("want %s, got %+v", c.reason, got.Held)
			}
		})
	}
}

func TestAQuestionSaysWhatAnAnswerHasToName(t *testing.T) {
	b := world()
	r := history(given("newsletter", "news-v1"), said(consent.EventAsked, "profiling"))
	q := touchpoint.New(b).Next(touchpointOf(b, "form"), r, day(9)).Question
	if q == nil || q.BasedOn != 2 || q.Widens != 1 || !slices.Equal(q.Purposes, []consent.PurposeID{"profiling"}) {
		t.Errorf("%+v", q)
	}
	both := touchpoint.New(b).Next(touchpointOf(b, "both"), history(given("profiling", "profiling-v1"), given("upload", "upload-v1")), day(9)).Question
	if both == nil || !slices.Equal(both.Purposes, []consent.PurposeID{"newsletter"}) || both.Widens != 0 {
		t.Errorf("what is given already is asked for again: %+v", both)
	}
}

func TestWhenAPersonMayBeAskedAgain(t *testing.T) {
	b := world()
	r := history(given("newsletter", "news-v1"), said(consent.EventRefused, "profiling"))
	held := touchpoint.New(b).Next(touchpointOf(b, "form"), r, day(9)).Held
	i := slices.IndexFunc(held, func(h touchpoint.Held) bool { return h.Notice == "profiling-v1" })
	if i < 0 || held[i].Reason != touchpoint.CoolingDown || !held[i].Until.Equal(day(181)) {
		t.Errorf("%+v", held)
	}
}

func TestALawThatForbidsIsNamed(t *testing.T) {
	b := world()
	for at, want := range map[time.Time]string{
		day(9): "UWG §7(2) no. 2; ePrivacy Directive Art. 13(1); Directive 2006/114/EC Art. 2(a)",
		time.Date(2022, 5, 27, 0, 0, 0, 0, time.UTC): "UWG §7(2) no. 3 as in force until 27 May 2022; ePrivacy Directive Art. 13(1); Directive 2006/114/EC Art. 2(a)",
	} {
		held := touchpoint.New(b).Next(touchpointOf(b, "mail"), nil, at).Held
		if len(held) == 0 || held[0].Statute != want {
			t.Errorf("%s: %+v", at, held)
		}
	}
}

func TestAPlaceThatNobodyKnowsAsksNobody(t *testing.T) {
	b := world()
	p := touchpointOf(b, "form")
	p.Place = ir.Place("Moon")
	if got := touchpoint.New(b).Next(p, nil, day(9)); got.Question != nil {
		t.Errorf("asked: %+v", got.Question)
	}
}
