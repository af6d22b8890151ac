package jsonfilter

import (
	"strconv"
	"strings"
	"time"

	"github.com/optup/optup/internal/ir"
)

// Bounds of the times that can be read, in seconds since 1970: the years 1 to 9999, as in RFC 3339.
const (
	firstSecond = -62135596800
	lastSecond  = 253402300799
)

// time reads a time in a format. What is absent, of another form or out of range is the zero time, which is before everything.
func (d *Document) time(n *node, format ir.TimeFormat) time.Time {
	text, ok := d.text(n)
	if n != nil && n.kind == '0' {
		text, ok = string(d.body[n.start:n.end]), format == ir.TimeUnixSeconds || format == ir.TimeUnixMilliseconds
	}
	if !ok {
		return time.Time{}
	}
	switch format {
	case "", ir.TimeRFC3339:
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return time.Time{}
		}
		return t
	case ir.TimeUnixSeconds:
		if s, ok := integer(text, firstSecond, lastSecond); ok {
			return time.Unix(s, 0).UTC()
		}
	case ir.TimeUnixMilliseconds:
		if ms, ok := integer(text, firstSecond*1000, lastSecond*1000+999); ok {
			return time.UnixMilli(ms).UTC()
		}
	}
	return time.Time{}
}

// integer reads digits with a minus before them at most: 1e9 and 1.0 are numbers that readers round in their own ways.
func integer(text string, low, high int64) (int64, bool) {
	if strings.Trim(strings.TrimPrefix(text, "-"), "0123456789") != "" {
		return 0, false
	}
	v, err := strconv.ParseInt(text, 10, 64)
	return v, err == nil && v >= low && v <= high
}
