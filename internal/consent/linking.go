package consent

import (
	"fmt"
	"reflect"
	"slices"
)

// linkedBy tells whether some act names all of some members.
func (l *Links) linkedBy(named []int) bool {
	return slices.ContainsFunc(l.acts, func(a act) bool {
		return !slices.ContainsFunc(named, func(i int) bool { return !slices.Contains(a.members, i) })
	})
}

// Appended is what an event came to.
type Appended struct {
	// Links is the new state.
	Links *Links
	// Applied are the identities whose own record the event changed.
	Applied []int64
	// Linked are new links, Unlinked those that are no more.
	Linked, Unlinked []Link
	// Changed are the identities that the event names, and all others about whom it changed more than the newest position.
	Changed []int64
}

// Append gives what an event about some of the members comes to, or why it may not be appended: ErrInvalid or ErrConflict. Its position
// is after every one that there is. Nothing is changed but what is returned.
func (l *Links) Append(e Event, named []int64) (Appended, error) {
	if err := Validate(e); err != nil {
		return Appended{}, err
	}
	places := make([]int, 0, len(named))
	for _, id := range named {
		i, ok := l.find(id)
		if !ok {
			return Appended{}, fmt.Errorf("%w: no such identity", ErrInvalid)
		}
		if !slices.Contains(places, i) {
			places = append(places, i)
		}
	}
	if e.Type == EventLinked && len(places) < 2 {
		return Appended{}, fmt.Errorf("%w: linked needs two identifiers or more", ErrInvalid)
	}
	if e.BasedOn >= e.Position || e.Corrects >= e.Position {
		// Who claims to know the future would be deaf to every later "no".
		return Appended{}, fmt.Errorf("%w: basedOn or corrects names a position that is not there yet", ErrInvalid)
	}
	out := Appended{Links: &Links{members: slices.Clone(l.members), acts: l.acts}}
	if err := out.link(e, places); err != nil {
		return Appended{}, err
	}
	if err := out.Links.admit(e, places); err != nil {
		return Appended{}, err
	}
	out.apply(e, places)
	out.compare(l, places)
	return out, nil
}

// link links what an event names, or separates it.
func (a *Appended) link(e Event, named []int) error {
	l := a.Links
	if e.Type == EventUnlinked {
		return a.separate(named)
	}
	if len(named) < 2 || l.linkedBy(named) {
		return nil
	}
	next := &Links{members: l.members, acts: append(slices.Clone(l.acts), act{e.Position, slices.Sorted(slices.Values(named))})}
	linked := 0
	for _, ok := range next.closure(one(len(l.members), named[0]), len(next.acts), nil) {
		if ok {
			linked++
		}
	}
	if linked > MaxLinked {
		if e.Type.restricts() {
			return nil // it holds for all that it names, and is not to fail
		}
		return fmt.Errorf("%w: more than %d identifiers would be linked; one of them stands for many people and has to be left out, or unlinked", ErrInvalid, MaxLinked)
	}
	a.Links = next
	for _, i := range named {
		a.Linked = append(a.Linked, Link{l.members[i].ID, e.Position})
	}
	return nil
}

// separate takes the first of some members out of every act that names another of them, or out of all if it is named alone.
func (a *Appended) separate(named []int) error {
	wrong := func(old act) bool {
		return slices.Contains(old.members, named[0]) &&
			(len(named) == 1 || slices.ContainsFunc(named[1:], func(i int) bool { return slices.Contains(old.members, i) }))
	}
	var kept []act
	for _, old := range a.Links.acts {
		if !wrong(old) {
			kept = append(kept, old)
			continue
		}
		rest := act{position: old.position}
		for _, i := range old.members {
			if i == named[0] {
				a.Unlinked = append(a.Unlinked, Link{a.Links.members[i].ID, old.position})
			} else {
				rest.members = append(rest.members, i)
			}
		}
		switch len(rest.members) {
		case 0:
		case 1:
			a.Unlinked = append(a.Unlinked, Link{a.Links.members[rest.members[0]].ID, old.position})
		default:
			kept = append(kept, rest)
		}
	}
	a.Links.acts = kept
	return nil
}

// restricts tells that an event only ever takes away.
func (t EventType) restricts() bool {
	switch t {
	case EventRefused, EventDisowned, EventWithdrawn, EventCancelled, EventObjected, EventRestricted, EventErasureRequested, EventErased, EventSuppressed:
		return true
	default:
		return false
	}
}

// admit tells whether an event may be appended, by what is known about each identity that it names together with what restricts it.
func (l *Links) admit(e Event, named []int) error {
	held := l.held(e, named)
	for _, i := range named {
		if one, ok := e.under(l.members[i].Record, held); ok {
			if err := Admit(l.Effective(l.members[i].ID), one); err != nil {
				return err
			}
		}
	}
	return nil
}

// held is the grant that an event is about, under whichever identity it was given.
func (l *Links) held(e Event, named []int) *Grant {
	for _, i := range named {
		if g := l.members[i].Record.grant(e.Grant); g != nil {
			return g
		}
	}
	return nil
}

// under gives an event as it counts for a record, if it does. A grant that another identity holds can be widened to this one, and taking
// it back is a "no" under this one, too; but renewing or confirming it is about that one.
func (e Event) under(r *Record, held *Grant) (Event, bool) {
	if held == nil || r.grant(e.Grant) != nil {
		return e, true
	}
	switch e.Type {
	case EventWidened:
		e.Type, e.Grant = EventGiven, 0
	case EventRenewed, EventConfirmed:
		return e, false
	default:
		e.Purpose = held.Purpose
	}
	return e, true
}

// apply applies an event to the records of the identities that it names. An erasure is the whole person's.
func (a *Appended) apply(e Event, named []int) {
	l := a.Links
	if e.Type == EventErasureRequested || e.Type == EventErased {
		for _, i := range slices.Clone(named) {
			for _, id := range l.Person(l.members[i].ID) {
				if j, ok := l.find(id); ok && !slices.Contains(named, j) {
					named = append(named, j)
				}
			}
		}
	}
	held := l.held(e, named)
	records := make([]*Record, len(named))
	for n, i := range named {
		records[n] = l.applied(e, i, held)
	}
	for n, i := range named {
		l.members[i].Record = records[n]
		a.Applied = append(a.Applied, l.members[i].ID)
	}
}

// applied gives the record of one member after an event. An act that lifts what restricts the person under other identities lifts it for
// the identities that it names: there, it is as if it had been lifted under them.
func (l *Links) applied(e Event, i int, held *Grant) *Record {
	own := l.members[i].Record
	one, ok := e.under(own, held)
	r := own.Clone()
	if !ok {
		r.Position = e.Position
		return r
	}
	if len(l.acts) > 0 {
		known := l.Effective(l.members[i].ID)
		if one.Type == EventObjectionLifted {
			for _, o := range known.Objections {
				if o.liftedBy(one) && !slices.Contains(r.Objections, o) {
					r.Objections = append(r.Objections, o)
				}
			}
		}
		if known.Suppressed > own.Suppressed {
			back := r.Clone()
			back.Suppressed = known.Suppressed
			if back.Apply(one); back.Suppressed == 0 {
				return back
			}
		}
	}
	r.Apply(one)
	return r
}

// compare finds whose effective record is another one now.
func (a *Appended) compare(before *Links, named []int) {
	if len(before.acts) == 0 && len(a.Links.acts) == 0 {
		a.Changed = a.Applied
		return
	}
	for i := range a.Links.members {
		id := a.Links.members[i].ID
		if slices.Contains(named, i) || !alike(before.Effective(id), a.Links.Effective(id)) || before.Group(id) != a.Links.Group(id) {
			a.Changed = append(a.Changed, id)
		}
	}
}

// alike tells that two records say the same.
func alike(a, b *Record) bool {
	x, y := *a, *b
	x.Position, y.Position = 0, 0
	return reflect.DeepEqual(x, y)
}
