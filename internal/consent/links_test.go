package consent

import (
	"errors"
	"slices"
	"testing"
)

// group is an address, a customer number, a device and another address, numbered from 1.
func group() *Links {
	var members []Member
	for i, t := range []IdentifierType{IdentifierEmail, IdentifierCustomer, IdentifierDevice, IdentifierEmail} {
		members = append(members, Member{ID: int64(i + 1), Type: t, Record: &Record{}})
	}
	return NewLinks(members, nil)
}

// acted appends events, each about some identities, at positions from 1 on.
func acted(t *testing.T, l *Links, events ...any) *Links {
	t.Helper()
	position := Position(0)
	for i := 0; i < len(events); i += 2 {
		position++
		e := events[i].(Event)
		e.Position, e.At = position, day.AddDate(0, 0, int(position))
		out, err := l.Append(e, events[i+1].([]int64))
		if err != nil {
			t.Fatalf("event %d: %v", position, err)
		}
		l = out.Links
	}
	return l
}

var (
	linkedEvent = Event{Type: EventLinked}
	noThanks    = Event{Type: EventWithdrawn, Purpose: "newsletter"}
)

func TestAGrantHasToKnowOfANoUnderAnotherIdentifier(t *testing.T) {
	l := acted(t, group(), Event{Type: EventDisowned, Purpose: "newsletter"}, []int64{2}, linkedEvent, []int64{1, 2})
	e := given(3)
	for _, known := range []Position{0, 1} { // the "no" was at 1, but nobody knew it to be this person's before 2
		e.BasedOn = known
		if _, err := l.Append(e, []int64{1}); !errors.Is(err, ErrConflict) {
			t.Errorf("based on %d: %v", known, err)
		}
	}
	e.BasedOn = 2
	if _, err := l.Append(e, []int64{1}); err != nil {
		t.Error(err)
	}
}

func TestWhatIsLiftedUnderOneIdentifierStaysUnderTheOthers(t *testing.T) {
	objected := Event{Type: EventObjected, Scope: ScopeAll}
	lifted := Event{Type: EventObjectionLifted, Scope: ScopeAll, BasedOn: 2}
	l := acted(t, group(), linkedEvent, []int64{1, 2}, objected, []int64{2}, lifted, []int64{1})
	if len(l.Effective(1).Objections) != 0 || len(l.Effective(2).Objections) != 1 {
		t.Errorf("%+v, %+v", l.Effective(1).Objections, l.Effective(2).Objections)
	}
	l = acted(t, l, linkedEvent, []int64{1, 2}) // positions that are used up are ignored
	again := objected
	again.Position = 4
	out, err := l.Append(again, []int64{2})
	if err != nil || len(out.Links.Effective(1).Objections) != 1 {
		t.Errorf("a second objection: %+v, %v", out.Links.Effective(1), err)
	}
}

func TestAReturnUnderOneIdentifierIsForIt(t *testing.T) {
	erased := Event{Type: EventErased}
	l := acted(t, group(), given(0), []int64{1}, linkedEvent, []int64{1, 2}, erased, []int64{2}, returning(3), []int64{1})
	if r := l.Effective(1); r.Suppressed != 0 || len(r.Grants) != 1 || r.Grants[0].Position != 4 {
		t.Errorf("%+v", r)
	}
	if l.Effective(2).Suppressed != 3 {
		t.Errorf("%+v", l.Effective(2))
	}
}

func TestAGrantIsWidenedToMoreIdentifiers(t *testing.T) {
	wide := Event{Type: EventWidened, Purpose: "profiling", Notice: "v1", Proof: ProofSigned, Grant: 1}
	l := acted(t, group(), given(0), []int64{1}, wide, []int64{1, 2})
	if g := l.Effective(2).Grants; len(g) != 1 || g[0].Purpose != "profiling" || g[0].Position != 2 {
		t.Errorf("%+v", g)
	}
	renewed := Event{Type: EventRenewed, Grant: 1, Position: 3}
	out, err := l.Append(renewed, []int64{1, 2})
	if err != nil || out.Links.Effective(1).Grants[0].Status != StatusRenewed || len(out.Links.Effective(2).Grants) != 1 {
		t.Errorf("%+v, %v", out.Links.Effective(2), err)
	}
	if _, err := l.Append(renewed, []int64{3}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a grant that nobody holds was renewed: %v", err)
	}
}

func TestWhosePersonAnIdentityIs(t *testing.T) {
	l := acted(t, group(), linkedEvent, []int64{1, 2}, linkedEvent, []int64{1, 3})
	if !slices.Equal(l.Person(3), []int64{1, 2, 3}) || l.Effective(3).Ambiguous {
		t.Errorf("the device of one is of %v", l.Person(3))
	}
	out, err := l.Append(Event{Type: EventLinked, Position: 3}, []int64{4, 3})
	if err != nil || !slices.Equal(out.Links.Person(3), []int64{3}) || !out.Links.Effective(3).Ambiguous || out.Links.Effective(4).Ambiguous {
		t.Errorf("the device of two is of %v, %v", out.Links.Person(3), err)
	}
	if l = out.Links; l.Group(1) == l.Group(4) {
		t.Error("two people are one by way of a device")
	}
	out, err = l.Append(Event{Type: EventUnlinked, Position: 4}, []int64{3, 4})
	if err != nil || !slices.Equal(out.Links.Person(3), []int64{1, 2, 3}) || out.Links.Effective(3).Ambiguous {
		t.Errorf("after it was separated from one it is of %v, %v", out.Links.Person(3), err)
	}
}

func TestAnErasureIsThePersons(t *testing.T) {
	l := acted(t, group(), given(0), []int64{1}, given(0), []int64{2}, linkedEvent, []int64{1, 2})
	out, err := l.Append(Event{Type: EventErased, Position: 4}, []int64{1})
	if err != nil || len(out.Links.Effective(2).Grants) != 0 || out.Links.Effective(2).Suppressed != 4 || !slices.Equal(out.Applied, []int64{1, 2}) {
		t.Errorf("%+v, %v", out.Links.Effective(2), err)
	}
}

// TestOneIdentifierThatStandsForManyIsNotLinkedWithAll: what permits is refused then, and what restricts holds for those it names.
func TestOneIdentifierThatStandsForManyIsNotLinkedWithAll(t *testing.T) {
	var members []Member
	var links []Link
	for i := range MaxLinked {
		members = append(members, Member{ID: int64(i + 1), Type: IdentifierCustomer, Record: &Record{}})
		links = append(links, Link{int64(i + 1), 1})
	}
	l := NewLinks(append(members, Member{ID: MaxLinked + 1, Type: IdentifierEmail, Record: &Record{}}), links)
	named := []int64{1, MaxLinked + 1}
	if _, err := l.Append(given(2), named); !errors.Is(err, ErrInvalid) {
		t.Errorf("one more was linked: %v", err)
	}
	no := noThanks
	no.Position = 2
	out, err := l.Append(no, named)
	if err != nil || len(out.Linked) != 0 || len(out.Links.Effective(MaxLinked+1).Noes) != 1 || len(out.Links.Effective(2).Inherited) != 1 {
		t.Errorf("a withdrawal: %+v, %v", out, err)
	}
}
