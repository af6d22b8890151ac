package journal

import (
	"slices"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
)

// maxWords bounds the words that a decoder remembers.
const maxWords = 1 << 12

// decoder reads records as AppendRecord writes them, several times faster than encoding/json, which reads the same out of anything that this
// one reads. Whatever else there may be is left to that: members that are unknown, stand twice or in another order, spaces, escapes, nulls and
// empty lists. It is for one goroutine.
type decoder struct {
	in  []byte
	at  int
	bad bool
	// words are texts that were met: purposes, notices and the like come again and again.
	words  map[string]string
	grants []consent.Grant
	noes   []consent.No
	// What the grant before had, which is likely to come again, and what is known of its purpose.
	status, proof, touchpoint string
	last                      *known
	// purposes are those that were met, and none stands before the first grant of a record.
	purposes map[string]*known
	none     known
	// records and room are what is given out next, where many records are read at once; empty where one is read.
	records []consent.Record
	room    []consent.Grant
	many    bool
	// lent is the one record that is given out again and again, with the grants and noes above, to who keeps nothing; nil for everybody else.
	lent *consent.Record
}

var decoders = sync.Pool{New: func() any { return &decoder{words: map[string]string{}} }}

// record reads one record; nil where it is left to others.
func (d *decoder) record(raw []byte) *consent.Record {
	d.in, d.at, d.bad, d.grants, d.last = raw, 0, false, d.grants[:0], &d.none
	r := d.next()
	d.object(func(key []byte) int { return d.recordMember(r, key) })
	if d.bad || d.at != len(d.in) {
		return nil
	}
	return r
}

// expect makes room for so many records at once. Who keeps one of them keeps them all.
func (d *decoder) expect(n int) { d.records, d.many = make([]consent.Record, n), n > 0 }

func (d *decoder) next() *consent.Record {
	if d.lent != nil {
		*d.lent = consent.Record{}
		return d.lent
	}
	if len(d.records) == 0 {
		return &consent.Record{}
	}
	r := &d.records[0]
	d.records = d.records[1:]
	return r
}

// roomFor is how many grants get room at once.
const roomFor = 256

// keep gives the grants of a record a place of their own.
func (d *decoder) keep() []consent.Grant {
	n := len(d.grants)
	if d.lent != nil {
		return d.grants[:n:n]
	}
	if !d.many || n > roomFor {
		return slices.Clone(d.grants)
	}
	if cap(d.room)-len(d.room) < n {
		d.room = make([]consent.Grant, 0, roomFor)
	}
	d.room = append(d.room, d.grants...)
	return d.room[len(d.room)-n : len(d.room) : len(d.room)]
}

// Functions of members give the place of the member in its type, in the order of which members are written; 0 for one that is not known.

func (d *decoder) recordMember(r *consent.Record, key []byte) int {
	switch string(key) {
	case "position":
		r.Position = d.position()
		return 1
	case "grants":
		d.list(func() {
			d.grants = append(d.grants, consent.Grant{})
			d.grant(&d.grants[len(d.grants)-1])
		})
		r.Grants = d.keep()
		return 2
	case "objections":
		r.Objections = listOf(d, d.objectionMember)
		return 3
	case "relationships":
		r.Relationships = listOf(d, d.relationshipMember)
		return 4
	case "noes":
		d.noes, d.last = d.noes[:0], &d.none
		d.list(func() {
			d.noes = append(d.noes, consent.No{})
			d.no(&d.noes[len(d.noes)-1])
		})
		if r.Noes = d.noes[:len(d.noes):len(d.noes)]; d.lent == nil {
			r.Noes = slices.Clone(r.Noes)
		}
		return 5
	case "restricted":
		r.Restricted = d.yes()
		return 6
	case "inherited":
		r.Inherited = listOf(d, d.noMember)
		return 7
	case "suppressed":
		r.Suppressed = d.position()
		return 8
	default:
		return d.rarer(r, key)
	}
}

func (d *decoder) rarer(r *consent.Record, key []byte) int {
	switch string(key) {
	case "lifted":
		r.Lifted = listOf(d, d.liftedMember)
		return 9
	case "unrestricted":
		r.Unrestricted = d.position()
		return 10
	case "unsuppressed":
		r.Unsuppressed = listOf(d, d.liftedMember)
		return 11
	case "asks":
		r.Asks = listOf(d, d.askMember)
		return 12
	case "used":
		r.Used = d.used()
		return 13
	case "ageYears":
		r.AgeYears = int(d.number(1 << 31))
		return 14
	case "business":
		r.Business = d.yes()
		return 15
	case "informed":
		r.Informed = d.yes()
		return 16
	case "ambiguous":
		r.Ambiguous = d.yes()
		return 17
	default:
		return 0
	}
}

// used reads times by purpose, which are written in the order of purposes.
func (d *decoder) used() map[consent.PurposeID]time.Time {
	out := map[consent.PurposeID]time.Time{}
	last := ""
	d.object(func(key []byte) int {
		purpose := d.word(key)
		d.bad = d.bad || (len(out) > 0 && purpose <= last)
		last = purpose
		out[consent.PurposeID(purpose)] = d.time()
		return len(out)
	})
	return out
}

func (d *decoder) grantMember(g *consent.Grant, key []byte) int {
	switch string(key) {
	case "position":
		g.Position = d.position()
		return 1
	case "purpose":
		g.Purpose = consent.PurposeID(d.text())
		return 2
	case "notice":
		g.Notice = consent.NoticeID(d.text())
		return 3
	case "status":
		g.Status = consent.Status(d.text())
		return 4
	case "proof":
		g.Proof = consent.Proof(d.text())
		return 5
	case "since":
		g.Since = d.time()
		return 6
	case "renewed":
		g.Renewed = d.time()
		return 7
	case "basedOn":
		g.BasedOn = d.position()
		return 8
	case "widenedFrom":
		g.WidenedFrom = d.position()
		return 9
	case "touchpoint":
		g.Touchpoint = d.text()
		return 10
	case "guardian":
		g.Guardian = d.yes()
		return 11
	case "confirmed":
		g.Confirmed = d.position()
		return 12
	case "renewedAt":
		g.RenewedAt = d.position()
		return 13
	case "endedBy":
		d.list(func() { g.EndedBy = append(g.EndedBy, d.position()) })
		return 14
	case "before":
		g.Before = consent.Status(d.text())
		return 15
	default:
		return 0
	}
}

func (d *decoder) objectionMember(o *consent.Objection, key []byte) int {
	switch string(key) {
	case "position":
		o.Position = d.position()
		return 1
	case "scope":
		o.Scope = consent.Scope(d.text())
		return 2
	case "channel":
		o.Channel = consent.Channel(d.text())
		return 3
	case "purpose":
		o.Purpose = consent.PurposeID(d.text())
		return 4
	default:
		return 0
	}
}

func (d *decoder) liftedMember(l *consent.Lifted, key []byte) int {
	if string(key) == "by" {
		l.By = d.position()
		return 5
	}
	return d.objectionMember(&l.Objection, key)
}

func (d *decoder) relationshipMember(r *consent.Relationship, key []byte) int {
	switch string(key) {
	case "position":
		r.Position = d.position()
		return 1
	case "goods":
		d.list(func() { r.Goods = append(r.Goods, d.text()) })
		return 2
	case "objectionNotice":
		r.ObjectionNotice = d.yes()
		return 3
	case "since":
		r.Since = d.time()
		return 4
	default:
		return 0
	}
}

func (d *decoder) noMember(n *consent.No, key []byte) int {
	switch string(key) {
	case "position":
		n.Position = d.position()
		return 1
	case "purpose":
		n.Purpose = consent.PurposeID(d.text())
		return 2
	case "refusal":
		n.Refusal = d.yes()
		return 3
	default:
		return 0
	}
}

func (d *decoder) askMember(a *consent.Ask, key []byte) int {
	switch string(key) {
	case "purpose":
		a.Purpose = consent.PurposeID(d.text())
		return 1
	case "status":
		a.Status = consent.AskStatus(d.text())
		return 2
	case "position":
		a.Position = d.position()
		return 3
	case "at":
		a.At = d.time()
		return 4
	default:
		return 0
	}
}
