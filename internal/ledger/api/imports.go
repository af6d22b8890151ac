package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
)

// rowsPerAppend is how many rows share a call to the store. Other callers get their turn in between.
const rowsPerAppend = 500

// imported is the answer to an import.
type imported struct {
	DryRun bool `json:"dryRun"`
	Rows   int  `json:"rows"`
	// Appended rows are new, Replayed ones had been imported before, Refused ones contradict what the ledger knows.
	Appended int `json:"appended"`
	Replayed int `json:"replayed"`
	Refused  int `json:"refused"`
	// Unproven counts grants without evidence among the rows: they permit nothing until the person confirms.
	Unproven int `json:"unproven"`
	// Position is that of the newest row in the ledger; of the head in a dry run.
	Position consent.Position `json:"position"`
	// Errors are about refused rows, at most 100.
	Errors []problem.Item `json:"errors,omitempty"`
	// Unknown are purposes and notices that nobody has declared, so that their rows permit nothing yet.
	Unknown []string `json:"unknown,omitempty"`
}

// imports answers POST /v1/imports?dryRun=true&report=rows: a CSV file with one event about one person in each row. If any row is malformed,
// nothing is imported. Rows with a time are imported once, however often the file is sent. Whoever accepts lines is told how far it is.
func (a *API) imports(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	if c.Touchpoints != nil {
		return problem.Forbidden("a file may be about every touchpoint: give the service account the role touchpoint in spec.access of the ConsentLedger")
	}
	dryRun, everyRow, err := importQuery(r)
	if err != nil {
		return err
	}
	file, err := csvOf(w, r)
	if err != nil {
		return err
	}
	rows, wrong, err := parseCSV(file, a.Now())
	if err != nil {
		return err
	}
	if wrong.count > 0 {
		p := problem.Invalid("nothing was imported; correct the " + strconv.Itoa(wrong.count) + " errors and send the file again (the first 100 are listed)")
		p.Errors = wrong.items
		return p
	}
	im := &importer{api: a, caller: c, key: r.Header.Get(keyHeader), out: imported{DryRun: dryRun, Rows: len(rows)}}
	im.count(rows)
	if acceptsLines(r) {
		im.tell = newTeller(w, everyRow)
	}
	if dryRun {
		err = im.try(r.Context(), rows)
	} else {
		err = im.append(r.Context(), rows)
	}
	im.out.Refused, im.out.Errors = im.refused.count, im.refused.items
	if im.tell != nil {
		im.tell.end(&im.out, err)
		return nil
	}
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, im.out)
}

type importer struct {
	api     *API
	caller  access.Caller
	key     string
	out     imported
	refused lineErrors
	// tell is nil for a caller who waits for the end.
	tell *teller
}

// count says beforehand what the rows will come to.
func (im *importer) count(rows []row) {
	var purposes []consent.PurposeID
	var notices []consent.NoticeID
	bundle := im.api.Bundle()
	if bundle != nil {
		for _, p := range bundle.Purposes {
			purposes = append(purposes, p.Name)
		}
		for _, n := range bundle.Notices {
			notices = append(notices, n.Name)
		}
	}
	for _, r := range rows {
		if r.event.Type == consent.EventGiven && r.event.Proof == consent.ProofNone {
			im.out.Unproven++
		}
		if bundle == nil {
			continue
		}
		if p := r.event.Purpose; p != "" && !slices.Contains(purposes, p) {
			im.unknown("purpose " + string(p))
		}
		if n := r.event.Notice; n != "" && !slices.Contains(notices, n) {
			im.unknown("notice " + string(n))
		}
	}
}

func (im *importer) unknown(what string) {
	if len(im.out.Unknown) < maxLineErrors && !slices.Contains(im.out.Unknown, what) {
		im.out.Unknown = append(im.out.Unknown, what)
	}
}

// entry gives what a row appends. A row with a time is one act, so its content is its idempotency key; one without is told apart
// by the file's key and its line. Evidence is kept in the same transaction.
func (im *importer) entry(r row) (store.Append, error) {
	who, err := im.api.identity(r.identifier)
	if err != nil {
		return store.Append{}, err
	}
	one := store.Append{Identities: []store.Identity{who}, Event: r.event}
	if one.Digest, err = digest(one.Identities, r.event); err != nil {
		return one, err
	}
	switch {
	case !r.event.OccurredAt.IsZero():
		one.Key = im.api.Keys.Name("import", string(one.Digest[:]))
	case im.key != "":
		one.Key = im.api.Keys.Name("import line", im.caller.Subject, im.key, strconv.Itoa(r.line))
	}
	if r.evidence != nil {
		one.Attachments = []store.Attachment{{Kind: store.KindEvidence, Body: r.evidence}}
		if one.Key != "" {
			one.Digest = sha256.Sum256(append(one.Digest[:], r.evidence...)) // other evidence of the same act is refused, not lost
		}
	}
	return one, nil
}

func (im *importer) append(ctx context.Context, rows []row) error {
	for chunk := range slices.Chunk(rows, rowsPerAppend) {
		entries := make([]store.Append, 0, len(chunk))
		for _, r := range chunk {
			e, err := im.entry(r)
			if err != nil {
				return err
			}
			entries = append(entries, e)
		}
		results, errs, err := im.api.Store.Append(ctx, entries...)
		if err != nil {
			return err
		}
		for i, r := range chunk {
			switch {
			case errs[i] != nil:
				if p := im.api.refused(r.event, errs[i]); !isProblem(p) {
					return p
				}
				im.refused.add(r.line, "", errs[i].Error())
				im.tell.row(r.line, refusedRow, 0, errs[i].Error())
			case results[i].Replayed:
				im.out.Replayed++
				im.tell.row(r.line, replayedRow, results[i].Position, "")
				im.out.Position = max(im.out.Position, results[i].Position)
				im.api.Appended(string(r.event.Type), "replayed")
			default:
				im.out.Appended++
				im.tell.row(r.line, appendedRow, results[i].Position, "")
				im.out.Position = max(im.out.Position, results[i].Position)
				im.api.Appended(string(r.event.Type), "appended")
			}
		}
		if err := im.tell.advance(im); err != nil {
			return err
		}
	}
	return nil
}

func isProblem(err error) bool {
	var p *problem.Problem
	return errors.As(err, &p)
}

// try tells what append would come to, on copies of the records. It cannot see what was imported before.
func (im *importer) try(ctx context.Context, rows []row) error {
	head, err := im.api.Store.Head(ctx)
	if err != nil {
		return err
	}
	im.out.Position = head.Position
	next, records := head.Position, map[consent.Tag]*consent.Record{}
	for _, r := range rows {
		tags, err := im.api.Keys.Tags(r.identifier)
		if err != nil {
			return err
		}
		record := records[tags[0]]
		if record == nil {
			found, err := im.api.Store.Lookup(ctx, tags[0])
			if err != nil {
				return err
			}
			record = found.Clone()
			records[tags[0]] = record
		}
		if err := consent.Admit(record, r.event); err != nil {
			im.refused.add(r.line, "", err.Error())
			im.tell.row(r.line, refusedRow, 0, err.Error())
		} else {
			next++
			e := r.event
			e.Position, e.At = next, im.api.Now().UTC()
			record.Apply(e)
			im.out.Appended++
			im.tell.row(r.line, appendedRow, 0, "")
		}
		if err := im.tell.advance(im); err != nil {
			return err
		}
	}
	return nil
}
