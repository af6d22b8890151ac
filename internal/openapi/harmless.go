package openapi

import (
	"fmt"
	"slices"
)

// What is usually not about a person, by name. Texts that people write are never among it.
var (
	paging   = []string{"page", "limit", "offset", "size", "skip", "take", "sort", "cursor", "next", "prev", "previous", "first", "last", "self", "per", "has", "more"}
	sorting  = []string{"sort", "order", "direction", "orderby", "aggregated", "by"}
	moments  = []string{"at", "date", "time", "timestamp", "created", "updated", "modified", "since", "until", "start", "end", "expire", "expiration"}
	stateful = []string{"status", "state", "type", "kind", "version", "generation", "currency", "timezone", "mode", "level", "color", "disposition", "editor", "encoding", "charset", "mime"}
	ids      = []string{"id", "uuid", "guid", "key"}
	created  = []string{"created", "creation", "registered", "registration", "signup", "collected", "subscribed", "joined", "occurred", "event", "recorded"}
)

// harmlessInRecord judges a value in the record of a person, where next to nothing is not personal.
func harmlessInRecord(n *node) verdict {
	w := n.words
	switch {
	case w.are("id", "uuid", "guid") && (n.textual() || n.is("integer", "number")):
		return is(identifier, Medium, "the number of a person's record")
	case isMoment(n) && w.has("created", "updated", "modified", "timestamp", "creation"):
		return verdict{kind: notPersonal, confidence: Medium, why: fmt.Sprintf("when the record was written, by name %q", clean(n.name))}
	}
	return verdict{confidence: Low, why: "in a person's record, and its name does not say what it is"}
}

func isMoment(n *node) bool {
	return n.format == "date-time" || n.format == "date" || (n.words.has(moments...) && (n.textual() || n.is("integer", "number")))
}

// harmless judges a value that is in nobody's record.
func harmless(n *node, a about) verdict {
	w := n.words
	quoted := fmt.Sprintf("by name %q", clean(n.name))
	number := n.is("integer", "number")
	thing := func(c Confidence, why string) verdict { return verdict{kind: notPersonal, confidence: c, why: why} }
	switch {
	case n.is("boolean") && w.has("all", "everyone", "everybody"):
		return verdict{confidence: Low, why: "it may stand for people whom the request does not name"}
	case n.is("boolean") && !a.single():
		return thing(Medium, "a switch")
	case (number || n.textual()) && len(w) > 0 && (subset(w, paging) || subset(w, sorting)) && w.has("page", "limit", "offset", "size", "skip", "next", "prev", "previous", "cursor", "sort", "direction", "order", "self", "more", "aggregated"):
		if w.has("next", "prev", "previous", "cursor", "self") {
			return thing(Medium, "a link or mark of a page "+quoted)
		}
		return thing(High, "paging "+quoted)
	case len(w) > 1 && w.endsIn(ids...) && slices.Contains(things, w[len(w)-2]):
		return thing(High, "the number of a thing "+quoted)
	case w.are("id", "uuid", "guid") && a.things && !a.person:
		return thing(High, "the number of a thing "+quoted)
	case a.person && w.endsIn(ids...):
		return verdict{confidence: Low, why: "a number that may be a person's"}
	case a.single():
		return verdict{confidence: Low, why: "it may be about a person, and the draft locates none here"}
	case n.enum:
		return thing(Medium, "one of a few values that the document lists")
	case isMoment(n):
		return thing(Medium, "a time "+quoted)
	case number && !w.has("id", "number"):
		return thing(Medium, "a number in nobody's record")
	case w.endsIn(stateful...) && n.textual():
		return thing(Medium, "a state or kind "+quoted)
	case n.format == "uuid" && !a.person:
		return thing(Medium, "a number of a thing by format \"uuid\"")
	case n.textual():
		return verdict{confidence: Low, why: "a text that may say anything about anybody"}
	}
	return verdict{confidence: Low, why: "its name does not say what it is"}
}

func subset(w words, of []string) bool {
	return !slices.ContainsFunc(w, func(s string) bool { return !slices.Contains(of, s) })
}
