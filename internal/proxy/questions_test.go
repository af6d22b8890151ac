package proxy

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	ledger "github.com/optup/optup/internal/ledger/client"
	ledgerwire "github.com/optup/optup/internal/ledger/wire"
)

// apart are facts of a feed that know nobody by a state.
type apart struct{ feed *ledger.Feed }

// Lookup implements Facts.
func (a apart) Lookup(id consent.Identifier, purpose consent.PurposeID) (consent.Fact, bool, error) {
	return a.feed.Lookup(id, purpose)
}

// Now implements Facts.
func (a apart) Now() decide.Now { return a.feed.Now() }

// Tag gives the tag that the record of a use names.
func (a apart) Tag(id consent.Identifier) (consent.Tag, error) { return a.feed.Tag(id) }

// of gives who was used by a decision, once that is recorded.
func (c *crowded) of(id string) (all []ledgerwire.Use) {
	c.t.Helper()
	eventually(c.t, "the questions are recorded to their end", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return slices.ContainsFunc(c.parts, func(d ledgerwire.Decided) bool { return d.ID.String() == id && d.Effect != "" })
	})
	for _, p := range c.parts {
		if p.ID.String() == id {
			all = append(all, p.Uses...)
		}
	}
	return all
}

// TestQuestionsAreAnsweredByStateAsByFacts: each about its own person, whoever was asked about before, and recorded with the same tags.
func TestQuestionsAreAnsweredByStateAsByFacts(t *testing.T) {
	c := newCrowded(t)
	email := func(value string) consent.Identifier {
		return consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: value}
	}
	var people []consent.Identifier
	for i := range 3 {
		people = append(people, email(fmt.Sprintf(agrees, i)), email(fmt.Sprintf(withdrew, i)), email(fmt.Sprintf("unknown-%d@example.org", i)))
	}
	people = append(people, email("twice@example.org"), email("nobody in particular"), email(fmt.Sprintf(agrees, 7)), consent.Identifier{})
	uses := []*decide.Use{
		{Purpose: "profile-view", Processing: []ir.Processing{ir.ProcessingShow}},
		{Purpose: "profile-view", Processing: []ir.Processing{ir.ProcessingSend}, Channel: consent.ChannelEmail},
		{Purpose: "unheard-of", Processing: []ir.Processing{ir.ProcessingShow}},
	}
	ask := func(facts Facts) (permitted [][]bool, reasons [][]decide.Reason, used [][]ledgerwire.Use) {
		for controller := range c.current.Load().Facts {
			c.current.Load().Facts[controller] = facts
		}
		q := c.proxy.Questions()
		var ids []string
		for _, u := range uses {
			var yes []bool
			var why []decide.Reason
			id := ""
			for _, who := range people {
				got := q.Ask(u, who)
				yes, why, id = append(yes, got.Permit), append(why, got.Reason), got.ID
			}
			permitted, reasons, ids = append(permitted, yes), append(reasons, why), append(ids, id)
		}
		if _, ok := facts.(Viewer); ok != (q.about(uses[0]).view != nil) {
			t.Errorf("by state: %v", ok)
		}
		q.Close()
		for _, id := range ids {
			used = append(used, c.of(id))
		}
		return permitted, reasons, used
	}
	yes, why, used := ask(c.feed)
	if want := []bool{true, false, false, true, false, false, true, false, false, false, false, true, false}; !slices.Equal(yes[0], want) {
		t.Errorf("%v, want %v", yes[0], want)
	}
	if slices.Contains(yes[1], true) || slices.Contains(yes[2], true) || len(used[0]) != len(people) {
		t.Errorf("%v; %d recorded", yes, len(used[0]))
	}
	yesApart, whyApart, usedApart := ask(apart{c.feed})
	if !reflect.DeepEqual(yes, yesApart) || !reflect.DeepEqual(why, whyApart) || !reflect.DeepEqual(used, usedApart) {
		t.Errorf("by state %v %v %v\nby facts %v %v %v", yes, why, used, yesApart, whyApart, usedApart)
	}
}

// TestNothingIsSaidByStateOfWhatIsNotTold: that somebody is unknown to a ledger that tells of other purposes means nothing.
func TestNothingIsSaidByStateOfWhatIsNotTold(t *testing.T) {
	c := newCrowded(t)
	whole := c.feed
	c.purposes = []consent.PurposeID{"list-view"}
	c.follow()
	q := c.proxy.Questions()
	defer q.Close()
	use := &decide.Use{Purpose: "profile-view", Processing: []ir.Processing{ir.ProcessingShow}}
	who := consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: fmt.Sprintf(agrees, 0)}
	if got := q.Ask(use, who); got.Permit || q.last != use || q.ofLast.view != nil {
		t.Errorf("%+v", got)
	}
	if whole.View().TellsAll(q.ofLast.x.plan.Needs()) == c.feed.View().TellsAll(q.ofLast.x.plan.Needs()) {
		t.Error("both feeds tell the same")
	}
}
