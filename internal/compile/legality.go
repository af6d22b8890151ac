package compile

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// legalityData is the legality matrix: which grounds carry which use, with statute and dates. It is data, so that a lawyer can read
// it and a change of the law is a change of the data.
//
//go:embed legality.json
var legalityData []byte

// addressee is a kind of market participant (UWG §2(1) no. 3, §7(2) no. 1).
type addressee string

const (
	consumer addressee = "Consumer"
	business addressee = "Business"
)

// trait is something about the data or its way that the law looks at.
type trait string

const (
	traitSpecial    trait = "Special"                 // special categories of data
	traitThirdParty trait = "ThirdParty"              // not obtained from the person
	traitDevice     trait = "Device"                  // stored on, or read from, the person's device
	traitTransfer   trait = "ExplicitConsentTransfer" // leaves the European Economic Area on the person's consent
)

// use is what the law looks at in a purpose.
type use struct {
	objection  ir.ObjectionEffect
	channels   []consent.Channel
	addressees []addressee
	processing []ir.Processing
	traits     []trait
}

// situation says when a rule of law applies: where each of its members that is given has a value in common with the use.
type situation struct {
	Objection  []ir.ObjectionEffect `json:"objection,omitempty"`
	Channels   []consent.Channel    `json:"channels,omitempty"`
	Addressees []addressee          `json:"addressees,omitempty"`
	Processing []ir.Processing      `json:"processing,omitempty"`
	Data       []trait              `json:"data,omitempty"`
}

// period is when a rule of law holds: from a first to a last day, both included. Without a last day it is the newest law.
type period struct {
	From  string `json:"from"`
	Until string `json:"until,omitempty"`
}

// groundRule says that a use rests on one of some grounds, or is not lawful.
type groundRule struct {
	ID   string    `json:"id"`
	What string    `json:"what"`
	When situation `json:"when"`
	// Grounds are those that carry.
	Grounds []ir.Ground `json:"grounds"`
	Statute string      `json:"statute"`
	period
}

// requirement says what a ground needs to be stated, or to be absent.
type requirement struct {
	ID       string    `json:"id"`
	Ground   ir.Ground `json:"ground"`
	Needs    []string  `json:"needs,omitempty"`
	Excludes []string  `json:"excludes,omitempty"`
	Says     string    `json:"says"`
	period
}

// retention is how long the evidence of a grant has to be kept.
type retention struct {
	ID      string      `json:"id"`
	When    situation   `json:"when"`
	Grounds []ir.Ground `json:"grounds"`
	Days    int         `json:"days"`
	Statute string      `json:"statute"`
	period
}

// law is what holds on one day.
type law struct {
	Grounds      []groundRule  `json:"grounds"`
	Requirements []requirement `json:"requirements"`
	Retention    []retention   `json:"retention"`
}

// allLaw is the law of all days. A test holds the data to its form, so an error cannot happen in what was built.
var allLaw = sync.OnceValue(func() law {
	var l law
	if err := json.Unmarshal(legalityData, &l); err != nil {
		return law{} // no law known permits nothing
	}
	return l
})

// lawOn gives the law of a day; for the zero time the newest.
func lawOn(day time.Time) law {
	all := allLaw()
	var out law
	for _, r := range all.Grounds {
		if r.holds(day) {
			out.Grounds = append(out.Grounds, r)
		}
	}
	for _, r := range all.Requirements {
		if r.holds(day) {
			out.Requirements = append(out.Requirements, r)
		}
	}
	for _, r := range all.Retention {
		if r.holds(day) {
			out.Retention = append(out.Retention, r)
		}
	}
	return out
}

func (p period) holds(day time.Time) bool {
	if day.IsZero() {
		return p.Until == ""
	}
	d := day.UTC().Format(time.DateOnly)
	return p.From <= d && (p.Until == "" || d <= p.Until)
}

func (s situation) is(u use) bool {
	return (len(s.Objection) == 0 || slices.Contains(s.Objection, u.objection)) &&
		meets(s.Channels, u.channels) && meets(s.Addressees, u.addressees) && meets(s.Processing, u.processing) && meets(s.Data, u.traits)
}

// meets tells whether some value is in both lists, or nothing is asked.
func meets[T comparable](asked, there []T) bool {
	return len(asked) == 0 || slices.ContainsFunc(there, func(x T) bool { return slices.Contains(asked, x) })
}

// useOf is what the law looks at in a purpose by itself.
func useOf(p *ir.Purpose) use {
	u := use{objection: p.Objection, channels: p.Channels, processing: p.Processing, addressees: []addressee{business}}
	if !p.BusinessOnly {
		u.addressees = append(u.addressees, consumer)
	}
	if len(p.Special) > 0 {
		u.traits = append(u.traits, traitSpecial)
	}
	if p.ThirdPartyData {
		u.traits = append(u.traits, traitThirdParty)
	}
	return u
}

// against gives the rules that a ground breaks in some use.
func (l law) against(u use, g ir.Ground) []groundRule {
	var out []groundRule
	for _, r := range l.Grounds {
		if r.When.is(u) && !slices.Contains(r.Grounds, g) {
			out = append(out, r)
		}
	}
	return out
}

func (r groundRule) sentence(g ir.Ground) string {
	return fmt.Sprintf("%s cannot rest on the ground %q (%s); use %s.", r.What, g, r.Statute, quoted(r.Grounds, "or"))
}

// unregulated gives the channels of advertising about which no rule is known; nothing is permitted by them.
func (l law) unregulated(u use) []consent.Channel {
	if u.objection != ir.ObjectionDirectMarketing {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(u.channels), func(c consent.Channel) bool {
		return !slices.ContainsFunc(u.addressees, func(a addressee) bool {
			one := use{objection: u.objection, channels: []consent.Channel{c}, addressees: []addressee{a}}
			return !slices.ContainsFunc(l.Grounds, func(r groundRule) bool { return len(r.When.Channels) > 0 && r.When.is(one) })
		})
	})
}

// violation is one breach of the law.
type violation struct{ field, sentence string }

// specialCategories is the rule of law that package decide keeps by itself for consent, with a reason that says more.
const specialCategories = "special-categories"

// judge gives the breaches of a purpose, and the grounds that remain.
func (l law) judge(p *ir.Purpose) ([]violation, []ir.Ground) {
	var out []violation
	var grounds []ir.Ground
	u := useOf(p)
	for _, c := range l.unregulated(u) {
		out = append(out, violation{fmt.Sprintf("spec.channels[%d]", slices.Index(p.Channels, c)), fmt.Sprintf("No law is known that allows advertising by %q on the day in question; remove the channel.", c)})
	}
	if len(out) > 0 {
		return out, nil
	}
	for i, g := range p.Grounds {
		broken := l.against(u, g)
		for _, r := range broken {
			sentence := r.sentence(g)
			if r.ID == specialCategories {
				sentence = fmt.Sprintf("%s cannot rest on the ground %q (%s); use %s, or remove %s from spec.dataCategories.", r.What, g, r.Statute, quoted(r.Grounds, "or"), quoted(p.Special, "and"))
			}
			out = append(out, violation{fmt.Sprintf("spec.legalGrounds[%d]", i), sentence})
		}
		if len(broken) == 0 || (g == ir.GroundConsent && len(broken) == 1 && broken[0].ID == specialCategories) {
			grounds = append(grounds, g)
		}
		out = append(out, l.lacking(p, g)...)
	}
	return out, grounds
}

// lacking gives what a ground needs to be stated; package decide permits nothing on the ground without it.
func (l law) lacking(p *ir.Purpose, g ir.Ground) []violation {
	states := map[string]bool{"goods": len(p.Goods) > 0, "advertisers": len(p.Advertisers) > 0}
	var out []violation
	for _, r := range l.Requirements {
		if r.Ground != g {
			continue
		}
		for _, m := range r.Needs {
			if !states[m] {
				out = append(out, violation{"spec." + m, r.Says})
			}
		}
		for _, m := range r.Excludes {
			if states[m] {
				out = append(out, violation{"spec." + m, r.Says})
			}
		}
	}
	return out
}
