package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

const header = "identifier_type,identifier,event,purpose,notice,at,touchpoint,evidence,channel,goods,objection_notice,scope\n"

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
		"email,proven@example.org,given,newsletter,newsletter-v1,2024-05-01,shop/form,MailboxConfirmed,,,,\n" +
		"email,unproven@example.org,given,newsletter,newsletter-v1,2024-05-01T10:00:00Z,,,,,,\n" +
		"phone,+49 30 1234567,objected,,,2024-05-02,,,phone,,,channel\n" +
		"email,buyer@example.org,relationship,,,2024-05-03,,,,shoes;socks,true,\n"
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
		"email,ada@example.org,given,newsletter,newsletter-v1,,,,,,,\n" +
		"email,\"ada\nat home\",given,newsletter,newsletter-v1,,,,,,,\n" +
		"email,ada@example.org,given,newsletter,newsletter-v1,yesterday,,,,,,\n" +
		"email,ada@example.org,given,newsletter,newsletter-v1,,,ada@example.org,,,,\n" +
		"email,ada@example.org,confirmed,newsletter,,,,MailboxConfirmed,,,,\n" +
		"email,ada@example.org,objected,,,,,,,,,\n" +
		"email,ada@example.org\n" +
		"email,ada@example.org,given,newsletter,newsletter-v1,,,,,,maybe,\n"
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
		"email,ada@example.org,given,newsletter,newsletter-v1,2024-05-01,,MailboxConfirmed,,,,\n" +
		"email,bob@example.org,withdrawn,newsletter,,2024-05-02,,,,,,\n" +
		"email,bob@example.org,given,newsletter,newsletter-v1,2024-05-03,,MailboxConfirmed,,,,\n"
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
	_, r, body := importFile(t, l, "?dryRun=true", header+"email,a@example.org,given,newsleter,newsletter-v1,,,,,,,\n")
	if !slices.Equal(r.Unknown, []string{"purpose newsleter"}) {
		t.Fatal(body)
	}
}
