package api

import (
	"encoding/csv"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
)

// registered is the answer to a registration of people.
type registered struct {
	DryRun bool `json:"dryRun"`
	Rows   int  `json:"rows"`
	// Registered rows are people whom the ledger did not know, Known ones those whom it did.
	Registered int              `json:"registered"`
	Known      int              `json:"known"`
	Position   consent.Position `json:"position"`
}

var populationColumns = []string{"identifier_type", "identifier", "identifier_form"}

// population answers POST /v1/population?dryRun=true: a CSV file of people who are registered somewhere and of whom nothing else is said, so
// that those who were never asked count in the usable share. It permits nothing. Who is known already stays as they are, so a file may
// be sent as often as one likes.
func (a *API) population(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	if c.Touchpoints != nil {
		return problem.Forbidden("a register is about more than one touchpoint: give the service account the role touchpoint in spec.access of the ConsentLedger")
	}
	dryRun, err := dryRunOf(r)
	if err != nil {
		return err
	}
	file, err := csvOf(w, r)
	if err != nil {
		return err
	}
	rows, wrong, err := parsePopulation(file)
	if err != nil {
		return err
	}
	if wrong.count > 0 {
		p := problem.Invalid("nobody was registered; correct the " + strconv.Itoa(wrong.count) + " errors and send the file again (the first 100 are listed)")
		p.Errors = wrong.items
		return p
	}
	out := registered{DryRun: dryRun, Rows: len(rows)}
	head, err := a.Store.Head(r.Context())
	if err != nil {
		return err
	}
	out.Position = head.Position
	seen := map[consent.Tag]bool{}
	for chunk := range slices.Chunk(rows, rowsPerAppend) {
		entries := make([]store.Append, 0, len(chunk))
		for _, i := range chunk {
			who, err := a.Keys.Identity(i)
			if err != nil {
				return err
			}
			tags := who.Tags
			record, err := a.Store.Lookup(r.Context(), tags[0])
			if err != nil {
				return err
			}
			if record.Position != 0 || seen[tags[0]] {
				out.Known++
				continue
			}
			seen[tags[0]] = true
			out.Registered++
			entries = append(entries, store.Append{
				Identities: []store.Identity{who},
				Event:      consent.Event{Type: consent.EventAttribute, Attribute: "registered", Actor: consent.ActorImport},
			})
		}
		if dryRun || len(entries) == 0 {
			continue
		}
		results, errs, err := a.Store.Append(r.Context(), entries...)
		if err := errors.Join(append(errs, err)...); err != nil {
			return err
		}
		for _, one := range results {
			out.Position = max(out.Position, one.Position)
			a.Appended(string(consent.EventAttribute), "appended")
		}
	}
	return answer(w, http.StatusOK, out)
}

// dryRunOf reads the only query parameter.
func dryRunOf(r *http.Request) (dryRun bool, err error) {
	for name, values := range r.URL.Query() {
		if name != "dryRun" || len(values) != 1 {
			return false, problem.Malformed("the only query parameter is dryRun, true or false")
		}
		if dryRun, err = strconv.ParseBool(values[0]); err != nil {
			return false, problem.Malformed("give dryRun as true or false")
		}
	}
	return dryRun, nil
}

// csvOf reads a CSV file from a body, for which there is more time than for others.
func csvOf(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if t, p, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "text/csv" || (p["charset"] != "" && p["charset"] != "utf-8" && p["charset"] != "UTF-8") {
		return nil, problem.Malformed("send a CSV file with the header Content-Type: text/csv; charset=utf-8")
	}
	control := http.NewResponseController(w)
	if err := errors.Join(control.SetReadDeadline(time.Now().Add(readImport)), control.SetWriteDeadline(time.Now().Add(2*readImport))); err != nil {
		return nil, err
	}
	return body(w, r, maxImport)
}

// parsePopulation reads a whole file of identifiers.
func parsePopulation(file []byte) ([]consent.Identifier, *lineErrors, error) {
	in := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(file), "\ufeff")))
	header, err := in.Read()
	known := err == nil && len(header) >= 2
	at := map[string]int{}
	for i, name := range header {
		name = strings.TrimSpace(name)
		_, twice := at[name]
		known = known && !twice && slices.Contains(populationColumns, name)
		at[name] = i
	}
	_, typed := at["identifier_type"]
	if _, named := at["identifier"]; !known || !typed || !named {
		return nil, nil, problem.Malformed("send a CSV file (UTF-8, commas) whose first line names the columns: identifier_type,identifier and, for files of hashes, identifier_form")
	}
	var rows []consent.Identifier
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
				return rows, errs, nil
			}
			continue
		}
		if len(rows) == maxRows {
			return nil, nil, problem.TooLarge("send at most 500000 rows at once")
		}
		line, _ := in.FieldPos(0)
		i := consent.Identifier{Type: consent.IdentifierType(strings.TrimSpace(record[at["identifier_type"]])), Value: record[at["identifier"]]}
		if form, ok := at["identifier_form"]; ok {
			i.Form = consent.Form(strings.TrimSpace(record[form]))
		}
		if _, err := consent.Normalize(i); err != nil {
			errs.add(line, "identifier", identifierHint)
		}
		rows = append(rows, i)
	}
}
