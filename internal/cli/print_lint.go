package cli

import (
	"fmt"
	"io"
	"strings"
)

func (s Severity) style() Style {
	if s == SeverityError {
		return Bad
	}
	return Caution
}

// PrintLinted writes one line for each remark, as compilers do, and one that sums up.
func PrintLinted(w io.Writer, l Linted) error {
	p := &printer{w: w}
	for _, r := range l.Remarks {
		where := ""
		if r.File != "" {
			where = p.paint(Faint, r.at()) + ": "
		}
		p.line("%s%s: %s", where, p.paint(r.Severity.style(), string(r.Severity)), r.text())
	}
	unchecked := ""
	if l.Incomplete {
		unchecked = "; what objects refer to was not checked, since not every document could be read"
	}
	p.line("%s in %s: %s, %s%s", counted(l.Objects, "object"), counted(l.Files, "file"), counted(l.Errors, "error"), counted(l.Warnings, "warning"), unchecked)
	return p.err
}

// text is what a remark says, on one line.
func (r Remark) text() string {
	var parts []string
	for _, s := range []string{r.Resource, r.Field, r.Message} {
		if s != "" {
			parts = append(parts, oneLine(s))
		}
	}
	return strings.Join(parts, ": ")
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// What GitHub reads in a workflow command: properties end at commas and colons, everything at the end of a line.
var (
	githubText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// PrintLintedForGitHub writes remarks as workflow commands, which GitHub shows beside the lines of a change.
// Source: docs.github.com, workflow commands, "Setting an error message".
func PrintLintedForGitHub(w io.Writer, l Linted) error {
	p := &printer{w: w}
	for _, r := range l.Remarks {
		where := ""
		if r.File != "" {
			where = fmt.Sprintf(" file=%s,line=%d,col=%d", githubProperty.Replace(r.File), max(1, r.Line), max(1, r.Column))
		}
		p.line("::%s%s::%s", r.Severity, where, githubText.Replace(r.text()))
	}
	return p.err
}
