package enforce

import (
	"slices"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// off is a set of trackings that are turned off.
type off uint8

func kind(t ir.Tracking) off {
	if t == ir.OpenTracking {
		return 1
	}
	return 2
}

// switches are the trackings that have to be off for a person.
func switches(v decide.Verdict) off {
	var out off
	for _, o := range v.Obligations {
		for _, t := range []ir.Tracking{ir.OpenTracking, ir.ClickTracking} {
			if o == t.Off() {
				out |= kind(t)
			}
		}
	}
	return out
}

// groups decides who is sent to with which tracking off.
type groups struct {
	plan *decide.Plan
	// needs are those of the people of the body, in the order of judging.
	needs []off
	// always is off for everybody, because somebody whom the address names needs it.
	always off
}

// splittable are the trackings for which a request may be sent in groups. One with several switches is, if each of them is.
func (g *groups) splittable() off {
	var yes, no off
	for i := range g.plan.Tracking {
		if t := &g.plan.Tracking[i]; t.OnMixed == ir.OnMixedSplit {
			yes |= kind(t.Switch.Tracking)
		} else {
			no |= kind(t.Switch.Tracking)
		}
	}
	return yes &^ no
}

// bodies gives one body for each group: first that of those for whom nothing has to be off. A tracking that is not split is off for all
// as soon as one person needs it. Those who cannot be sent to apart are in one group, with everything off that one of them needs.
func (g *groups) bodies(r Addressed) ([][]byte, bool) {
	split, common := g.splittable(), g.always
	units := r.Units()
	unit := map[int]off{}
	for i := range g.needs {
		if r.Stays(i) {
			common |= g.needs[i] &^ split
			unit[units[i]] |= g.needs[i] & split
		}
	}
	keys := []off{}
	for _, o := range unit {
		if !slices.Contains(keys, o|common) {
			keys = append(keys, o|common)
		}
	}
	if len(keys) == 0 {
		keys = append(keys, common) // a body without addressees
	}
	slices.Sort(keys)
	var out [][]byte
	for _, key := range keys {
		body := r.Body(func(i int) bool { return unit[units[i]]|common == key })
		body, ok := g.turnOff(body, key)
		if !ok {
			return nil, false
		}
		out = append(out, body)
	}
	return out, true
}

// turnOff sets every switch of a set. What was set is read again: it has to be as strict as what came.
func (g *groups) turnOff(body []byte, which off) ([]byte, bool) {
	for i := range g.plan.Tracking {
		s := g.plan.Tracking[i].Switch
		if which&kind(s.Tracking) == 0 {
			continue
		}
		doc, err := Read(g.plan.Endpoint.Request, body)
		if err != nil {
			return nil, false
		}
		var ok bool
		if body, ok = doc.Set(s.Pointer, s.Off); !ok {
			return nil, false
		}
	}
	if _, err := Read(g.plan.Endpoint.Request, body); err != nil {
		return nil, false
	}
	return body, true
}
