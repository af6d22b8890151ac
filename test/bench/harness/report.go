package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Save writes results to a file, as one list, and makes the folder that it is in.
func Save(file string, rows []Result) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// Print writes the table.
func Print(w io.Writer, rows []Result) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "row\tours\tpeer\tratio\tspread\tmust\t\tagainst")
	for _, r := range rows {
		if r.Error != "" {
			_, _ = fmt.Fprintf(t, "%s\t-\t-\t-\t-\t%s\tFAILED\t%s\n", r.ID, r.Target, r.PeerName)
			continue
		}
		verdict := "ok"
		switch {
		case !r.Must:
			verdict = "shown"
		case !r.Pass:
			verdict = "MISSED"
		}
		ratio, peer := "-", "-"
		if r.Ratio != nil {
			ratio = short(*r.Ratio) + "x"
		}
		if r.Peer != nil {
			peer = short(*r.Peer)
		}
		_, _ = fmt.Fprintf(t, "%s\t%s %s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, shown(r.Ours), r.Unit, peer, ratio, short(r.Spread), r.Target, verdict, r.PeerName)
	}
	_ = t.Flush()
	for _, r := range rows {
		if len(r.Absolutes) == 0 {
			continue
		}
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(r.Absolutes)) {
			parts = append(parts, k+" "+short(r.Absolutes[k]))
		}
		_, _ = fmt.Fprintf(w, "%s: %s\n", r.ID, strings.Join(parts, ", "))
	}
}

func (r *Result) value() string {
	if r.Ratio != nil && strings.HasSuffix(r.Target, "x") {
		return short(*r.Ratio) + "x"
	}
	return shown(r.Ours) + " " + r.Unit
}

func shown(v *float64) string {
	if v == nil {
		return "-"
	}
	return short(*v)
}

// short is a number with three digits that count.
func short(v float64) string {
	if v >= 1000 || v <= -1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
