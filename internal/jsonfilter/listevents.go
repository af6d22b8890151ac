package jsonfilter

import (
	"bytes"
	"slices"
	"strings"
)

// ParseEvents reads a stream of server-sent events (WHATWG HTML §9.2) each of whose data is one JSON document, as the list of these
// documents: "/*" names every event's data. Several lines of data are joined by a tab, as Program.Copy joins them. What it keeps besides is the type of an event, if it is a plain word, and the time
// to reconnect. Comments, ids and unknown fields go, because nobody declares them, and so do an event without data and one that has no
// end, which no reader is told of. Errors wrap ErrUnreadable.
func ParseEvents(body []byte) (*Document, error) {
	d := &Document{frames: []frame{}}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	var e event
	for len(body) > 0 {
		i := bytes.IndexAny(body, "\r\n")
		if i < 0 {
			break // without an end it is no line of an event that ends
		}
		line := body[:i]
		if i+1 < len(body) && body[i] == '\r' && body[i+1] == '\n' {
			i++
		}
		body = body[i+1:]
		if len(line) > 0 {
			e.field(line)
			continue
		}
		if err := d.event(e); err != nil {
			return nil, err
		}
		e = event{}
	}
	d.root.kind, d.root.end = '[', len(d.body)
	return d, nil
}

// event is what counts of one event.
type event struct {
	head string
	data []byte
}

func (e *event) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "data":
		if e.data != nil {
			value = slices.Concat(e.data, []byte("\t"), value)
		}
		e.data = value
	case "event":
		if plainWord(string(value)) {
			e.head += "event: " + string(value) + "\n"
		}
	case "retry":
		if len(value) > 0 && len(value) <= 10 && strings.Trim(string(value), "0123456789") == "" {
			e.head += "retry: " + string(value) + "\n"
		}
	}
}

// event adds one event in the one spelling that goes on.
func (d *Document) event(e event) error {
	if e.data == nil {
		return nil
	}
	start := len(d.body)
	d.body = append(append(d.body, e.head...), "data: "...)
	at := len(d.body)
	d.body = append(d.body, e.data...)
	if err := d.add(at, len(d.body)); err != nil {
		return err
	}
	d.body = append(d.body, "\n\n"...)
	d.frames = append(d.frames, frame{start, len(d.body)})
	return nil
}
