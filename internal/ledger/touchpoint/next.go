package touchpoint

import (
	"cmp"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Reason says why a wording is not offered. Reasons are about people: only they, and whoever may look them up, learn them.
type Reason string

// Reasons. Those that asking.json gives are here, too, for whoever compares them.
const (
	// NothingOffered: the touchpoint offers nothing that leads to a permission.
	NothingOffered Reason = "NOTHING_OFFERED"
	// AlreadyGiven: everything that the wording covers is given.
	AlreadyGiven Reason = "ALREADY_GIVEN"
	// PendingConfirmation: the person has agreed, and has yet to confirm.
	PendingConfirmation Reason = "PENDING_CONFIRMATION"
	// CoolingDown: the person refused, or put the answer off, not long ago.
	CoolingDown Reason = "COOLING_DOWN"
	// StepNotReached: the step comes after wordings to which the person has not agreed.
	StepNotReached Reason = "STEP_NOT_REACHED"

	Restricted              Reason = "RESTRICTED"
	Suppressed              Reason = "SUPPRESSED"
	IdentityAmbiguous       Reason = "IDENTITY_AMBIGUOUS"
	TooYoung                Reason = "TOO_YOUNG"
	SpecialCategoryTogether Reason = "SPECIAL_CATEGORY_TOGETHER"
	Objected                Reason = "OBJECTED"
	SaidNo                  Reason = "SAID_NO"
	AskingIsAdvertising     Reason = "ASKING_IS_ADVERTISING"
)

// Question is a wording that may be offered now.
type Question struct {
	Notice consent.NoticeID
	// Purposes of the wording that are still to be agreed to, each by an answer of its own; sorted.
	Purposes []consent.PurposeID
	// BasedOn is the newest position that is known about the person. A grant names it.
	BasedOn consent.Position
	// Widens is the grant that led to this step of the ladder; 0 for an opt-in.
	Widens consent.Position
}

// Held is a wording that is not offered now, and why.
type Held struct {
	Notice consent.NoticeID
	Reason Reason
	// Until is when the person may be asked again, where that is a matter of time alone; else zero.
	Until time.Time
	// Statute is what forbids asking; empty where no law does.
	Statute string
}

// Answer is what may be asked now, if anything. Held lists the other wordings that come before it, or all of them.
type Answer struct {
	Question *Question
	Held     []Held
}

// Next gives the smallest useful widening that a person may be asked for at a touchpoint now: a first opt-in before the steps of the
// ladder, of several opt-ins the one that takes the least, of several steps the first. Record is the effective one of the identifier
// that is asked about; nil stands for a visitor of whom nothing is known.
//
// Nobody is asked for what was given and stands, for what waits to be confirmed, within the cool-down after a no to any purpose of the
// wording, because its words would ask for it again, and where a rule of asking.json forbids.
func (a *Asker) Next(t *ir.Touchpoint, record *consent.Record, now time.Time) Answer {
	if record == nil {
		record = &consent.Record{}
	}
	s := &scene{Asker: a, touchpoint: t, record: record, now: now, at: law().Places[t.Place]}
	var out Answer
	if s.at.Approach == byNobody || s.at.Approach == "" || len(t.OptIn)+len(t.Ladder) == 0 {
		return Answer{Held: []Held{{Reason: NothingOffered}}}
	}
	var first []Question
	for _, name := range t.OptIn {
		if q, held := s.offer(name); held != nil {
			out.Held = append(out.Held, *held)
		} else {
			first = append(first, q)
		}
	}
	if len(first) > 0 {
		q := slices.MinFunc(first, s.smaller)
		out.Question = &q
		return out
	}
	for _, step := range t.Ladder {
		widens, reached := s.reached(step)
		if !reached {
			out.Held = append(out.Held, Held{Notice: step.Notice, Reason: StepNotReached})
			continue
		}
		q, held := s.offer(step.Notice)
		if held == nil {
			q.Widens = widens
			out.Question = &q
			return out
		}
		out.Held = append(out.Held, *held)
	}
	return out
}

// scene is one question about one person.
type scene struct {
	*Asker
	touchpoint *ir.Touchpoint
	record     *consent.Record
	now        time.Time
	at         place
}

// offer gives the question that a wording comes to, or why it is none.
func (s *scene) offer(name consent.NoticeID) (Question, *Held) {
	n := s.notices[name]
	q := Question{Notice: name, BasedOn: s.record.Position}
	if n == nil {
		return q, &Held{Notice: name, Reason: NothingOffered}
	}
	useful, waits := false, false
	for _, id := range n.Purposes {
		p := s.purposes[id]
		if p == nil {
			continue
		}
		leads := s.leads(s.touchpoint, n, p, s.now)
		if len(leads) == 0 {
			continue
		}
		useful = true
		switch {
		case s.agreed(leads, n, p, s.record, s.now, standing):
		case s.agreed(leads, n, p, s.record, s.now, s.confirmed(p, s.now)):
			waits = true
		default:
			q.Purposes = append(q.Purposes, id)
		}
	}
	switch {
	case !useful:
		return q, &Held{Notice: name, Reason: NothingOffered}
	case len(q.Purposes) == 0 && waits:
		return q, &Held{Notice: name, Reason: PendingConfirmation}
	case len(q.Purposes) == 0:
		return q, &Held{Notice: name, Reason: AlreadyGiven}
	}
	slices.Sort(q.Purposes)
	return q, s.heldBack(n)
}

// heldBack tells why a wording must not be put to the person now. Its words name all of its purposes, so each counts.
func (s *scene) heldBack(n *ir.Notice) *Held {
	for _, id := range n.Purposes {
		if p := s.purposes[id]; p != nil {
			if r := s.forbidden(s.at, n, p, s.record, s.now); r != nil {
				return &Held{Notice: n.Name, Reason: r.Reason, Statute: r.Statute}
			}
		}
	}
	var until time.Time
	for _, id := range n.Purposes {
		if t := s.coolDown(id); t.After(until) {
			until = t
		}
	}
	if until.After(s.now) {
		return &Held{Notice: n.Name, Reason: CoolingDown, Until: until}
	}
	return nil
}

// coolDown is when the person may be asked for a purpose again; the zero time where they never said no.
func (s *scene) coolDown(id consent.PurposeID) time.Time {
	i := slices.IndexFunc(s.record.Asks, func(a consent.Ask) bool { return a.Purpose == id })
	if i < 0 {
		return time.Time{}
	}
	ask := s.record.Asks[i]
	days := 0
	switch ask.Status {
	case consent.AskRefused:
		days = s.touchpoint.CoolDownDays
	case consent.AskDeferred:
		days = s.touchpoint.DeferDays
	case consent.AskUnknown, consent.AskAsked:
		return time.Time{}
	}
	if slices.ContainsFunc(s.record.Grants, func(g consent.Grant) bool {
		return g.Purpose == id && g.Position > ask.Position && g.Status != consent.StatusPending
	}) {
		return time.Time{} // they thought better of it
	}
	return ask.At.AddDate(0, 0, days)
}

// reached tells whether a person has agreed to all wordings that come before a step, and gives the newest grant among them.
func (s *scene) reached(step ir.LadderStep) (widens consent.Position, reached bool) {
	if len(step.After) == 0 {
		for _, name := range s.touchpoint.OptIn {
			if g := s.agreedTo(name); g != 0 {
				widens, reached = max(widens, g), true
			}
		}
		return widens, reached
	}
	for _, name := range step.After {
		g := s.agreedTo(name)
		if g == 0 {
			return 0, false
		}
		widens = max(widens, g)
	}
	return widens, true
}

// agreedTo gives the newest grant by which a person has agreed to a wording, or to one that covers as much for one of its purposes; 0 if
// they have not.
func (s *scene) agreedTo(name consent.NoticeID) consent.Position {
	n := s.notices[name]
	if n == nil {
		return 0
	}
	var newest consent.Position
	for _, id := range n.Purposes {
		p := s.purposes[id]
		if p == nil {
			continue
		}
		f := consent.Project(s.record, id, s.now)
		for _, g := range f.Grants {
			if !wide(s.notices[g.Notice], n) {
				continue
			}
			for _, plan := range s.plans[id] {
				if carries(plan, f, g, s.now) {
					newest = max(newest, g.Position)
				}
			}
		}
	}
	return newest
}

// smaller orders questions: fewer purposes, then less processing, then fewer recipients, then the name.
func (s *scene) smaller(x, y Question) int {
	n, m := s.notices[x.Notice], s.notices[y.Notice]
	return cmp.Or(cmp.Compare(len(x.Purposes), len(y.Purposes)), cmp.Compare(len(n.Processing)+len(n.Channels), len(m.Processing)+len(m.Channels)),
		cmp.Compare(len(n.Recipients), len(m.Recipients)), cmp.Compare(x.Notice, y.Notice))
}
