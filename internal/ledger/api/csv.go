package api

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/evidence"
	"github.com/optup/optup/internal/ledger/problem"
)

const (
	maxRows = 500_000
	// maxLineErrors is how many errors one answer lists.
	maxLineErrors = 100
)

// columns are those that a file may have, in any order. The first three have to be there.
var columns = []string{
	"identifier_type", "identifier", "event", "purpose", "notice", "at", "touchpoint", "proof", "evidence", "channel", "goods",
	"objection_notice", "scope", "identifier_form", // the last for files of hashes
}

// row is one row of an imported file.
type row struct {
	line       int
	identifier consent.Identifier
	event      consent.Event
	// evidence is what is kept of the event's proof; nil if there is none.
	evidence []byte
}

// lineErrors collects what is wrong with a file, by line. Details name columns, never what stands in them.
type lineErrors struct {
	items []problem.Item
	count int
}

func (l *lineErrors) add(line int, column, detail string) {
	if l.count++; len(l.items) < maxLineErrors {
		l.items = append(l.items, problem.Item{Line: line, Member: column, Detail: detail})
	}
}

// parseCSV reads a whole file (RFC 4180, UTF-8, with a header). The error is about the file as a whole.
func parseCSV(file []byte, now time.Time) ([]row, *lineErrors, error) {
	in := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(file), "\ufeff")))
	in.ReuseRecord = true
	header, err := in.Read()
	if err != nil {
		return nil, nil, problem.Malformed("send a CSV file (UTF-8, commas) whose first line names the columns: " + strings.Join(columns, ","))
	}
	at := map[string]int{}
	for i, name := range header {
		name = strings.TrimSpace(name)
		if _, twice := at[name]; twice || !slices.Contains(columns, name) {
			return nil, nil, problem.Malformed("the first line has a column that is unknown or named twice; known are " + strings.Join(columns, ","))
		}
		at[name] = i
	}
	for _, name := range columns[:3] {
		if _, ok := at[name]; !ok {
			return nil, nil, problem.Malformed("the column " + name + " is missing in the first line")
		}
	}
	var rows []row
	errs := &lineErrors{}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, errs, nil
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			errs.add(wrong.StartLine, "", "the line is no CSV with as many fields as the first line; check quotes and commas")
			if !errors.Is(err, csv.ErrFieldCount) {
				return rows, errs, nil // after a broken quote nothing is where it seems
			}
			continue
		}
		if len(rows) == maxRows {
			return nil, nil, problem.TooLarge("send at most 500000 rows at once")
		}
		line, _ := in.FieldPos(0)
		rows = append(rows, parseRow(record, at, line, now, errs))
	}
}

func parseRow(record []string, at map[string]int, line int, now time.Time, errs *lineErrors) row {
	get := func(column string) string {
		if i, ok := at[column]; ok {
			return strings.TrimSpace(strings.Clone(record[i]))
		}
		return ""
	}
	in := event{
		Type: consent.EventType(get("event")), Purpose: consent.PurposeID(get("purpose")), Notice: consent.NoticeID(get("notice")),
		Touchpoint: get("touchpoint"), Proof: consent.Proof(get("proof")), Channel: consent.Channel(get("channel")),
		Scope: consent.Scope(get("scope")),
	}
	for _, g := range strings.Split(get("goods"), ";") {
		if g = strings.TrimSpace(g); g != "" {
			in.Goods = append(in.Goods, g)
		}
	}
	switch get("objection_notice") {
	case "true":
		in.ObjectionNotice = true
	case "", "false":
	default:
		errs.add(line, "objection_notice", "give true or false, or leave it empty")
	}
	if s := get("at"); s != "" {
		var err error
		if in.OccurredAt, err = parseTime(s); err != nil {
			errs.add(line, "at", "give a time as 2026-03-01T12:00:00Z, or a day as 2026-03-01")
		}
	}
	r := row{line: line, identifier: consent.Identifier{
		Type: consent.IdentifierType(get("identifier_type")), Form: consent.Form(get("identifier_form")), Value: get("identifier"),
	}}
	if _, err := consent.Normalize(r.identifier); err != nil {
		errs.add(line, "identifier", identifierHint)
	}
	e, items := in.check(now)
	for _, i := range items {
		errs.add(line, column(i.Member), i.Detail)
	}
	r.event = e
	if len(items) > 0 {
		return r
	}
	if err := stand(&r.event, fromImport); err != nil {
		errs.add(line, "event", detail(err))
	} else if err := consent.Validate(r.event); err != nil {
		errs.add(line, "event", err.Error())
	} else if r.evidence, err = archived(r.event, get("evidence"), now); err != nil {
		errs.add(line, "evidence", err.Error())
	}
	return r
}

// archived gives the evidence of a row's proof as it is kept. A row that names a proof has to show it, as an event has to: otherwise a file
// would permit what POST /v1/events refuses.
func archived(e consent.Event, reference string, now time.Time) ([]byte, error) {
	switch {
	case e.Proof == consent.ProofNone && reference == "":
		return nil, nil
	case e.Proof == consent.ProofNone:
		return nil, errors.New("say in proof what the evidence proves (MailboxConfirmed, NumberConfirmed, Signed or AuthenticatedSession), or leave the evidence out")
	}
	a := evidence.Archive{ProvenAt: e.OccurredAt, Reference: reference}
	if err := evidence.CheckImported(a, e.Proof, now); err != nil {
		return nil, err
	}
	return json.Marshal(evidence.Evidence{Kind: evidence.Archived, Archived: &a})
}

func parseTime(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.Parse(time.DateOnly, s)
}

// column is where a member of an event stands in a file.
func column(member string) string {
	switch member {
	case "type":
		return "event"
	case "occurredAt":
		return "at"
	default:
		return member
	}
}

func detail(err error) string {
	var p *problem.Problem
	if errors.As(err, &p) {
		return p.Detail
	}
	return err.Error()
}
