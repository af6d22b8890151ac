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
	return timeOf(text, format)
}

// Time reads the text of a time in a format. What is of another form or out of range is the zero time, which is before everything.
func Time(text string, format ir.TimeFormat) time.Time { return timeOf(text, format) }

// timeOf reads what a string or a number says.
func timeOf(text string, format ir.TimeFormat) time.Time {
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

// timeOfNumber reads a time from a number as it is written.
func timeOfNumber(number []byte, format ir.TimeFormat) time.Time {
	if format != ir.TimeUnixSeconds && format != ir.TimeUnixMilliseconds {
		return time.Time{}
	}
	return timeOf(string(number), format)
}

// timeOfText reads a time from what a string says. It allocates nothing for the usual forms, so it takes an offset from UTC off by itself:
// package time would make a zone of it.
func timeOfText(text []byte, format ir.TimeFormat) time.Time {
	n := len(text)
	if (format != "" && format != ir.TimeRFC3339) || n < len("2006-01-02T15:04:05+00:00") || n > 32 {
		return timeOf(string(text), format)
	}
	sign, colon := text[n-6], text[n-3]
	hours, ok1 := twoDigits(text[n-5:], 23)
	minutes, ok2 := twoDigits(text[n-2:], 59)
	if (sign != '+' && sign != '-') || colon != ':' || !ok1 || !ok2 {
		return timeOf(string(text), format)
	}
	var utc [32]byte
	at := append(append(utc[:0], text[:n-6]...), 'Z')
	t := timeOf(string(at), format)
	if t.IsZero() {
		return timeOf(string(text), format)
	}
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if sign == '+' {
		offset = -offset
	}
	return t.Add(offset)
}

func twoDigits(text []byte, most int) (int, bool) {
	tens, units := int(text[0])-'0', int(text[1])-'0'
	return 10*tens + units, tens >= 0 && tens <= 9 && units >= 0 && units <= 9 && 10*tens+units <= most
}
