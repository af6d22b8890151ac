package memory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/test/bench/decision"
	"github.com/optup/optup/test/bench/ours"
	"github.com/optup/optup/test/bench/people"
)

// task is what a child is to fill, as JSON in its argument.
type task struct {
	// Kind is table, map or opa.
	Kind   string
	People people.Population
}

// weight is what came of it, in bytes.
type weight struct {
	Heap, Resident float64
	// Combinations of a table.
	Combinations int
}

// Child is the process that fills and weighs.
func Child(argument string, out io.Writer) error {
	var t task
	if err := json.Unmarshal([]byte(argument), &t); err != nil {
		return err
	}
	w, err := t.weigh()
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(w)
}

func (t task) weigh() (weight, error) {
	var w weight
	debug.SetGCPercent(20) // what filling leaves behind is not to be weighed
	before, residentBefore, err := now()
	if err != nil {
		return w, err
	}
	filled, err := t.fill()
	if err != nil {
		return w, err
	}
	after, resident, err := now()
	if err != nil {
		return w, err
	}
	if table, ok := filled.(*ours.Table); ok {
		w.Combinations = table.Facts.Stats().Combinations
	}
	runtime.KeepAlive(filled)
	w.Heap, w.Resident = after-before, resident-residentBefore
	return w, nil
}

func (t task) fill() (any, error) {
	tagger := ours.Tagger()
	tag := func(i int) consent.Tag {
		tag, _ := tagger.Tag(ours.Email(i)) // always sound
		return tag
	}
	switch t.Kind {
	case "table":
		return ours.Build(t.People, tag)
	case "map":
		out := make(map[consent.Tag]uint64, t.People.Count)
		for i := range t.People.Count {
			x := t.People.Person(i)
			out[tag(i)] = x.Bits()
		}
		return out, nil
	case "opa":
		subjects := make([]string, t.People.Count)
		for i := range subjects {
			id := tag(i)
			subjects[i] = fmt.Sprintf("%x", id[:])
		}
		return decision.OPAData(t.People, subjects), nil
	default:
		return nil, fmt.Errorf("nothing is known about %q", t.Kind)
	}
}

// now is what the process has: live heap and resident size.
func now() (heap, resident float64, err error) {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0, err
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, 0, fmt.Errorf("/proc/self/statm says %q", text)
	}
	pages, err := strconv.ParseFloat(string(fields[1]), 64)
	return float64(m.HeapAlloc), pages * float64(os.Getpagesize()), err
}
