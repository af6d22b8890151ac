package openapi

import (
	"fmt"
	"regexp"

	"github.com/optup/optup/api/v1alpha1"
)

var (
	saysUnix   = regexp.MustCompile(`(?i)\b(unix|epoch|posix)\b|\bseconds since\b.*\b1970\b|\btimestamp\b.*\b(in|of) (milli)?seconds\b`)
	saysMillis = regexp.MustCompile(`(?i)\b(milliseconds?|millis|ms)\b`)
	saysMicros = regexp.MustCompile(`(?i)\b(microseconds?|nanoseconds?|micros|nanos)\b`)
	unixTimes  = regexp.MustCompile(`^(unix|epoch|posix)[-_ ]?(time|timestamp|seconds?|s)?$|^unixtime$`)
	unixMillis = regexp.MustCompile(`^(unix|epoch|posix|timestamp|time)[-_ ]?(time|timestamp)?[-_ ]?(ms|millis|milliseconds?)$`)
)

// unixTime gives the format of a number that is a time, or "" if the document does not say which.
func unixTime(n *node) v1alpha1.TimeFormat {
	w := n.words
	switch {
	case saysMicros.MatchString(n.text) || w.has("microsecond", "nanosecond", "micro", "nano"):
		return ""
	case unixMillis.MatchString(n.format), w.has("milli", "millis", "millisecond", "ms"),
		saysMillis.MatchString(n.text) && (saysUnix.MatchString(n.text) || w.has("unix", "epoch")):
		return v1alpha1.TimeUnixMilliseconds
	case unixTimes.MatchString(n.format), w.has("unix", "epoch"), saysUnix.MatchString(n.text):
		return v1alpha1.TimeUnixSeconds
	default:
		return ""
	}
}

// says tells how well the name of a value says that it is the time at which a record was written; 0 if it does not.
func says(n *node) int {
	switch w := n.words; {
	case w.has("updated", "modified", "expire", "start", "end", "last", "birth", "birthdate"):
		return 0
	case w.has("created", "creation"):
		return 3
	case w.has(created...):
		return 2
	case w.are("timestamp", "time", "date"):
		return 1
	default:
		return 0
	}
}

// findTime gives when data about a person was collected: of several times, the one that says so best. In a request, a mere "time" may
// be when to act, so that its name has to say more.
func (b *body) findTime(f *found) {
	best, sure, why := 0, Low, ""
	if b.part == PartRequest {
		best = 1
	}
	f.person.all(func(n *node) {
		if !sameList(n, f.person) || !n.leaf() || n.opaque != "" || !isMoment(n) {
			return
		}
		points, format := says(n), unixTime(n)
		number := n.is("integer", "number")
		switch by := fmt.Sprintf("when the record was written, by name %q", clean(n.name)); {
		case points == 0 || (b.part == PartRequest && points == 1):
		case number && format == "":
			b.guess(n, WhatTime, "", Low, by+"; but it is a number, and the document does not say of what", false)
		case !number && format != "" && n.format != "date-time":
			b.guess(n, WhatTime, "", Low, by+"; but the document speaks of Unix time, and of no number", false)
		case points > best && declarable(n):
			best, f.time, f.timeFormat, sure, why = points, n, format, Medium, by
			if number {
				why += ", a Unix time"
			} else {
				f.timeFormat = ""
				if n.format == "date-time" {
					sure = High
				}
			}
		}
	})
	if f.time == nil {
		return
	}
	declared := sure.AtLeast(b.least)
	b.guess(f.time, WhatTime, string(f.timeFormat), sure, why, declared)
	if !declared {
		f.time, f.timeFormat = nil, ""
	}
}

// sameList tells whether a value is in a record and in no list within it.
func sameList(n, record *node) bool {
	for ; n != nil && n != record; n = n.parent {
		if n.element {
			return false
		}
	}
	return n == record
}
