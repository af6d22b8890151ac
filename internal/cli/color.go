package cli

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Style is what a piece of text stands for; colours follow from it.
type Style string

// Styles, each with its SGR sequence.
const (
	Good    Style = "32"
	Caution Style = "33"
	Bad     Style = "31"
	Strong  Style = "1"
	Faint   Style = "2"
)

// colored is a writer whose reader shows colours. Printers look for it.
type colored struct{ io.Writer }

// ColorModes are the values that Colors takes.
var ColorModes = []string{"auto", "always", "never"}

// Colors makes printers write colours to w, or not: always, never, or, for auto, if w is a terminal that shows them. The environment
// can say no (NO_COLOR, no-color.org; TERM=dumb).
func Colors(w io.Writer, mode string, environment func(string) string) (io.Writer, error) {
	switch mode {
	case "always":
		return colored{w}, nil
	case "never":
		return w, nil
	case "auto":
		if f, ok := w.(*os.File); ok && shown(term.IsTerminal(int(f.Fd())), environment) {
			return colored{w}, nil
		}
		return w, nil
	default:
		return nil, fmt.Errorf("--color is auto, always or never, not %q", mode)
	}
}

func shown(terminal bool, environment func(string) string) bool {
	return terminal && environment("NO_COLOR") == "" && environment("TERM") != "dumb"
}

// paint gives a text its style, for writers that show it.
func paint(w io.Writer, s Style, text string) string {
	if _, ok := w.(colored); !ok || s == "" || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func (p *printer) paint(s Style, text string) string { return paint(p.w, s, text) }

func (l Level) style() Style {
	switch l {
	case Fail:
		return Bad
	case Warn:
		return Caution
	default:
		return Good
	}
}
