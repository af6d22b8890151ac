package api

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/problem"
)

// linesType is what a caller accepts who wants to be told how far an import is.
const linesType = "application/x-ndjson"

// tellEvery is how often that is told.
const tellEvery = 500 * time.Millisecond

// importing is one line of such an answer: one of its members.
type importing struct {
	Row      *rowTold         `json:"row,omitempty"`
	Progress *progress        `json:"progress,omitempty"`
	Result   *imported        `json:"result,omitempty"`
	Problem  *problem.Problem `json:"problem,omitempty"`
}

// rowTold is what became of one row.
type rowTold struct {
	Line    int    `json:"line"`
	Outcome string `json:"outcome"`
	// Position is that of the event; Detail says why a row was refused.
	Position consent.Position `json:"position,omitempty"`
	Detail   string           `json:"detail,omitempty"`
}

// progress is how far an import is. What is done is durable, and the same file sent again goes on behind it.
type progress struct {
	Rows     int `json:"rows"`
	Done     int `json:"done"`
	Appended int `json:"appended"`
	Replayed int `json:"replayed"`
	Refused  int `json:"refused"`
	// RowsPerSecond is the rate since the import began, and RemainingSeconds how long the rest takes at that rate.
	RowsPerSecond    float64 `json:"rowsPerSecond"`
	RemainingSeconds float64 `json:"remainingSeconds"`
}

// importQuery reads the query of an import.
func importQuery(r *http.Request) (dryRun, everyRow bool, err error) {
	for name, values := range r.URL.Query() {
		switch {
		case name == "dryRun" && len(values) == 1:
			if dryRun, err = strconv.ParseBool(values[0]); err != nil {
				return false, false, problem.Malformed("give dryRun as true or false")
			}
		case name == "report" && len(values) == 1 && values[0] == "rows":
			everyRow = true
		default:
			return false, false, problem.Malformed("the only query parameters are dryRun, true or false, and report=rows")
		}
	}
	if everyRow && !acceptsLines(r) {
		return false, false, problem.Malformed("report=rows is told line by line: send Accept: " + linesType)
	}
	return dryRun, everyRow, nil
}

func acceptsLines(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		if t, _, err := mime.ParseMediaType(strings.TrimSpace(part)); err == nil && t == linesType {
			return true
		}
	}
	return false
}

// teller tells how far an import is, line by line. A nil one tells nothing.
type teller struct {
	out      *json.Encoder
	flush    func() error
	everyRow bool
	began    time.Time
	last     time.Time
	done     int
	err      error
}

func newTeller(w http.ResponseWriter, everyRow bool) *teller {
	control := http.NewResponseController(w)
	h := w.Header()
	h.Set("Content-Type", linesType)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	now := time.Now()
	return &teller{out: json.NewEncoder(&slowly{w: w, control: control}), flush: control.Flush, everyRow: everyRow, began: now, last: now}
}

func (t *teller) say(line importing) {
	if t.err == nil {
		t.err = t.out.Encode(line)
	}
}

// row tells of one row, if it was refused or every one is wanted.
func (t *teller) row(line int, outcome string, at consent.Position, detail string) {
	if t == nil {
		return
	}
	t.done++
	if t.everyRow || outcome == refusedRow {
		t.say(importing{Row: &rowTold{line, outcome, at, detail}})
	}
}

// Outcomes of a row.
const (
	appendedRow = "appended"
	replayedRow = "replayed"
	refusedRow  = "refused"
)

// advance tells how far it is, now and then. Its error says that nobody listens any more.
func (t *teller) advance(im *importer) error {
	if t == nil {
		return nil
	}
	if now := time.Now(); now.Sub(t.last) >= tellEvery || t.done == im.out.Rows {
		t.last = now
		p := progress{Rows: im.out.Rows, Done: t.done, Appended: im.out.Appended, Replayed: im.out.Replayed, Refused: im.refused.count}
		if took := now.Sub(t.began).Seconds(); took > 0 {
			p.RowsPerSecond = float64(t.done) / took
		}
		if p.RowsPerSecond > 0 {
			p.RemainingSeconds = float64(p.Rows-p.Done) / p.RowsPerSecond
		}
		t.say(importing{Progress: &p})
		if t.err == nil {
			t.err = t.flush()
		}
	}
	return t.err
}

// end tells what it came to.
func (t *teller) end(out *imported, err error) {
	if err == nil {
		t.say(importing{Result: out})
		return
	}
	var p *problem.Problem
	if !errors.As(err, &p) {
		p = problem.Internal()
	}
	t.say(importing{Problem: p})
}
