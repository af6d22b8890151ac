package compile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

var (
	allGrounds = []ir.Ground{
		ir.GroundConsent, ir.GroundSpecialCategoryConsent, ir.GroundContract, ir.GroundLegalObligation, ir.GroundVitalInterest, ir.GroundPublicTask,
		ir.GroundLegitimateInterest, ir.GroundExistingCustomer, ir.GroundPresumedConsent,
	}
	allChannels   = []consent.Channel{consent.ChannelEmail, consent.ChannelSMS, consent.ChannelPhone, consent.ChannelPost, consent.ChannelWeb}
	allProcessing = []ir.Processing{
		ir.ProcessingCollect, ir.ProcessingStore, ir.ProcessingCombine, ir.ProcessingProfile, ir.ProcessingAnalyse, ir.ProcessingSegment,
		ir.ProcessingSend, ir.ProcessingShow, ir.ProcessingDisclose, ir.ProcessingTrack, ir.ProcessingErase, ir.ProcessingRestrict,
	}
)

// TestLegalityData holds the data to its form: nothing unknown, nothing without a source, dates that follow each other.
func TestLegalityData(t *testing.T) {
	dec := json.NewDecoder(bytes.NewReader(legalityData))
	dec.DisallowUnknownFields()
	var l law
	if err := dec.Decode(&l); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	one := func(id string, p period, statute string, grounds []ir.Ground) {
		t.Helper()
		if id == "" || ids[id] {
			t.Errorf("%q is no id, or there twice", id)
		}
		ids[id] = true
		from, err := time.Parse(time.DateOnly, p.From)
		if err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if until, err := time.Parse(time.DateOnly, p.Until); p.Until != "" && (err != nil || !until.After(from)) {
			t.Errorf("%s: until %q", id, p.Until)
		}
		if strings.TrimSpace(statute) == "" || len(grounds) == 0 || !contains(allGrounds, grounds) {
			t.Errorf("%s: statute %q, grounds %q", id, statute, grounds)
		}
	}
	for _, r := range l.Grounds {
		one(r.ID, r.period, r.Statute, r.Grounds)
		if r.What == "" || strings.HasSuffix(r.What, ".") {
			t.Errorf("%s: %q begins no sentence", r.ID, r.What)
		}
		if w := r.When; !contains(allChannels, w.Channels) || !contains(allProcessing, w.Processing) || !contains([]addressee{consumer, business}, w.Addressees) ||
			!contains([]trait{traitSpecial, traitThirdParty, traitDevice, traitTransfer}, w.Data) || len(w.Objection)+len(w.Data) == 0 {
			t.Errorf("%s: %+v", r.ID, w)
		}
	}
	for _, r := range l.Requirements {
		one(r.ID, r.period, r.Says, []ir.Ground{r.Ground})
		if !contains([]string{"goods", "advertisers"}, append(r.Needs, r.Excludes...)) || !strings.Contains(r.Says, "(UWG §") {
			t.Errorf("%s: %+v", r.ID, r)
		}
	}
	for _, r := range l.Retention {
		one(r.ID, r.period, r.Statute, r.Grounds)
	}
	if !slices.ContainsFunc(l.Grounds, func(r groundRule) bool { return r.ID == specialCategories }) {
		t.Errorf("there is no rule %q", specialCategories)
	}
}

// TestTheMatrix is ground by channel by kind of addressee, for advertising under the newest law, as somebody who knows the law writes it.
func TestTheMatrix(t *testing.T) {
	yes := map[string][]ir.Ground{}
	for _, kind := range []addressee{consumer, business} {
		yes[fmt.Sprint(consent.ChannelEmail, kind)] = []ir.Ground{ir.GroundConsent, ir.GroundSpecialCategoryConsent, ir.GroundExistingCustomer}
		yes[fmt.Sprint(consent.ChannelSMS, kind)] = []ir.Ground{ir.GroundConsent, ir.GroundSpecialCategoryConsent, ir.GroundExistingCustomer}
		yes[fmt.Sprint(consent.ChannelPost, kind)] = []ir.Ground{ir.GroundConsent, ir.GroundSpecialCategoryConsent, ir.GroundLegitimateInterest}
		yes[fmt.Sprint(consent.ChannelWeb, kind)] = []ir.Ground{ir.GroundConsent, ir.GroundSpecialCategoryConsent, ir.GroundLegitimateInterest}
	}
	yes[fmt.Sprint(consent.ChannelPhone, consumer)] = []ir.Ground{ir.GroundConsent, ir.GroundSpecialCategoryConsent}
	yes[fmt.Sprint(consent.ChannelPhone, business)] = []ir.Ground{ir.GroundConsent, ir.GroundSpecialCategoryConsent, ir.GroundPresumedConsent}
	for _, day := range []string{"", "2018-05-25", "2022-05-27", "2022-05-28", "2040-01-01"} {
		on := time.Time{}
		if day != "" {
			on, _ = time.Parse(time.DateOnly, day)
		}
		l := lawOn(on)
		for _, channel := range allChannels {
			for _, kind := range []addressee{consumer, business} {
				u := use{objection: ir.ObjectionDirectMarketing, channels: []consent.Channel{channel}, addressees: []addressee{kind}}
				if len(l.unregulated(u)) > 0 {
					t.Errorf("%s: no law for %s to %s", day, channel, kind)
				}
				for _, g := range allGrounds {
					if got, want := len(l.against(u, g)) == 0, slices.Contains(yes[fmt.Sprint(channel, kind)], g); got != want {
						t.Errorf("%s: %s by %s to %s: lawful is %v", day, g, channel, kind, got)
					}
				}
			}
		}
	}
}

func TestWhatIsNotLawful(t *testing.T) {
	grounds := func(g ...ir.Ground) func(*policy.Purpose) {
		return func(p *policy.Purpose) { p.Grounds = g }
	}
	ground := "spec.legalGrounds[0]"
	subject := purposeRef("newsletter")
	with := func(changes ...func(*policy.Purpose)) func(*policy.Snapshot) {
		return change(newsletter, func(p *policy.Purpose) {
			for _, c := range changes {
				c(p)
			}
		})
	}
	channels := func(c ...consent.Channel) func(*policy.Purpose) { return func(p *policy.Purpose) { p.Channels = c } }
	check(t, map[string]expected{
		"mail on an interest":                  {with(grounds(ir.GroundLegitimateInterest)), subject, ground, NotLawful, Error, "UWG §7(2) no. 2"},
		"mail on an interest, in 2020":         {together(at("2020-01-01"), with(grounds(ir.GroundLegitimateInterest))), subject, ground, NotLawful, Error, "no. 3, §7(3) as in force until 27 May 2022"},
		"the second of two grounds":            {with(grounds(ir.GroundConsent, ir.GroundContract)), subject, "spec.legalGrounds[1]", NotLawful, Error, "GDPR Art. 6(1)(a), (f)"},
		"a call to anybody on a presumption":   {with(grounds(ir.GroundPresumedConsent), channels("phone")), subject, ground, NotLawful, Error, "by phone to consumers"},
		"mail to a business on a presumption":  {with(grounds(ir.GroundPresumedConsent), func(p *policy.Purpose) { p.BusinessOnly = true }), subject, ground, NotLawful, Error, "by email or sms"},
		"existing customers by post":           {with(grounds(ir.GroundExistingCustomer), channels("post"), func(p *policy.Purpose) { p.Goods = []string{"x"} }), subject, ground, NotLawful, Error, "by post"},
		"existing customers of no goods":       {with(grounds(ir.GroundExistingCustomer)), subject, "spec.goods", NotLawful, Error, "UWG §7(3) no. 2"},
		"existing customers for somebody else": {with(grounds(ir.GroundExistingCustomer), func(p *policy.Purpose) { p.Goods, p.Advertisers = []string{"x"}, []string{"B"} }), subject, "spec.advertisers", NotLawful, Error, "UWG §7(3) no. 2"},
		"existing customers whom others know":  {with(grounds(ir.GroundExistingCustomer), func(p *policy.Purpose) { p.Goods, p.ThirdPartyData = []string{"x"}, true }), subject, ground, NotLawful, Error, "UWG §7(3) no. 1"},
		"profiles for advertising": {change(advice, func(p *policy.Purpose) {
			p.Grounds, p.Processing = []ir.Ground{ir.GroundLegitimateInterest}, []ir.Processing{ir.ProcessingProfile}
		}), purposeRef("advice"), ground, NotLawful, Error, "CJEU C-252/21"},
		"a ground of advertising elsewhere":  {with(grounds(ir.GroundExistingCustomer), func(p *policy.Purpose) { p.Objection = ir.ObjectionOwnSituation }), subject, ground, NotLawful, Error, "no advertising"},
		"an interest that nobody can object": {with(grounds(ir.GroundLegitimateInterest), func(p *policy.Purpose) { p.Objection = ir.ObjectionNone }), subject, ground, NotLawful, Error, "GDPR Art. 21(1)"},
		"health on consent":                  {with(func(p *policy.Purpose) { p.Categories = []string{"pd:MedicalHealth"} }), subject, ground, NotLawful, Error, "GDPR Art. 9(1)"},
		"health on a contract":               {with(grounds(ir.GroundContract), func(p *policy.Purpose) { p.Categories, p.Objection = []string{"pd:MedicalHealth"}, ir.ObjectionNone }), subject, ground, NotLawful, Error, `remove "pd:MedicalHealth"`},
		"calls before there was such law":    {together(at("2000-01-01"), with(channels("phone"))), subject, "spec.channels[0]", NotLawful, Error, "No law is known"},
	})
}

func TestWhatIsLawful(t *testing.T) {
	for name, with := range map[string]func(*policy.Purpose){
		"calls to businesses on a presumption": func(p *policy.Purpose) {
			p.Grounds, p.Channels, p.BusinessOnly = []ir.Ground{ir.GroundPresumedConsent}, []consent.Channel{consent.ChannelPhone}, true
		},
		"letters on an interest": func(p *policy.Purpose) {
			p.Grounds, p.Channels = []ir.Ground{ir.GroundLegitimateInterest}, []consent.Channel{consent.ChannelPost}
		},
		"mail about own goods": func(p *policy.Purpose) {
			p.Grounds, p.Goods = []ir.Ground{ir.GroundExistingCustomer}, []string{"garden"}
		},
		"health on express consent": func(p *policy.Purpose) {
			p.Grounds, p.Categories = []ir.Ground{ir.GroundSpecialCategoryConsent}, []string{"pd:MedicalHealth"}
		},
		"a recall that the law demands": func(p *policy.Purpose) {
			p.Grounds, p.Objection, p.Categories = []ir.Ground{ir.GroundLegalObligation}, ir.ObjectionNone, []string{"pd:MedicalHealth"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := sound()
			with(&s.Purposes[newsletter])
			for _, f := range Compile(s).Findings {
				if f.Code == NotLawful {
					t.Errorf("%s: %s", f.Field, f.Message)
				}
			}
		})
	}
}

// TestUnlawfulGroundsAreGone: the grounds that remain are those that carry.
func TestUnlawfulGroundsAreGone(t *testing.T) {
	s := sound()
	s.Purposes[newsletter].Grounds = []ir.Ground{ir.GroundLegitimateInterest, ir.GroundConsent, ir.GroundContract}
	b := Compile(s).Bundles[0].Bundle
	i := slices.IndexFunc(b.Purposes, func(p ir.Purpose) bool { return p.Name == "newsletter" })
	if !slices.Equal(b.Purposes[i].Grounds, []ir.Ground{ir.GroundConsent}) {
		t.Errorf("%q", b.Purposes[i].Grounds)
	}
}
