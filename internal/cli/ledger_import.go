package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/problem"
)

// Progress is how far an import is.
type Progress struct {
	Rows     int `json:"rows"`
	Done     int `json:"done"`
	Appended int `json:"appended"`
	Replayed int `json:"replayed"`
	Refused  int `json:"refused"`
	// RowsPerSecond is the rate so far, and RemainingSeconds how long the rest takes at that rate.
	RowsPerSecond    float64 `json:"rowsPerSecond"`
	RemainingSeconds float64 `json:"remainingSeconds"`
}

// ImportedRow is what became of one row: "appended", "replayed" or "refused".
type ImportedRow struct {
	Line     int              `json:"line"`
	Outcome  string           `json:"outcome"`
	Position consent.Position `json:"position,omitempty"`
	Detail   string           `json:"detail,omitempty"`
}

// ImportOptions say how a file is imported, and who is told of it.
type ImportOptions struct {
	// Key is that of Import. DryRun only reports.
	Key    string
	DryRun bool
	// EveryRow has Row called for rows that were taken, too, and not for refused ones alone. After a cut a row may be told again.
	EveryRow bool
	Row      func(ImportedRow) error
	Progress func(Progress)
	// Cut is told that the connection broke off, before the file is sent again. Tries bounds how often in a row that may happen without any
	// progress; 0 for never.
	Cut   func(error)
	Tries int
}

// errCut reports an import that broke off without an end. What was done is done.
var errCut = errors.New("the import broke off; send the same file again, and it goes on behind what is done")

// firstPause is how long is waited after the first cut; each one in a row doubles it.
const firstPause = 500 * time.Millisecond

// ImportFile sends a CSV file to the ledger, and tells how far that is. If the connection breaks off, the file is sent again from its
// beginning: what is done is known by the key, or by its time, and only passed over.
func (l *Ledger) ImportFile(ctx context.Context, file io.ReadSeeker, o ImportOptions) (Imported, error) {
	best, pause := 0, firstPause
	for tries := 0; ; {
		done := 0
		out, err := l.importOnce(ctx, file, o, &done)
		if !errors.Is(err, errCut) || ctx.Err() != nil {
			return out, err
		}
		if tries++; done > best {
			best, tries, pause = done, 1, firstPause
		}
		if tries > o.Tries || !rewound(file) {
			return out, err
		}
		if o.Cut != nil {
			o.Cut(err)
		}
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-time.After(pause):
		}
		pause *= 2
	}
}

func (l *Ledger) importOnce(ctx context.Context, file io.Reader, o ImportOptions, done *int) (out Imported, err error) {
	path := "/v1/imports?dryRun=" + fmt.Sprint(o.DryRun)
	if o.EveryRow {
		path += "&report=rows"
	}
	body, err := l.send(accepting(ctx, "application/x-ndjson"), http.MethodPost, path, "text/csv; charset=utf-8", file, o.Key)
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return out, err
	case err != nil:
		return out, fmt.Errorf("%w: %w", errCut, err)
	}
	defer func() { _ = body.Close() }()
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 64<<10), maxAnswer)
	for lines.Scan() {
		var line struct {
			Row      *ImportedRow     `json:"row"`
			Progress *Progress        `json:"progress"`
			Result   *Imported        `json:"result"`
			Problem  *problem.Problem `json:"problem"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return out, fmt.Errorf("%w: %w", errCut, err)
		}
		switch {
		case line.Row != nil && o.Row != nil:
			if err := o.Row(*line.Row); err != nil {
				return out, err
			}
		case line.Progress != nil:
			if *done = line.Progress.Done; o.Progress != nil {
				o.Progress(*line.Progress)
			}
		case line.Result != nil:
			return *line.Result, nil
		case line.Problem != nil:
			return out, line.Problem
		}
	}
	return out, errors.Join(errCut, lines.Err())
}

type acceptKey struct{}

// accepting has requests ask for a type of answer.
func accepting(ctx context.Context, kind string) context.Context {
	return context.WithValue(ctx, acceptKey{}, kind)
}
