package consent

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// A stranger may append what touchpoints may: whatever he likes about his own identifiers, and about those of others what links, asks or
// restricts. Naming somebody in an act that permits is another matter: it needs evidence of that person's act, which is for the ledger's API
// to see.
var (
	strangersOwn = []Event{
		{Type: EventGiven, Purpose: "newsletter", Notice: "v1", Proof: ProofSigned},
		{Type: EventConfirmed, Purpose: "newsletter", Proof: ProofSigned},
		{Type: EventGiven, Purpose: "newsletter", Notice: "v1", Pending: true},
		{Type: EventRenewed},
		{Type: EventWidened, Purpose: "newsletter", Notice: "v1", Proof: ProofSigned},
		{Type: EventObjectionLifted, Scope: ScopeAll, Proof: ProofSigned},
		{Type: EventObjectionLifted, Scope: ScopePurpose, Purpose: "newsletter", Proof: ProofSigned},
		{Type: EventRelationship},
		{Type: EventUnrestricted},
		{Type: EventAttribute, Attribute: "age", Value: "40"},
	}
	strangersOfOthers = []Event{
		{Type: EventLinked},
		{Type: EventAsked, Purpose: "newsletter"},
		{Type: EventUsed, Purpose: "newsletter"},
		{Type: EventRefused, Purpose: "newsletter"},
		{Type: EventWithdrawn, Purpose: "newsletter"},
		{Type: EventObjected, Scope: ScopeAll},
		{Type: EventRestricted},
		{Type: EventErasureRequested},
	}
)

// TestAStrangerWhoLinksHimselfGainsNothing: no restriction of the victim ends, nobody's permission is anybody else's, and only what
// several may use becomes ambiguous.
func TestAStrangerWhoLinksHimselfGainsNothing(t *testing.T) {
	linked, lifted := 0, 0
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 3))
		victim, stranger := []int64{1, 2, 3}, []int64{4, 5, 6}
		var members []Member
		for i, kind := range []IdentifierType{IdentifierEmail, IdentifierCustomer, IdentifierDevice, IdentifierEmail, IdentifierDevice, IdentifierCustomer} {
			members = append(members, Member{ID: int64(i + 1), Type: kind, Record: &Record{}})
		}
		l := acted(t, NewLinks(members, nil), given(0), []int64{1}, linkedEvent, victim,
			[]Event{{Type: EventObjected, Scope: ScopeAll}, {Type: EventSuppressed}, {Type: EventRestricted}, noThanks}[random.IntN(4)], victim[:1+random.IntN(2)])
		mine := map[Position]bool{}
		for p := Position(4); p < 30; p++ {
			var e Event
			named := []int64{stranger[random.IntN(3)]}
			own := random.IntN(2) == 0
			if own {
				e = strangersOwn[random.IntN(len(strangersOwn))]
				e.BasedOn = Position(random.IntN(int(p)))
				if e.Type == EventRenewed || e.Type == EventWidened {
					e.Grant = Position(1 + random.IntN(int(p)))
				}
			} else {
				e = strangersOfOthers[random.IntN(len(strangersOfOthers))]
				named = append(named, victim[random.IntN(3)])
			}
			e.Position, e.At = p, day.AddDate(0, 0, int(p))
			out, err := l.Append(e, named)
			if err != nil {
				if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrInvalid) {
					t.Fatal(err)
				}
				continue
			}
			mine[p] = own
			if len(out.Linked) > 0 {
				linked++
			}
			if e.Type == EventObjectionLifted && len(l.Effective(named[0]).Objections) > len(out.Links.Effective(named[0]).Objections) {
				lifted++
			}
			// What restricts the victim by the victim's own identifiers stays. What only came over from the stranger he may take back.
			for _, id := range victim {
				before, now := l.Part(victim).Effective(id), out.Links.Part(victim).Effective(id)
				if all := out.Links.Effective(id); weaker(before, now) || weaker(now, all) {
					t.Fatalf("seed %d: %s of a stranger at %d leaves of %+v\n%+v, and with himself\n%+v", seed, e.Type, p, before, now, all)
				}
			}
			l = out.Links
			for _, m := range l.Members() {
				r := l.Effective(m.ID)
				if r.Ambiguous && !m.Type.Weak() {
					t.Fatalf("seed %d: identity %d became ambiguous", seed, m.ID)
				}
				for _, g := range r.Grants {
					if mine[g.Position] != (m.ID > 3) {
						t.Fatalf("seed %d: identity %d has the grant at %d", seed, m.ID, g.Position)
					}
				}
				if m.ID <= 3 && len(r.Relationships) > 0 {
					t.Fatalf("seed %d: identity %d has somebody else's sale", seed, m.ID)
				}
			}
		}
	}
	if linked < 300 || lifted < 10 {
		t.Errorf("strangers linked %d times and lifted for themselves %d times: too little is tried", linked, lifted)
	}
}

// weaker tells that something that restricts is gone.
func weaker(before, now *Record) bool {
	for _, o := range before.Objections {
		if !slices.ContainsFunc(now.Objections, func(n Objection) bool { return n.Scope == o.Scope && n.Channel == o.Channel && n.Purpose == o.Purpose }) {
			return true
		}
	}
	said := slices.Concat(now.Noes, now.Inherited)
	for _, no := range slices.Concat(before.Noes, before.Inherited) {
		if !slices.ContainsFunc(said, func(n No) bool { return n.Purpose == no.Purpose && n.Refusal == no.Refusal }) {
			return true
		}
	}
	return (before.Restricted && !now.Restricted) || now.Suppressed < before.Suppressed || standing(now.Grants) > standing(before.Grants)
}

// TestWhoFillsAGroupTakesNothingAway: with as many identifiers linked as may be, what restricts still holds for all that the event names and
// all that is linked with them, and an erasure is that of everybody named. What is lost is that they are not linked from then on.
func TestWhoFillsAGroupTakesNothingAway(t *testing.T) {
	members := []Member{{ID: 1, Type: IdentifierEmail, Record: &Record{}}, {ID: 2, Type: IdentifierCustomer, Record: &Record{}}}
	links := []Link{{1, 1}, {2, 1}}
	for i := int64(3); i <= MaxLinked; i++ { // a stranger's devices
		members = append(members, Member{ID: i, Type: IdentifierDevice, Record: &Record{}})
		links = append(links, Link{1, Position(i)}, Link{i, Position(i)})
	}
	const phone = MaxLinked + 1
	l := NewLinks(append(members, Member{ID: phone, Type: IdentifierPhone, Record: Fold([]Event{given(70)})}), links)
	for name, e := range map[string]Event{
		"objected": {Type: EventObjected, Scope: ScopeAll}, "restricted": {Type: EventRestricted}, "withdrawn": noThanks, "erased": {Type: EventErased},
		"suppressed": {Type: EventSuppressed}, "disowned": {Type: EventDisowned, Purpose: "newsletter"}, "erasureRequested": {Type: EventErasureRequested},
	} {
		e.Position, e.At = 100, day.AddDate(0, 1, 0)
		out, err := l.Append(e, []int64{1, phone})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, id := range []int64{1, 2, phone} {
			r := out.Links.Effective(id)
			if len(r.Objections)+len(r.Noes)+len(r.Inherited) == 0 && !r.Restricted && r.Suppressed == 0 {
				t.Errorf("%s does not reach identity %d", name, id)
			}
		}
		if r := out.Links.Effective(phone); e.Type != EventObjected && e.Type != EventRestricted && e.Type != EventSuppressed && slices.ContainsFunc(r.Grants, func(g Grant) bool { return g.Status == StatusGiven }) {
			t.Errorf("%s leaves %+v", name, r.Grants)
		}
	}
	for _, e := range []Event{linkedEvent, given(100)} {
		e.Position = 100
		if _, err := l.Append(e, []int64{1, phone}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", e.Type, err)
		}
	}
}

// TestNothingWasKnownBeforeItWasLinked: who knew of an objection or a suppression did not know that it was this person's.
func TestNothingWasKnownBeforeItWasLinked(t *testing.T) {
	for _, e := range []Event{{Type: EventObjected, Scope: ScopeAll}, {Type: EventSuppressed}} {
		l := acted(t, group(), e, []int64{2}, linkedEvent, []int64{1, 2})
		for known, want := range map[Position]error{1: ErrConflict, 2: nil} {
			g := returning(3)
			g.Position, g.BasedOn = 3, known
			if _, err := l.Append(g, []int64{1}); !errors.Is(err, want) {
				t.Errorf("%s, based on %d: %v", e.Type, known, err)
			}
		}
	}
}

// TestAReturnEndsASuppressionOfAnotherIdentifierHere, and there it stays.
func TestAReturnEndsASuppressionOfAnotherIdentifierHere(t *testing.T) {
	l := acted(t, group(), linkedEvent, []int64{1, 2}, Event{Type: EventSuppressed}, []int64{2})
	back := returning(2)
	back.Position = 3
	out, err := l.Append(back, []int64{1})
	if err != nil || out.Links.Effective(1).Suppressed != 0 || out.Links.Effective(2).Suppressed != 2 {
		t.Errorf("%+v, %v", out.Links, err)
	}
}

// TestAnAgeIsOnesOwn: of two ages the lower counts, and none is taken from somebody else.
func TestAnAgeIsOnesOwn(t *testing.T) {
	age := func(years string) Event { return Event{Type: EventAttribute, Attribute: "age", Value: years} }
	l := acted(t, group(), linkedEvent, []int64{1, 2, 4}, age("40"), []int64{1}, age("15"), []int64{2})
	for id, want := range map[int64]int{1: 15, 2: 15, 4: 0} {
		if r := l.Effective(id); r.AgeYears != want {
			t.Errorf("identity %d is %d years old, want %d", id, r.AgeYears, want)
		}
	}
}
