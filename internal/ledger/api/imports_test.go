package api_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
)

const header = "identifier_type,identifier,event,purpose,notice,at,touchpoint,proof,evidence,channel,goods,objection_notice,scope\n"

type result struct {
	DryRun                                      bool
	Rows, Appended, Replayed, Refused, Unproven int
	Position                                    int64
	Errors                                      []struct {
		Line           int
		Member, Detail string
	}
	Unknown []string
}

func importFile(t *testing.T, l *ledgertest.Ledger, query, file string) (int, result, string) {
	t.Helper()
	status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/imports"+query, file)
	var r result
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatalf("%d %s", status, body)
	}
	return status, r, body
}

func TestImport(t *testing.T) {
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	file := header +
		"email,proven@example.org,given,newsletter,newsletter-v1,2024-05-01,shop/form,MailboxConfirmed,archive/1,,,,\n" +
		"email,unproven@example.org,given,newsletter,newsletter-v1,2024-05-01T10:00:00Z,,,,,,,\n" +
		"phone,+49 30 1234567,objected,,,2024-05-02,,,,phone,,,channel\n" +
		"email,buyer@example.org,relationship,,,2024-05-03,,,,,shoes;socks,true,\n"
	status, dry, body := importFile(t, l, "?dryRun=true", file)
	if status != 200 || !dry.DryRun || dry.Rows != 4 || dry.Appended != 4 || dry.Unproven != 1 || dry.Position != 0 {
		t.Fatalf("dry run: %d %s", status, body)
	}
	if h, err := l.Store.Head(t.Context()); err != nil || h.Position != 0 {
		t.Fatalf("the dry run appended up to %d, %v", h.Position, err)
	}
	status, done, body := importFile(t, l, "", file)
	if status != 200 || done.DryRun || done.Appended != 4 || done.Unproven != 1 || done.Position != 4 {
		t.Fatalf("import: %d %s", status, body)
	}
	for email, want := range map[string]consent.Status{"proven@example.org": consent.StatusGiven, "unproven@example.org": consent.StatusUnproven} {
		if r := record(t, l, email); len(r.Grants) != 1 || r.Grants[0].Status != want || r.Grants[0].Since.Format("2006-01-02") != "2024-05-01" {
			t.Errorf("%s: %+v", want, r.Grants)
		}
	}
	if r := record(t, l, "buyer@example.org"); len(r.Relationships) != 1 || !slices.Equal(r.Relationships[0].Goods, []string{"shoes", "socks"}) || !r.Relationships[0].ObjectionNotice {
		t.Errorf("relationship %+v", r.Relationships)
	}
	if status, again, body := importFile(t, l, "", file); status != 200 || again.Appended != 0 || again.Replayed != 4 {
		t.Fatalf("the same file again: %d %s", status, body)
	}
}

func TestImportNamesLinesAndNeverPeople(t *testing.T) {
	l := ledgertest.New(t).Start()
	file := header +
		"email,ada@example.org,given,newsletter,newsletter-v1,,,,,,,,\n" +
		"email,\"ada\nat home\",given,newsletter,newsletter-v1,,,,,,,,\n" +
		"email,ada@example.org,given,newsletter,newsletter-v1,yesterday,,,,,,,\n" +
		"email,ada@example.org,given,newsletter,newsletter-v1,,,ada@example.org,,,,,\n" +
		"email,ada@example.org,confirmed,newsletter,,,,MailboxConfirmed,archive/1,,,,\n" +
		"email,ada@example.org,objected,,,,,,,,,,\n" +
		"email,ada@example.org\n" +
		"email,ada@example.org,given,newsletter,newsletter-v1,,,,,,,maybe,\n"
	status, r, body := importFile(t, l, "", file)
	var lines []int
	for _, e := range r.Errors {
		if lines = append(lines, e.Line); e.Detail == "" {
			t.Errorf("line %d says nothing", e.Line)
		}
	}
	if want := []int{3, 5, 6, 7, 8, 9, 10}; status != 422 || !slices.Equal(lines, want) {
		t.Fatalf("%d, lines %v, want %v: %s", status, lines, want, body)
	}
	if strings.Contains(body, "ada") {
		t.Fatalf("the answer repeats a person: %s", body)
	}
	if h, err := l.Store.Head(t.Context()); err != nil || h.Position != 0 {
		t.Fatalf("a file with errors appended up to %d, %v", h.Position, err)
	}
}

func TestImportNeverPermitsAgainstThePerson(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Withdrawn("newsletter"))
	file := header +
		"email,ada@example.org,given,newsletter,newsletter-v1,2024-05-01,,MailboxConfirmed,archive/1,,,,\n" +
		"email,bob@example.org,withdrawn,newsletter,,2024-05-02,,,,,,,\n" +
		"email,bob@example.org,given,newsletter,newsletter-v1,2024-05-03,,MailboxConfirmed,archive/1,,,,\n"
	for _, query := range []string{"?dryRun=true", ""} {
		status, r, body := importFile(t, l, query, file)
		if status != 200 || r.Appended != 1 || r.Refused != 2 || r.Errors[0].Line != 2 || r.Errors[1].Line != 4 {
			t.Fatalf("%q: %d %s", query, status, body)
		}
	}
}

func TestImportRefusesFiles(t *testing.T) {
	l := ledgertest.New(t).Start()
	for name, c := range map[string]struct {
		query, file string
		want        int
	}{
		"an unknown column":         {"", "identifier_type,identifier,event,ada@example.org\n", 400},
		"a column twice":            {"", "identifier_type,identifier,event,event\n", 400},
		"no identifier":             {"", "identifier_type,event\n", 400},
		"an unknown parameter":      {"?dry=true", header, 400},
		"a dry run that is maybe":   {"?dryRun=maybe", header, 400},
		"a quote without an end":    {"", header + "email,\"ada@example.org,given\n", 422},
		"an empty file with header": {"", header, 200},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/imports"+c.query, c.file)
			if status != c.want || strings.Contains(body, "ada@") {
				t.Fatalf("%d, want %d: %s", status, c.want, body)
			}
		})
	}
}

func TestImportTellsWhatNobodyDeclared(t *testing.T) {
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	_, r, body := importFile(t, l, "?dryRun=true", header+"email,a@example.org,given,newsleter,newsletter-v1,,,,,,,,\n")
	if !slices.Equal(r.Unknown, []string{"purpose newsleter"}) {
		t.Fatal(body)
	}
}

// TestImportNeverPermitsWithoutEvidence is the promise of POST /v1/events for files: who names a proof has to show it.
func TestImportNeverPermitsWithoutEvidence(t *testing.T) {
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	row := func(at, proof, evidence string) string {
		return header + "email,ada@example.org,given,newsletter,newsletter-v1," + at + ",," + proof + "," + evidence + ",,,,\n"
	}
	for name, file := range map[string]string{
		"a proof alone":                     row("2024-05-01", "MailboxConfirmed", ""),
		"a proof that shows another":        row("2024-05-01", "MailboxConfirmed", "MailboxConfirmed"),
		"evidence of no time":               row("", "MailboxConfirmed", "archive/1"),
		"evidence of nothing":               row("2024-05-01", "", "archive/1"),
		"evidence with a line of its own":   row("2024-05-01", "MailboxConfirmed", "\"archive\n1\""),
		"evidence longer than it may be":    row("2024-05-01", "Signed", strings.Repeat("ada", 200)),
		"a withdrawal with a proof of none": header + "email,ada@example.org,withdrawn,newsletter,,2024-05-01,,Signed,,,,,\n",
		"a file without the column": "identifier_type,identifier,event,purpose,notice,at,proof\n" +
			"email,ada@example.org,given,newsletter,newsletter-v1,2024-05-01,MailboxConfirmed\n",
		"a file of before, with the proof as evidence": "identifier_type,identifier,event,purpose,notice,at,evidence\n" +
			"email,ada@example.org,given,newsletter,newsletter-v1,2024-05-01,MailboxConfirmed\n",
	} {
		t.Run(name, func(t *testing.T) {
			for _, query := range []string{"?dryRun=true", ""} {
				status, r, body := importFile(t, l, query, file)
				if status != 422 || len(r.Errors) != 1 || r.Errors[0].Line != 2 || r.Errors[0].Member != "evidence" || strings.Contains(body, "ada") {
					t.Errorf("%q: %d %s", query, status, body)
				}
			}
			if h, err := l.Store.Head(t.Context()); err != nil || h.Position != 0 {
				t.Errorf("it was appended: %d, %v", h.Position, err)
			}
		})
	}
	// POST /v1/events takes evidence itself, and no mere reference to it.
	status, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/events", `{"identifiers":[{"type":"email","value":"ada@example.org"}],"event":`+given+
		`,"evidence":{"kind":"archived","archived":{"provenAt":"2024-05-01T00:00:00Z","reference":"archive/1"}}}`)
	if status != 422 {
		t.Errorf("an event with a reference alone: %d %s", status, body)
	}
}

func TestImportKeepsEvidenceWithTheEvent(t *testing.T) {
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	row := func(evidence string) string {
		return header + "email,ada@example.org,given,newsletter,newsletter-v1,2024-05-01,,MailboxConfirmed," + evidence + ",,,,\n"
	}
	if status, r, body := importFile(t, l, "", row("esp/4711")); status != 200 || r.Appended != 1 || r.Unproven != 0 {
		t.Fatalf("%d %s", status, body)
	}
	if status, r, body := importFile(t, l, "", row("esp/4711")); status != 200 || r.Replayed != 1 {
		t.Errorf("the same again: %d %s", status, body)
	}
	if status, r, body := importFile(t, l, "", row("esp/4712")); status != 200 || r.Refused != 1 {
		t.Errorf("other evidence of the same act: %d %s", status, body)
	}
	tags, err := l.Keys.Tags(ledgertest.Email("ada@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.Store.Attachments(t.Context(), tags[0], store.KindEvidence)
	if err != nil || len(got) != 1 || string(got[0].Body) != `{"kind":"archived","archived":{"provenAt":"2024-05-01T00:00:00Z","reference":"esp/4711"}}` {
		t.Errorf("%v, %v", got, err)
	}
}

// TestAnImportTellsHowFarItIs: line by line, every refused row however many there are, and every row to whoever asks.
func TestAnImportTellsHowFarItIs(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("no@example.org", ledgertest.Withdrawn("newsletter"))
	var file strings.Builder
	file.WriteString(header)
	const good, bad = 700, 150
	for n := range good {
		file.WriteString("email,yes" + strconv.Itoa(n) + "@example.org,given,newsletter,newsletter-v1,2024-05-01,,,,,,,\n")
	}
	for n := range bad {
		file.WriteString("email,no@example.org,given,newsletter,newsletter-v1,2024-05-01T00:" + strconv.Itoa(n/60+10) + ":" + strconv.Itoa(n%50+10) + "." + strconv.Itoa(n) + "Z,,,,,,,\n")
	}
	type line struct {
		Row *struct {
			Line            int
			Outcome, Detail string
			Position        int
		}
		Progress *struct {
			Rows, Done, Appended, Replayed, Refused int
			RowsPerSecond, RemainingSeconds         float64
		}
		Result  *result
		Problem *struct{ Status int }
	}
	send := func(query string) (lines []line) {
		t.Helper()
		status, head, body := l.DoHeader(ledgertest.Touchpoint, "POST", "/v1/imports"+query, file.String(), "Accept", "application/x-ndjson")
		if status != 200 || head.Get("Content-Type") != "application/x-ndjson" {
			t.Fatalf("%d %v", status, head)
		}
		for text := range strings.Lines(body) {
			var one line
			if err := json.Unmarshal([]byte(text), &one); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			lines = append(lines, one)
		}
		return lines
	}
	for _, c := range []struct {
		query, outcome             string
		appended, replayed, listed int
	}{
		{"?dryRun=true", "", good, 0, bad}, {"?dryRun=false", "", good, 0, bad}, {"?report=rows", "replayed", 0, good, good + bad},
	} {
		lines := send(c.query)
		last, told, refused, outcome := lines[len(lines)-1].Result, 0, 0, ""
		var far int
		for _, one := range lines {
			switch {
			case one.Row != nil:
				if told++; one.Row.Outcome == "refused" {
					refused++
					if one.Row.Line <= good+1 || one.Row.Detail == "" {
						t.Errorf("%+v", one.Row)
					}
				} else {
					outcome = one.Row.Outcome
				}
			case one.Progress != nil:
				p := one.Progress
				if p.Done < far || p.Rows != good+bad || p.Appended+p.Replayed+p.Refused != p.Done || p.RowsPerSecond <= 0 {
					t.Errorf("%+v", p)
				}
				far = p.Done
			}
		}
		if last == nil || last.Appended != c.appended || last.Replayed != c.replayed || last.Refused != bad || told != c.listed || refused != bad || outcome != c.outcome || far != good+bad {
			t.Errorf("%s: %d rows told, %d refused, outcome %q, done %d", c.query, told, refused, outcome, far)
		}
	}
	if status, _ := l.Do(ledgertest.Touchpoint, "POST", "/v1/imports?report=rows", file.String()); status != 400 {
		t.Errorf("every row is asked for without lines: status %d", status)
	}
}
