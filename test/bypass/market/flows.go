package market

import (
	"encoding/json"
	"strings"
)

// Flow is what a service says at one path, a page at a time.
type Flow struct {
	Type   string   `json:"type"`
	Bodies []string `json:"bodies"`
}

// pages is how many pages there are, and manners in how many ways they are written.
const (
	pages   = 96
	manners = 8
)

// flows makes up lines, events and tables, written in the ways that readers differ about.
func (g *generator) flows() {
	lines, events, sheet := Flow{Type: "application/x-ndjson"}, Flow{Type: "text/event-stream"}, Flow{Type: "text/csv; charset=utf-8"}
	for page := range pages {
		from := page * 12 % len(g.m.People)
		people := g.m.People[from:min(from+12, len(g.m.People))]
		lines.Bodies = append(lines.Bodies, g.lines(people, page%manners))
		events.Bodies = append(events.Bodies, g.events(people, page%manners))
		sheet.Bodies = append(sheet.Bodies, g.sheet(people, page%manners))
	}
	g.m.Flows = map[string]Flow{"/v1/lines": lines, "/v1/events": events, "/v1/sheet": sheet}
}

func (g *generator) lines(people []Person, manner int) string {
	var records []string
	for i, p := range people {
		record := string(p.Record)
		switch {
		case manner == 4 && i == len(people)-1:
			record = "[" + record + "," + string(people[0].Record) + "]"
		case manner == 5 && i%3 == 2:
			record = strings.ReplaceAll(record, ",", ",\n")
		case manner == 7 && i%3 == 2 && strings.Contains(record, `"email":`): // else it would be the only address, and a permitted one
			record = `{"email":"` + g.m.People[0].Mail + `",` + record[1:]
		}
		records = append(records, record)
	}
	switch manner {
	case 1:
		return strings.Join(records, "\r\n") + "\r\n"
	case 2:
		return strings.Join(records, "\n")
	case 3:
		return strings.Join(records, "\n\n \n") + "\n"
	case 6:
		return strings.Join(records, "") + "\n"
	default:
		return strings.Join(records, "\n") + "\n"
	}
}

func (g *generator) events(people []Person, manner int) string {
	var out strings.Builder
	for i, p := range people {
		record := string(p.Record)
		switch manner {
		case 3:
			out.WriteString(": " + g.hidden("house", "comment") + "\n")
		case 4:
			out.WriteString("event: " + g.mark(p.ID, "name of an event", !p.Permitted) + "\nid: " + g.hidden(p.ID, "id of an event") + "\nx-note: " + g.hidden(p.ID, "field of an event") + "\n")
		case 5:
			record = strings.ReplaceAll(record, ",", ",\ndata:")
		case 7:
			record += "\ndata: " + string(people[(i+1)%len(people)].Record)
		}
		out.WriteString("data: " + record + "\n\n")
	}
	text := out.String()
	switch manner {
	case 1:
		return strings.ReplaceAll(text, "\n", "\r\n")
	case 2:
		return strings.TrimSuffix(text, "\n")
	case 6:
		return strings.ReplaceAll(text, "\n", "\r")
	default:
		return text
	}
}

func (g *generator) sheet(people []Person, manner int) string {
	head := []string{"email", "name", "health"}
	rows := [][]string{}
	for i, p := range people {
		var r struct {
			Email        json.RawMessage
			Name, Health string
		}
		_ = json.Unmarshal(p.Record, &r) // its own
		mail := string(r.Email)
		if text := ""; json.Unmarshal(r.Email, &text) == nil {
			mail = text
		}
		row := []string{mail, r.Name, r.Health}
		switch {
		case manner == 3 && i%3 == 2:
			row[1] += "\n" + g.hidden(p.ID, "second line of a cell")
		case manner == 4 && i == len(people)-1:
			row = append(row, g.hidden(p.ID, "cell without a column"))
		case manner == 7 && mail != "":
			row[0] = g.m.People[0].Mail + "\t" + mail
		}
		rows = append(rows, row)
	}
	if manner == 5 {
		head = []string{"email", "name", "email"}
	}
	out := ""
	for _, row := range append([][]string{head}, rows...) {
		for i, cell := range row {
			row[i] = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
		out += strings.Join(row, ",") + "\r\n"
	}
	if manner == 6 {
		out = strings.ReplaceAll(strings.ReplaceAll(out, ",", ";"), "\r", "")
	}
	if manner == 2 {
		out = strings.ReplaceAll(out, `"`, "")
	}
	return out
}
