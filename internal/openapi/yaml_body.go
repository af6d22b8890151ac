package openapi

import (
	"fmt"
	"slices"

	"github.com/optup/optup/api/v1alpha1"
)

// originate says how applications that speak plain HTTP reach a service that speaks TLS; and that HTTPS is refused as it stands.
func (w *writer) originate(ports []v1alpha1.ServicePort) {
	i := slices.IndexFunc(ports, func(p v1alpha1.ServicePort) bool { return p.Protocol == v1alpha1.ProtocolHTTPS })
	if i < 0 {
		return
	}
	instead := fmt.Sprintf("port %d", ports[i].Port)
	if slices.ContainsFunc(ports, func(p v1alpha1.ServicePort) bool { return p.Port == plainPort }) {
		instead += fmt.Sprintf(" and port %d", plainPort)
	}
	w.comment("  ", "HTTPS is refused until tls says {mode: Intercept}. For applications that speak plain HTTP to the sidecar, instead of %s:", instead)
	w.comment("  ", "- {port: %d, protocol: HTTP, tls: {mode: Originate, port: %d}}", plainPort, ports[i].Port)
}

func (w *writer) addressees(name string, lists []v1alpha1.AddresseeList) {
	if len(lists) > 0 {
		w.line("      addressees:")
	}
	for _, a := range lists {
		timeFormat := ""
		if a.TimeFormat != "" {
			timeFormat = ", timeFormat: " + string(a.TimeFormat)
		}
		line := fmt.Sprintf("      - {each: %s%s, %s%s%s%s}", scalar(string(a.Each)), member("identifier", string(a.Identifier)), identifies(a.Identifies),
			member("time", string(a.Time)), timeFormat, member("unit", string(a.Unit)))
		g := w.guesses[at{name, PartRequest, WhatAddressees, string(a.Each)}]
		t := w.guesses[at{name, PartRequest, WhatTime, string(a.Each) + string(a.Time)}]
		if g != nil && t != nil {
			w.line("%s  # %s (%s); time: %s (%s)", line, oneLine(g.Why), g.Confidence, oneLine(t.Why), t.Confidence)
			continue
		}
		w.guessed(at{name, PartRequest, WhatAddressees, string(a.Each)}, "%s", line)
	}
}

func (w *writer) switches(name string, switches []v1alpha1.Switch) {
	if len(switches) > 0 {
		w.line("      switches:")
	}
	for _, s := range switches {
		w.guessed(at{name, PartRequest, WhatSwitch, string(s.Pointer)}, "      - {tracking: %s, pointer: %s, offValue: %q, processing: [%s]}",
			s.Tracking, scalar(string(s.Pointer)), s.OffValue, s.Processing[0])
	}
}

func (w *writer) records(name string, l *v1alpha1.RecordList) {
	each := string(l.Each)
	w.line("      records:")
	whole := at{name, PartResponse, WhatRecords, each}
	if each != "" {
		w.guessed(whole, "        each: %s", scalar(each))
		w.line("        identifier: %s", scalar(string(l.Identifier)))
	} else {
		w.guessed(whole, "        identifier: %s", scalar(string(l.Identifier)))
	}
	w.line("        type: %s", l.Type)
	if l.Form != "" {
		w.line("        form: %s", l.Form)
	}
	if l.Time != "" {
		w.guessed(at{name, PartResponse, WhatTime, each + string(l.Time)}, "        time: %s", scalar(string(l.Time)))
	}
	if l.TimeFormat != "" {
		w.line("        timeFormat: %s", l.TimeFormat)
	}
	w.values("        ", name, PartResponse, each, l.Fields, l.NotPersonal, nil)
}

func (w *writer) values(indent, name string, part Part, each string, fields []v1alpha1.PersonalField, notPersonal, totals []v1alpha1.Pointer) {
	if len(fields) > 0 {
		w.line("%sfields:", indent)
	}
	for _, f := range fields {
		w.guessed(at{name, part, WhatField, each + string(f.Pointer)}, "%s- {pointer: %s, category: %s}", indent, scalar(string(f.Pointer)), f.Category)
	}
	if len(notPersonal) > 0 {
		w.line("%snotPersonal:", indent)
	}
	for _, p := range notPersonal {
		w.guessed(at{name, part, WhatNotPersonal, each + string(p)}, "%s- %s", indent, scalar(string(p)))
	}
	if len(totals) > 0 {
		w.line("%stotals:", indent)
	}
	for _, p := range totals {
		w.guessed(at{name, part, WhatTotal, string(p)}, "%s- %s", indent, scalar(string(p)))
	}
}

func identifies(i v1alpha1.Identifies) string {
	out := "type: " + string(i.Type)
	if i.Form != "" {
		out += ", form: " + string(i.Form)
	}
	return out
}

func member(name, value string) string {
	if value == "" {
		return ""
	}
	return ", " + name + ": " + scalar(value)
}
