package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// lines is NDJSON.
type lines struct{}

func (lines) next(r *bufio.Reader) ([]byte, frame, error) {
	for {
		line, err := readLine(r)
		if err != nil {
			return nil, frame{}, err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			return line, frame{after: "\n"}, nil
		}
	}
}

// readLine reads a line without its end. A last line without an end counts, unless it is empty.
func readLine(r *bufio.Reader) ([]byte, error) {
	var long []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(long)+len(part) > maxRecord {
			return nil, errRecord
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			long = append(long, part...)
			continue
		case errors.Is(err, io.EOF) && len(long)+len(part) > 0:
		case err != nil:
			return nil, err
		}
		if long != nil {
			part = append(long, part...)
		}
		return bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r")), nil
	}
}

// events are server-sent events (WHATWG HTML §9.2) whose data is JSON. Other fields than the event's name and its retry time do not
// pass, nor does what stands in comments.
type events struct{}

func (events) next(r *bufio.Reader) ([]byte, frame, error) {
	var before strings.Builder
	var data []byte
	for {
		line, err := readLine(r)
		if err != nil {
			return nil, frame{}, err // an event that has no end is none
		}
		if bytes.IndexByte(line, '\r') >= 0 {
			return nil, frame{}, errRecord // an end of line for some readers
		}
		name, value, _ := bytes.Cut(bytes.TrimPrefix(line, []byte("\ufeff")), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(line) == 0 && data != nil:
			return data, frame{before.String() + "data: ", "\n\n"}, nil
		case len(line) == 0:
			before.Reset()
		case len(name) == 0 && data == nil && before.Len() == 0:
			return nil, frame{before: ":\n"}, nil // what keeps the connection alive
		case string(name) == "data" && data == nil:
			data = append([]byte{}, value...)
		case string(name) == "data":
			return nil, frame{}, errRecord // JSON on one line has one reading
		case string(name) == "event" && word(value), string(name) == "retry" && digits(value):
			before.WriteString(string(name) + ": " + string(value) + "\n")
		}
	}
}

func word(b []byte) bool {
	for _, c := range b {
		if !alphanumeric(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 32
}

func digits(b []byte) bool {
	return len(b) > 0 && len(b) <= 10 && bytes.IndexFunc(b, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
