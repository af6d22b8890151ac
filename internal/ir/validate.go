package ir

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Validate checks what a bundle promises to its readers: references resolve, pointers parse, enums are known. Readers may rely
// on it and need no checks of their own.
func Validate(b *Bundle) error {
	v := &validator{}
	v.bundle(b)
	if len(v.problems) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrBundle, strings.Join(v.problems, "; "))
}

type validator struct{ problems []string }

func (v *validator) check(ok bool, format string, args ...any) {
	if !ok && len(v.problems) < 20 {
		v.problems = append(v.problems, fmt.Sprintf(format, args...))
	}
}

func (v *validator) bundle(b *Bundle) {
	v.check(b.Mode == ModeEnforce || b.Mode == ModeObserve, "mode %q", b.Mode)
	switch b.Ungoverned.Action {
	case UngovernedObserve, UngovernedAllow, UngovernedDeny:
	default:
		v.check(false, "ungoverned action %q", b.Ungoverned.Action)
	}
	v.check(b.FreshnessBoundMillis >= 1000, "freshnessBoundMillis %d, at least 1000", b.FreshnessBoundMillis)
	purposes := v.purposes(b.Purposes)
	endpoints := map[string]map[string]bool{}
	for i, s := range b.Services {
		v.check(len(s.Hosts) > 0, "service %q has no host", s.Name)
		v.check(len(s.Ports) > 0, "service %q has no port", s.Name)
		v.check(endpoints[s.Name] == nil, "service %q twice", s.Name)
		v.encryption(&b.Services[i])
		v.credential(s.Name, s.Credential)
		endpoints[s.Name] = map[string]bool{}
		for j := range s.Endpoints {
			e := &s.Endpoints[j]
			endpoints[s.Name][e.Name] = true
			v.endpoint(s.Name, e)
		}
	}
	for _, r := range b.Rules {
		v.check(purposes[string(r.Purpose)], "rule %q: unknown purpose %q", r.Policy, r.Purpose)
		v.check(endpoints[r.Service] != nil, "rule %q: unknown service %q", r.Policy, r.Service)
		for _, e := range r.Endpoints {
			v.check(endpoints[r.Service][e], "rule %q: unknown endpoint %q", r.Policy, e)
		}
		for _, t := range r.Tracking {
			v.check(purposes[string(t.Purpose)], "rule %q: unknown purpose %q", r.Policy, t.Purpose)
		}
		v.rule(r)
	}
	v.callbacks(b, purposes)
	v.asking(b)
	v.provided(b.Provides)
}

func (v *validator) purposes(in []Purpose) map[string]bool {
	purposes := map[string]bool{}
	for _, p := range in {
		v.check(!purposes[string(p.Name)], "purpose %q twice", p.Name)
		purposes[string(p.Name)] = true
		switch p.Objection {
		case ObjectionDirectMarketing, ObjectionOwnSituation, ObjectionNone:
		default:
			v.check(false, "purpose %q: objection %q", p.Name, p.Objection)
		}
		v.check(p.ValidForDays >= 0 && p.UnusedForDays >= 0 && p.MinimumAge >= 0, "purpose %q: a negative period or age", p.Name)
	}
	for _, p := range in {
		v.check(p.DeviceAccess == "" || (purposes[string(p.DeviceAccess)] && p.DeviceAccess != p.Name), "purpose %q: device access by the unknown purpose %q", p.Name, p.DeviceAccess)
	}
	return purposes
}

func (v *validator) rule(r Rule) {
	switch r.OnMissing {
	case OnMissingDeny, OnMissingDropRecord, OnMissingDropAddressee, OnMissingRedactField:
	default:
		v.check(false, "rule %q: onMissing %q", r.Policy, r.OnMissing)
	}
	v.check(r.OnEmpty == OnEmptyDeny || r.OnEmpty == OnEmptyAnswerAccepted, "rule %q: onEmpty %q", r.Policy, r.OnEmpty)
	v.check(r.Mode == ModeEnforce || r.Mode == ModeObserve, "rule %q: mode %q", r.Policy, r.Mode)
	v.check(slices.Contains([]Redaction{"", RedactionOmit, RedactionNullify, RedactionMask}, r.Redaction), "rule %q: redaction %q", r.Policy, r.Redaction)
	for _, t := range r.Tracking {
		v.check(t.Tracking == OpenTracking || t.Tracking == ClickTracking, "rule %q: tracking %q", r.Policy, t.Tracking)
		v.check(slices.Contains([]OnMixed{OnMixedOffForAll, OnMixedSplit, OnMixedDropAddressee}, t.OnMixed), "rule %q: onMixed %q", r.Policy, t.OnMixed)
	}
	for _, c := range r.When {
		switch c.Source {
		case SourceBody:
			v.check(ValidPointer(c.Name) && !strings.Contains(c.Name, "*"), "rule %q: pointer %q", r.Policy, c.Name)
		case SourceHeader, SourcePath, SourceQuery:
		default:
			v.check(false, "rule %q: source %q", r.Policy, c.Source)
		}
		v.check(len(c.In) > 0, "rule %q: a condition without values", r.Policy)
	}
}

func (v *validator) endpoint(service string, e *Endpoint) {
	at := service + "/" + e.Name
	v.check(len(e.Methods) > 0, "endpoint %q has no method", at)
	v.check(strings.HasPrefix(e.Path, "/"), "endpoint %q: path %q", at, e.Path)
	for _, s := range e.Segments {
		v.check(slices.Contains(strings.Split(e.Path, "/"), "{"+s.Name+"}"), "endpoint %q: no segment {%s} in the path", at, s.Name)
	}
	for _, f := range e.Fulfils {
		v.check(ValidPointer(f.Pointer) && !strings.Contains(f.Pointer, "*"), "endpoint %q: pointer %q", at, f.Pointer)
		v.check(f.Pointer == "" || formatOf(e.Request).Fixed(), "endpoint %q: no value in %s can show an obligation; that works in JSON and Form only", at, formatOf(e.Request))
	}
	v.merged(at, e)
	for i, m := range []*Message{e.Request, e.Response} {
		if m == nil {
			continue
		}
		v.format(at, m, i == 0)
		v.switches(at, m.Switches)
		for _, a := range m.Addressees {
			v.check(ValidPointer(a.Columns) && ValidPointer(a.Time) && validFormat(a.TimeFormat), "endpoint %q: columns %q, time %q", at, a.Columns, a.Time)
			v.check(a.Each == "" || (ValidPointer(a.Each) && strings.HasSuffix(a.Each, "/*")), "endpoint %q: addressees %q", at, a.Each)
			v.check(ValidPointer(a.Identifier), "endpoint %q: identifier %q", at, a.Identifier)
			v.check(a.Unit == "" || (ValidPointer(a.Unit) && strings.HasSuffix(a.Unit, "/*") && strings.HasPrefix(a.Each, a.Unit+"/")),
				"endpoint %q: unit %q", at, a.Unit)
		}
		if r := m.Records; r != nil {
			v.check(ValidPointer(r.Each), "endpoint %q: records %q", at, r.Each)
			v.check(ValidPointer(r.Columns) && ValidPointer(r.Time) && validFormat(r.TimeFormat), "endpoint %q: columns %q, time %q", at, r.Columns, r.Time)
			v.check(ValidPointer(r.Identifier), "endpoint %q: identifier %q", at, r.Identifier)
			v.pointers(at, r.Fields, r.NotPersonal)
		}
		v.pointers(at, m.Fields, append(m.NotPersonal, m.Totals...))
	}
}

func (v *validator) switches(at string, all []Switch) {
	for _, s := range all {
		v.check(s.Tracking == OpenTracking || s.Tracking == ClickTracking, "endpoint %q: tracking %q", at, s.Tracking)
		v.check(s.Pointer != "" && ValidPointer(s.Pointer) && !strings.Contains(s.Pointer, "*"), "endpoint %q: switch %q", at, s.Pointer)
		v.check(json.Valid(s.Off), "endpoint %q: the off value of %s is not JSON", at, s.Tracking)
		v.check(len(s.Processing) > 0, "endpoint %q: the switch for %s has no processing", at, s.Tracking)
	}
}

func formatOf(m *Message) Format {
	if m == nil {
		return FormatJSON
	}
	return m.Format
}

func validFormat(f TimeFormat) bool {
	return slices.Contains([]TimeFormat{"", TimeRFC3339, TimeUnixSeconds, TimeUnixMilliseconds}, f)
}

func (v *validator) pointers(at string, fields []Field, others []string) {
	for _, f := range fields {
		v.check(ValidPointer(f.Pointer), "endpoint %q: pointer %q", at, f.Pointer)
		v.check(f.Category != "", "endpoint %q: field %q has no category", at, f.Pointer)
	}
	for _, p := range others {
		v.check(ValidPointer(p), "endpoint %q: pointer %q", at, p)
	}
}

// ValidPointer tells whether s is an RFC 6901 JSON pointer; "*" as a whole segment stands for every element.
func ValidPointer(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != '/' || len(s) > 1024 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] == '~' && (i+1 == len(s) || (s[i+1] != '0' && s[i+1] != '1')) {
			return false
		}
	}
	return true
}
