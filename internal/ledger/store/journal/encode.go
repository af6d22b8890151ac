package journal

import (
	"encoding/json"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store/plain"
)

// AppendRecord appends an identity's own record as it is kept: as encoding/json writes it, which most records need not be left to. After an error it
// gives what it was given.
func AppendRecord(to []byte, r *consent.Record) ([]byte, error) {
	if grantsAlone(r) {
		w := plain.Writer{Out: to}
		if record(&w, r); !w.Bad {
			return w.Out, nil
		}
	}
	raw, err := json.Marshal(r)
	return append(to, raw...), err
}

// grantsAlone tells whether a record has no members but its position and its grants.
func grantsAlone(r *consent.Record) bool {
	lists := len(r.Objections) + len(r.Relationships) + len(r.Noes) + len(r.Inherited) + len(r.Lifted) + len(r.Unsuppressed) + len(r.Asks) + len(r.Used)
	return lists == 0 && r.Suppressed == 0 && r.Unrestricted == 0 && r.AgeYears == 0 && !r.Restricted && !r.Business && !r.Informed && !r.Ambiguous
}

func record(w *plain.Writer, r *consent.Record) {
	w.Raw(`{"position":`)
	w.Number(uint64(r.Position))
	for i := range r.Grants {
		if i == 0 {
			w.Raw(`,"grants":[`)
		} else {
			w.Raw(`,`)
		}
		grant(w, &r.Grants[i])
	}
	if len(r.Grants) > 0 {
		w.Raw(`]`)
	}
	w.Raw(`}`)
}

func grant(w *plain.Writer, g *consent.Grant) {
	w.Raw(`{"position":`)
	w.Number(uint64(g.Position))
	w.Raw(`,"purpose":`)
	w.Text(string(g.Purpose))
	w.Raw(`,"notice":`)
	w.Text(string(g.Notice))
	w.Raw(`,"status":`)
	w.Text(string(g.Status))
	w.SomeText("proof", string(g.Proof))
	w.Raw(`,"since":`)
	w.Time(g.Since)
	w.SomeTime("renewed", g.Renewed)
	w.SomeNumber("basedOn", uint64(g.BasedOn))
	w.SomeNumber("widenedFrom", uint64(g.WidenedFrom))
	w.SomeText("touchpoint", g.Touchpoint)
	w.Yes("guardian", g.Guardian)
	w.SomeNumber("confirmed", uint64(g.Confirmed))
	w.SomeNumber("renewedAt", uint64(g.RenewedAt))
	for i, p := range g.EndedBy {
		if i == 0 {
			w.Raw(`,"endedBy":[`)
		} else {
			w.Raw(`,`)
		}
		w.Number(uint64(p))
	}
	if len(g.EndedBy) > 0 {
		w.Raw(`]`)
	}
	w.SomeText("before", string(g.Before))
	w.Raw(`}`)
}
