package enforce

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// Inbound is the body of a callback: records about people that a service brings.
type Inbound struct {
	callback *ir.Callback
	doc      *jsonfilter.Document
	records  []jsonfilter.Record
	// kinds are those of the records, by their place in the callback; -1 for one that nobody declared.
	kinds []int
}

// ReadInbound reads the body of a callback. A body that has no records at all where they are declared is not what was declared, unless
// it is an empty list.
func ReadInbound(c *ir.Callback, body []byte) (*Inbound, decide.Reason) {
	read, err := Read(c.Body, body)
	if err != nil {
		return nil, decide.BodyUnreadable
	}
	doc, ok := read.(jsonBody)
	if !ok {
		return nil, decide.BodyUnreadable
	}
	in := &Inbound{callback: c, doc: doc.Document, records: doc.Records(c.Body.Records)}
	if len(in.records) == 0 && !doc.EmptyList() {
		return nil, decide.BodyUnreadable
	}
	for _, r := range in.records {
		in.kinds = append(in.kinds, kindOf(c, r))
	}
	return in, ""
}

func kindOf(c *ir.Callback, r jsonfilter.Record) int {
	if c.Kind == "" {
		return len(c.Kinds) - 1 // there is one, or none
	}
	value, ok := r.Constant(c.Kind)
	if !ok {
		return -1
	}
	return slices.IndexFunc(c.Kinds, func(k ir.RecordKind) bool { return slices.Contains(k.In, value) })
}

// Said is an event that a record tells a ledger.
type Said struct {
	*ir.Told
	Identifier consent.Identifier
	// Key tells one that comes again: what the service calls it, or what stands for that, and what is told of whom.
	Key string
	// At is when the person acted; zero where the record does not say it.
	At time.Time
}

// Said gives the events that the records tell ledgers, in their order. Nameless counts those about whom nobody can tell who they are.
func (in *Inbound) Said() (out []Said, nameless int) {
	for _, r := range in.records {
		for i := range in.callback.Events {
			told := &in.callback.Events[i]
			if !all(told.When, r) {
				continue
			}
			who := r.Person(in.callback.Body.Records)
			id, err := consent.Normalize(who.Identifier)
			if who.Unresolved || err != nil {
				nameless++
				continue
			}
			out = append(out, Said{Told: told, Identifier: who.Identifier, Key: key(in.callback, told, r, id), At: who.Time})
		}
	}
	return out, nameless
}

func all(when []ir.RecordCondition, r jsonfilter.Record) bool {
	for _, w := range when {
		if value, ok := r.Constant(w.Pointer); !ok || !slices.Contains(w.In, value) {
			return false
		}
	}
	return len(when) > 0
}

// maxID bounds a service's own id of an event in bytes. A longer one is stood for by its hash.
const maxID = 160

// key names an event. Whom it is about and what is told are a part of it: services give one id to several people, and declarations change.
func key(c *ir.Callback, told *ir.Told, r jsonfilter.Record, who consent.Identifier) string {
	id, ok := "", false
	if c.ID != "" {
		id, ok = r.Constant(c.ID)
	}
	if !ok || id == "" {
		id = hashed(string(r.Bytes()))
	} else if len(id) > maxID || strings.ContainsFunc(id, func(x rune) bool { return x <= ' ' || x > '~' }) {
		id = hashed(id)
	}
	what := []string{
		c.Name, string(told.Type), string(told.Scope), string(told.Channel), string(told.Purpose), string(who.Type), string(who.Form), who.Value,
	}
	return id + " " + hashed(strings.Join(what, "\x00"))[:32]
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Passed is what is left of a callback's body.
type Passed struct {
	// Reason why nothing can be decided now; empty if it can.
	Reason decide.Reason
	// Kept are the records that are left, Dropped those that were taken out, Redacted those of the kept that lost the person.
	Kept, Dropped, Redacted int
	Body                    []byte
}

// Filter takes records out, or the person out of records, as the plans of their kinds say; plans are by the place of the kind in the
// callback. Judge decides about one person for a kind. Where facts are too old for somebody nothing passes: the service tries again.
func (in *Inbound) Filter(plans []*decide.Plan, judge func(kind int, p Person) decide.Verdict) Passed {
	var out Passed
	n, current, behind := -1, (*decide.Plan)(nil), false
	covered := func(category string) bool { return current != nil && current.Category(category) }
	body, _ := in.doc.Response(in.callback.Body, covered, in.callback.Redaction, func(who jsonfilter.Person) jsonfilter.Handling {
		n++
		kind := in.kinds[n]
		if current = nil; kind < 0 {
			out.Dropped++
			return jsonfilter.Drop
		}
		current = plans[kind]
		v := judge(kind, person(who, decide.InAnswer))
		behind = behind || v.Reason == decide.LedgerBehind
		switch {
		case v.Permit():
			out.Kept++
			return jsonfilter.Keep
		case current.OnMissing == ir.OnMissingRedactField:
			out.Kept++
			out.Redacted++
			return jsonfilter.Redact
		default:
			out.Dropped++
			return jsonfilter.Drop
		}
	})
	if behind {
		return Passed{Reason: decide.LedgerBehind}
	}
	out.Body = body
	return out
}
