package openapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/optup/optup/api/v1alpha1"
)

// switchWords tell what turns tracking on, or a protection of people off.
var switchWords = []string{"track", "tracking", "ganalytic", "analytic", "pixel", "bypass"}

// isSwitch tells whether a value in a request turns tracking on, or passes over a protection.
func isSwitch(n *node, a about) bool {
	mode := n.textual() && n.leaf() && n.words.has("track", "tracking") && !n.words.has("id", "number", "url", "code")
	if !n.is("boolean") && !mode {
		return false
	}
	if a.tracks {
		return true
	}
	if n.words.has(switchWords...) {
		return true
	}
	if !n.words.has("enable", "enabled", "active", "on", "html", "text", "open", "click") {
		return false
	}
	for p := n.parent; p != nil; p = p.parent {
		if p.words.has(switchWords...) && !strings.HasSuffix(p.pointer, "/*") {
			return true
		}
	}
	return false
}

// Words of a switch that turns on one kind of tracking, and no other word: "disable_open_tracking" means the opposite.
var (
	trackingWords = []string{"track", "tracking"}
	openWords     = []string{"open", "opened", "opening"}
	clickWords    = []string{"click", "clicked"}
	onWords       = []string{"enable", "enabled", "active", "on", "is"}
	kindWords     = slices.Concat(trackingWords, openWords, clickWords, []string{"email", "mail", "setting", "option"})
)

// trackingOf gives the kind of tracking that a switch of a request turns on, or "" if its name does not say: open_tracking/enable,
// tracking/opens or track_opens.
func trackingOf(n *node) v1alpha1.Tracking {
	if !n.is("boolean") || strings.Contains(n.pointer, "*") || n.parent == nil || len(n.words) == 0 {
		return ""
	}
	all := n.words
	switch parent := n.parent.words; {
	case subset(n.words, slices.Concat(kindWords, onWords)) && n.words.has(trackingWords...):
	case subset(n.words, slices.Concat(openWords, clickWords, onWords)) && subset(parent, kindWords) && parent.has(trackingWords...):
		all = slices.Concat(n.words, parent)
	default:
		return ""
	}
	switch opens, clicks := all.has(openWords...), all.has(clickWords...); {
	case opens && !clicks:
		return v1alpha1.TrackingOpens
	case clicks && !opens:
		return v1alpha1.TrackingClicks
	default:
		return ""
	}
}

// trackingSwitch declares a switch whose kind of tracking is known, on an endpoint that sends; others are for the reader.
func (b *body) trackingSwitch(n *node) {
	kind := trackingOf(n)
	taken := slices.ContainsFunc(b.switches, func(s v1alpha1.Switch) bool { return s.Tracking == kind })
	if !b.a.send || kind == "" || taken || !declarable(n) || !Medium.AtLeast(floor(b.least)) {
		b.guess(n, WhatSwitch, string(kind), Medium, "it seems to turn tracking on, or to pass over a protection; declare it only after a look", false)
		return
	}
	b.switches = append(b.switches, v1alpha1.Switch{
		Tracking: kind, Pointer: v1alpha1.Pointer(n.pointer), OffValue: "false", Processing: []v1alpha1.Processing{v1alpha1.ProcessingTrack},
	})
	b.guess(n, WhatSwitch, string(kind), Medium, fmt.Sprintf("it turns tracking on, by its name in %q", clean(n.pointer)), true)
}
