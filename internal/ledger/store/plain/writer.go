package plain

import (
	"strconv"
	"time"
)

// Writer appends to Out. Once Bad is set, what it wrote is to be thrown away. It is for one goroutine.
type Writer struct {
	Out []byte
	Bad bool
}

// Name begins a member: a comma unless it is the first of its object, and its name, which needs no escapes.
func (w *Writer) Name(name string) {
	if n := len(w.Out); n > 0 && w.Out[n-1] != '{' {
		w.Out = append(w.Out, ',')
	}
	w.Out = append(append(append(w.Out, '"'), name...), '"', ':')
}

// Raw appends what stands for itself.
func (w *Writer) Raw(s string) { w.Out = append(w.Out, s...) }

// Text writes a text.
func (w *Writer) Text(s string) {
	w.Out = append(w.Out, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			w.Bad = true
			return
		}
	}
	w.Out = append(append(w.Out, s...), '"')
}

// SomeText writes a member unless it is empty.
func (w *Writer) SomeText(name, s string) {
	if s != "" {
		w.Name(name)
		w.Text(s)
	}
}

// Number writes a number.
func (w *Writer) Number(n uint64) { w.Out = strconv.AppendUint(w.Out, n, 10) }

// SomeNumber writes a member unless it is 0.
func (w *Writer) SomeNumber(name string, n uint64) {
	if n != 0 {
		w.Name(name)
		w.Number(n)
	}
}

// Yes writes a member if it is true.
func (w *Writer) Yes(name string, is bool) {
	if is {
		w.Name(name)
		w.Raw("true")
	}
}

// Time writes a time. Those in other zones than UTC are left to others.
func (w *Writer) Time(t time.Time) {
	if y := t.Year(); t.Location() != time.UTC || y < 1 || y > 9999 {
		w.Bad = true
		return
	}
	w.Out = append(w.Out, '"')
	w.Out = append(t.AppendFormat(w.Out, time.RFC3339Nano), '"')
}

// SomeTime writes a member unless it is zero.
func (w *Writer) SomeTime(name string, t time.Time) {
	if !t.IsZero() {
		w.Name(name)
		w.Time(t)
	}
}
