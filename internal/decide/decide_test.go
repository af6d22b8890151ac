package decide

import (
	"math"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// TestWhereAPersonIsNamedDecidesWhatIsLeft: people can be taken out of lists and records, and not out of an address.
func TestWhereAPersonIsNamedDecidesWhatIsLeft(t *testing.T) {
	const address, body, answer = InAddress, InBody, InAnswer
	list := &ir.Message{Addressees: []ir.Addressees{{Each: "/to/*"}}}
	records := &ir.Message{Records: &ir.Records{Each: "/people/*", Identifier: "/id"}}
	one := &ir.Message{Records: &ir.Records{Identifier: "/id"}}
	for name, tt := range map[string]struct {
		onMissing         ir.OnMissing
		request, response *ir.Message
		refused           []Place
		permitted         []Place
		want              Effect
	}{
		"the path names somebody else":                {ir.OnMissingDropRecord, nil, records, []Place{address}, []Place{answer}, Deny},
		"the query names somebody, and a list others": {ir.OnMissingDropAddressee, list, nil, []Place{address}, []Place{body}, Deny},
		"the path names somebody who may be used":     {ir.OnMissingDeny, nil, nil, nil, []Place{address}, Permit},
		"one of a list":                                    {ir.OnMissingDropAddressee, list, nil, []Place{body}, []Place{body, address}, PermitFiltered},
		"a list that loses no one person":                  {ir.OnMissingDropRecord, list, nil, []Place{body}, []Place{body}, Deny},
		"a record of an answer to a list that was sent":    {ir.OnMissingDropAddressee, list, records, []Place{answer}, []Place{body}, PermitFiltered},
		"somebody in the path is nobody on a list":         {ir.OnMissingDropAddressee, list, nil, nil, []Place{address}, Deny},
		"one of many records":                              {ir.OnMissingDropRecord, nil, records, []Place{answer}, nil, PermitFiltered},
		"the one record that there is":                     {ir.OnMissingDropRecord, nil, one, []Place{answer}, nil, Deny},
		"the one record that there is, without its person": {ir.OnMissingRedactField, nil, one, []Place{answer}, nil, PermitFiltered},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Plan{
				Purpose:  &ir.Purpose{Name: "p", Grounds: []ir.Ground{ir.GroundLegitimateInterest}, Objection: ir.ObjectionOwnSituation},
				Endpoint: &ir.Endpoint{Request: tt.request, Response: tt.response}, OnMissing: tt.onMissing, OnEmpty: ir.OnEmptyDeny, bound: bound(time.Minute),
			}
			no := func(consent.PurposeID) consent.Fact {
				return consent.Fact{Objections: []consent.Objection{{Position: 1, Scope: consent.ScopePurpose, Purpose: "p"}}}
			}
			var people []Person
			for _, at := range tt.refused {
				people = append(people, Person{Place: at, Facts: no})
			}
			for _, at := range tt.permitted {
				people = append(people, Person{Place: at})
			}
			if d := p.people(Decision{}, people, Now{Ledger: time.Unix(1, 0)}); d.Effect != tt.want {
				t.Errorf("effect %s, want %s (%v)", d.Effect, tt.want, d.People)
			}
		})
	}
}

// TestFreshIsWhatIsYoungEnough: to the nanosecond; what was never told, and bounds that make no sense, are never fresh.
func TestFreshIsWhatIsYoungEnough(t *testing.T) {
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		millis int64
		age    time.Duration
		ledger time.Time
		want   bool
	}{
		{1000, 0, at, true},
		{1000, time.Second, at, true},
		{1000, time.Second + 1, at, false},
		{1000, -1, at, false},
		{1000, math.MinInt64, at, false},
		{1000, 0, time.Time{}, false},
		{0, 0, at, true},
		{0, 1, at, false},
		{-1, 0, at, false},
		{-1, -1, at, false},
		{math.MinInt64, 0, at, false},
		{math.MaxInt64, 0, at, false},
		{math.MaxInt64, math.MaxInt64, at, false},
		{math.MaxInt64 / int64(time.Millisecond), 0, at, false},
		{math.MaxInt64/int64(time.Millisecond) - 1, 0, at, true},
		{math.MaxInt64/int64(time.Millisecond) - 1, -1, at, false},
	} {
		p := &Plan{bound: boundOf(&ir.Bundle{FreshnessBoundMillis: tt.millis})}
		if got := p.fresh(&Now{Ledger: tt.ledger, Age: tt.age}); got != tt.want {
			t.Errorf("bound %d ms, age %v, ledger's time %v: fresh %v", tt.millis, tt.age, tt.ledger, got)
		}
	}
}
