package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/explain"
	ledgerapi "github.com/optup/optup/internal/ledger/api"
	"github.com/optup/optup/internal/ledger/wire"
)

// IsDecisionID tells whether an argument is the id of a decision.
func IsDecisionID(text string) bool {
	_, err := wire.ParseDecisionID(text)
	return err == nil
}

// RecordedDecision is a decision that a sidecar took, put into words. People are counted, never named.
type RecordedDecision struct {
	ledgerapi.Recorded
	// Answer is that for the request as a whole.
	Answer *explain.Answer  `json:"answer,omitempty"`
	People []RecordedPerson `json:"people,omitempty"`
}

// RecordedPerson is what was decided about one person.
type RecordedPerson struct {
	Number int              `json:"number"`
	Grant  consent.Position `json:"grant,omitempty"`
	explain.Answer
}

// maxPeople bounds the people of one decision that are read.
const maxPeople = 100_000

// Decision asks for a decision and explains it. It needs the role officer.
func (l *Ledger) Decision(ctx context.Context, id string) (RecordedDecision, error) {
	var out RecordedDecision
	for from := 1; from != 0 && len(out.People) < maxPeople; {
		var page ledgerapi.RecordedDecision
		path := fmt.Sprintf("/v1/decisions/%s?from=%d", url.PathEscape(id), from)
		if err := l.call(ctx, http.MethodGet, path, "", nil, "", &page); err != nil {
			return out, err
		}
		out.Recorded = page.Recorded
		for _, p := range page.People {
			out.People = append(out.People, RecordedPerson{Number: p.Number, Grant: p.Grant, Answer: explain.Recorded(p.Reason)})
		}
		from = page.From
	}
	if out.Reason != "" {
		a := explain.Recorded(out.Reason)
		out.Answer = &a
	}
	return out, nil
}

// Uses asks what a person's data was used for, the newest first. It needs the role officer.
func (l *Ledger) Uses(ctx context.Context, i consent.Identifier, limit int) (ledgerapi.UsesOf, error) {
	var out ledgerapi.UsesOf
	body, err := json.Marshal(map[string]any{"identifier": i, "limit": limit})
	if err != nil {
		return out, err
	}
	return out, l.call(ctx, http.MethodPost, "/v1/people/uses", "application/json", bytes.NewReader(body), "", &out)
}

// shownPeople is how many people are printed one by one; what is beyond is counted by reason.
const shownPeople = 20

// PrintDecision writes how an earlier decision came about.
func PrintDecision(w io.Writer, d RecordedDecision) error {
	p := &printer{w: w}
	style, effect := Good, string(d.Effect)
	switch d.Effect {
	case decide.Permit:
	case decide.Deny:
		style = Bad
	case decide.PermitFiltered:
		style = Caution
	case "":
		style, effect = Caution, "not ended"
	}
	says := ""
	if d.Mode == "Observe" {
		says = " (only observed: the request passed as it was)"
	}
	if d.Unanswered {
		says += " (the service did not answer: nobody knows whether it got the data)"
	}
	p.line("%s%s", p.paint(style, strings.ToUpper(effect)), says)
	for _, row := range [][2]string{
		{"decision", d.ID},
		{"time", d.At.UTC().Format(time.RFC3339)},
		{"workload", strings.Trim(d.Namespace+"/"+d.Workload, "/")},
		{"purpose", string(d.Purpose)},
		{"policy", strings.Join(d.Policies, ", ")},
		{"service", d.Service},
		{"endpoint", d.Endpoint},
		{"recipient", d.Recipient},
		{"generation", fmt.Sprint(d.Generation)},
		{"position", fmt.Sprint(d.Position)},
	} {
		if row[1] != "" {
			p.line("  %-11s %s", row[0], row[1])
		}
	}
	if d.Answer != nil {
		p.line("\n%s", p.paint(Strong, "The request"))
		p.answers([]explain.Answer{*d.Answer})
	}
	counts := map[decide.Reason]int{}
	var order []decide.Reason
	for i, one := range d.People {
		if i < shownPeople {
			p.line("\n%s", p.paint(Strong, fmt.Sprintf("Person %d", one.Number)))
			p.answers([]explain.Answer{one.Answer})
			if one.Grant > 0 {
				p.line("      by the grant at position %d", one.Grant)
			}
			continue
		}
		if counts[one.Reason]++; counts[one.Reason] == 1 {
			order = append(order, one.Reason)
		}
	}
	for i, r := range order {
		if i == 0 {
			p.line("\nand more people:")
		}
		p.line("  %6d  %s", counts[r], r)
	}
	return p.err
}

// PrintUses writes what a person's data was used for.
func PrintUses(w io.Writer, u ledgerapi.UsesOf) error {
	p := &printer{w: w}
	if len(u.Uses) == 0 {
		p.line("No use of this person's data is recorded.")
	}
	rows := [][]string{{"TIME", "USED", "PURPOSE", "REASON", "RECIPIENT", "SERVICE", "WORKLOAD", "DECISION"}}
	for _, x := range u.Uses {
		used := "no"
		if x.Used {
			used = "yes"
		}
		rows = append(rows, []string{
			x.At.UTC().Format(time.RFC3339), used, string(x.Purpose), string(x.Person.Reason), x.Recipient, x.Service, x.Namespace + "/" + x.Workload, x.ID,
		})
	}
	if p.err == nil && len(u.Uses) > 0 {
		p.err = table(w, rows)
	}
	if u.Before != "" {
		p.line("There are older ones; ask for more with --limit.")
	}
	if u.Lost > 0 {
		p.line("Sidecars could not keep %d records, of anybody: the list may have gaps.", u.Lost)
	}
	return p.err
}
