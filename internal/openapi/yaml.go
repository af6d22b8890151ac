package openapi

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/optup/optup/api/v1alpha1"
)

// YAML writes the draft as a manifest, each guess as a comment on its line. What is undeclared stands in comments too.
func (d *Draft) YAML(out io.Writer) error {
	w := &writer{out: out, guesses: map[at]*Guess{}, rest: map[string][]*Guess{}}
	for i := range d.Guesses {
		g := &d.Guesses[i]
		if g.Declared {
			w.guesses[at{g.Endpoint, g.Part, g.What, g.key()}] = g
		} else {
			w.rest[g.Endpoint] = append(w.rest[g.Endpoint], g)
		}
	}
	s := &d.Service
	w.comment("", "A draft, made from %s%s. Nothing here permits anything: that takes a ConsentPolicy.", d.Source.Format, quotedTitle(d.Source.Title))
	w.comment("", "Check every line. In brackets is how sure the guess is; what is in comments alone is denied in requests and removed from answers.")
	w.line("apiVersion: %s", s.APIVersion)
	w.line("kind: %s", s.Kind)
	if s.Namespace != "" {
		w.line("metadata: {name: %s, namespace: %s}", scalar(s.Name), scalar(s.Namespace))
	} else {
		w.line("metadata: {name: %s}", scalar(s.Name))
	}
	w.line("spec:")
	w.line("  hosts:")
	for _, h := range s.Spec.Hosts {
		w.guessed(at{"", PartService, WhatHost, string(h)}, "  - %s", scalar(string(h)))
	}
	w.line("  ports:")
	for _, p := range s.Spec.Ports {
		w.guessed(at{"", PartService, WhatPort, fmt.Sprint(p.Port)}, "  - {port: %d, protocol: %s}", p.Port, p.Protocol)
	}
	w.originate(s.Spec.Ports)
	w.comment("  ", "FILL IN who operates the service: a Processor acts for you alone (Art. 28 GDPR); a Controller or JointController has to be")
	w.comment("  ", "named in the consent. As it stands, only a consent that names \"%s\" would permit anything.", PartyPlaceholder)
	w.line("  party: {role: %s, name: %s}", s.Spec.Party.Role, scalar(s.Spec.Party.Name))
	w.comment("  ", "allowedNamespaces is left out: only this namespace may refer to the service.")
	for _, g := range w.rest[""] {
		w.comment("  ", "note: %s%s", prefixed(g.Call, g.Pointer, g.Value), g.Why)
	}
	w.line("  endpoints:")
	for i := range s.Spec.Endpoints {
		w.endpoint(&s.Spec.Endpoints[i])
	}
	return w.err
}

// at is where a declared guess stands.
type at struct {
	endpoint string
	part     Part
	what     What
	key      string
}

// key tells guesses of one kind apart.
func (g *Guess) key() string {
	switch g.What {
	case WhatHost, WhatPort:
		return g.Value
	case WhatProcessing, WhatChannel, WhatPersonalData, WhatReplaces:
		return ""
	default:
		return g.Pointer
	}
}

// writer remembers the first error of writing.
type writer struct {
	out     io.Writer
	guesses map[at]*Guess
	rest    map[string][]*Guess // not declared, by endpoint
	err     error
}

func (w *writer) line(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.out, format+"\n", args...)
	}
}

func (w *writer) comment(indent, format string, args ...any) {
	w.line("%s# %s", indent, oneLine(fmt.Sprintf(format, args...)))
}

func (w *writer) guessed(where at, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if g := w.guesses[where]; g != nil {
		line += fmt.Sprintf("  # %s (%s)", oneLine(g.Why), g.Confidence)
	}
	w.line("%s", line)
}

func (w *writer) endpoint(e *v1alpha1.Endpoint) {
	name := string(e.Name)
	where := func(part Part, what What, key string) at { return at{name, part, what, key} }
	w.line("  - name: %s", scalar(name))
	w.line("    methods: [%s]", e.Methods[0])
	if plainPath.MatchString(e.Path) {
		w.line("    path: %s", e.Path)
	} else {
		w.line("    path: %s", scalar(e.Path))
	}
	if e.PersonalData != "" {
		w.guessed(where(PartEndpoint, WhatPersonalData, ""), "    personalData: %s", e.PersonalData)
	}
	if e.Replaces != "" {
		w.guessed(where(PartEndpoint, WhatReplaces, ""), "    replaces: %s", scalar(string(e.Replaces)))
	}
	for _, p := range e.Processing {
		w.guessed(where(PartEndpoint, WhatProcessing, ""), "    processing: [%s]", p)
	}
	if e.Channel != "" {
		w.guessed(where(PartEndpoint, WhatChannel, ""), "    channel: %s", e.Channel)
	}
	w.parameters(e)
	if r := e.Request; r != nil {
		w.line("    request:")
		w.addressees(name, r.Addressees)
		w.values("      ", name, PartRequest, "", r.Fields, r.NotPersonal, r.Totals)
		w.switches(name, r.Switches)
	}
	if r := e.Response; r != nil {
		w.line("    response:")
		if l := r.Records; l != nil {
			w.records(name, l)
		}
		var free []v1alpha1.Pointer
		for _, p := range r.NotPersonal {
			free = append(free, v1alpha1.Pointer(p))
		}
		w.values("      ", name, PartResponse, "", r.Fields, free, r.Totals)
	}
	w.undeclared(w.rest[name])
}

func (w *writer) parameters(e *v1alpha1.Endpoint) {
	if len(e.Query) > 0 {
		w.line("    query:")
	}
	for _, q := range e.Query {
		person := ""
		if q.Person != nil {
			person = fmt.Sprintf(", person: {%s}", identifies(*q.Person))
		}
		w.guessed(at{string(e.Name), PartQuery, WhatParameter, clean(q.Name)}, "    - {name: %s%s}", scalar(q.Name), person)
	}
	if len(e.Segments) > 0 {
		w.line("    segments:")
	}
	for _, s := range e.Segments {
		w.guessed(at{string(e.Name), PartEndpoint, WhatSegment, s.Name}, "    - {name: %s, person: {%s}}", scalar(s.Name), identifies(s.Person))
	}
}

// undeclared writes what is not declared, together what is so for the same reason.
func (w *writer) undeclared(guesses []*Guess) {
	type group struct {
		part Part
		what What
		text string
	}
	pointers := map[group][]string{}
	var order []group
	for _, g := range guesses {
		x := group{g.Part, g.What, fmt.Sprintf("%s (%s)", g.Why, g.Confidence)}
		if g.Value != "" {
			x.text = g.Value + ", " + x.text
		}
		if pointers[x] == nil {
			order = append(order, x)
		}
		if g.Pointer != "" {
			pointers[x] = append(pointers[x], g.Pointer)
		} else {
			pointers[x] = append(pointers[x], "all of it")
		}
	}
	for _, x := range order {
		what := string(x.what)
		if x.what == WhatAddressees || x.what == WhatRecords || x.what == WhatTime {
			what = "undeclared " + what
		}
		w.comment("    ", "%s in %s: %s", what, x.part, x.text)
		line := ""
		for _, p := range pointers[x] {
			if line != "" && len(line)+len(p) > maxComment {
				w.comment("      ", "%s", line)
				line = ""
			}
			if line != "" {
				line += ", "
			}
			line += p
		}
		w.comment("      ", "%s", line)
	}
}

// maxComment is how long a line of pointers in a comment may be, unless it is one.
const maxComment = 120

func prefixed(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return strings.Join(out, " ") + ": "
}

func quotedTitle(title string) string {
	if title == "" {
		return ""
	}
	return fmt.Sprintf(" %q", title)
}

// plainScalar is what needs no quotes, in lists and maps on one line too, unless it is a number, a truth value or nothing; plainPath
// is a path on a line of its own.
var (
	plainScalar = regexp.MustCompile(`^[a-z/][A-Za-z0-9/_.*-]*$`)
	plainPath   = regexp.MustCompile(`^/[A-Za-z0-9/_.*{}-]*$`)
	notStrings  = setOf([]string{"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"})
)

// scalar writes a string so that it is read as the same string.
func scalar(s string) string {
	if plainScalar.MatchString(s) && !notStrings[strings.ToLower(s)] {
		return s
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""`
	}
	return strings.TrimSpace(b.String())
}

// oneLine gives a text that cannot leave a comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffe || r == 0xffff {
			return ' '
		}
		return r
	}, s)
}
