package jsonfilter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/optup/optup/internal/ir"
)

func TestARecordIsHeldUpToTheCap(t *testing.T) {
	const most = 1000
	long := strings.Repeat("x", most)
	record := func(n int) string { // of n bytes
		const frame = `{"email":"y@x","id":""}`
		return `{"email":"y@x","id":"` + strings.Repeat("x", n-len(frame)) + `"}`
	}
	for name, tt := range map[string]struct {
		framing Framing
		body    string
		tooMuch bool
	}{
		"a record of the cap":             {Whole, `{"customers":[` + record(most) + `]}`, false},
		"a record above the cap":          {Whole, `{"customers":[` + record(most+1) + `]}`, true},
		"many records":                    {Whole, `{"customers":[` + strings.Repeat(record(900)+",", 300) + record(900) + `]}`, false},
		"white space before a record":     {Whole, `{"customers":[` + strings.Repeat(" ", most) + record(100) + `]}`, true},
		"white space before a bracket":    {Whole, `{"customers":[` + strings.Repeat(" ", most+1) + `]}`, true},
		"white space behind a record":     {Whole, `{"customers":[` + record(100) + strings.Repeat(" ", 3*most) + `]}`, false},
		"white space behind the body":     {Whole, `{}` + strings.Repeat(" ", 3*most), false},
		"white space before the body":     {Whole, strings.Repeat(" ", most+1) + `{}`, true},
		"a long value beside records":     {Whole, `{"page":"` + long + `"}`, true},
		"a long value that goes":          {Whole, `{"trace":"` + long + `"}`, true},
		"a long name":                     {Whole, `{"` + long + `":0}`, true},
		"many names beside records":       {Whole, `{"page":{` + members(300) + `}}`, true},
		"a long list beside records":      {Whole, `{"page":[` + strings.Repeat(`{"a":[1,2,3]},`, 900) + `0]}`, false},
		"a long list beside records goes": {Whole, `{"trace":[` + strings.Repeat(`{"a":[1,2,3]},`, 900) + `0]}`, false},
		"a line of the cap":               {Lines, `{"page":"` + strings.Repeat("x", most-11) + `"}` + "\n", false},
		"a line above the cap":            {Lines, `{"page":"` + strings.Repeat("x", most-10) + `"}` + "\n", true},
		"a line without an end":           {Lines, `{"page":"` + strings.Repeat("x", most-10) + `"}`, true},
		"an event above the cap":          {Events, "data: [\ndata: " + long + "\n\n", true},
		"an event of many lines":          {Events, strings.Repeat("data: \n", 200) + "\n", true},
		"a long comment":                  {Events, ":" + long + "\n", true},
		"many comments":                   {Events, strings.Repeat(": x\n", 1000), false},
	} {
		for pieces, src := range map[string]io.Reader{
			"whole": whole([]byte(tt.body)), "single bytes": single([]byte(tt.body)), "some": random([]byte(tt.body), 3),
		} {
			_, err := program(t, list).Copy(io.Discard, src, yes, Options{Record: most, Framing: tt.framing})
			if tt.tooMuch != errors.Is(err, ErrTooLarge) || !tt.tooMuch && err != nil {
				t.Errorf("%s, %s: the error is %v", name, pieces, err)
			}
		}
	}
}

// TestWhatDoesNotEndIsNotHeld: the cap ends a copy before the end is there.
func TestWhatDoesNotEndIsNotHeld(t *testing.T) {
	for begin, framing := range map[string]Framing{
		`{"customers":[{"email":"`: Whole, `{"customers":[`: Whole, `{"`: Whole, `{"page":"`: Whole, `{"page":1`: Whole, `[`: Lines, "data:": Events,
	} {
		filling := strings.Repeat(" ", 1000)
		if strings.HasSuffix(begin, "1") {
			filling = strings.Repeat("0", 1000)
		}
		src := &repeated{rest: []byte(begin), one: []byte(filling), n: 1 << 40}
		if _, err := program(t, list).Copy(io.Discard, src, yes, Options{Framing: framing}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: the error is %v", begin, err)
		}
	}
}

func members(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"n%d":[]`, i)
	}
	return strings.Join(all, ",")
}

func TestDepthCanBeBounded(t *testing.T) {
	for body, deep := range map[string]bool{
		`{"customers":[{"email":"y@x","id":[1]}]}`: false, `{"customers":[{"email":"y@x","id":[[]]}]}`: false,
		`{"customers":[{"email":"y@x","id":[[1]]}]}`: true, `{"page":[[[1]]]}`: false, `{"page":[[[[1]]]]}`: true,
	} {
		if _, err := program(t, list).Copy(io.Discard, strings.NewReader(body), yes, Options{Depth: 4}); errors.Is(err, ErrUnreadable) != deep {
			t.Errorf("%s: the error is %v", body, err)
		}
	}
}

// TestNoRecordCostsAnAllocation, whether it is kept, dropped or redacted, and whatever is in it.
func TestNoRecordCostsAnAllocation(t *testing.T) {
	lines := bytes.ReplaceAll(bytes.ReplaceAll(customerList(10000), []byte(`},{"id"`), []byte("}\n{\"id\"")), []byte(`{"page":{"cursor":"c2Vx","size":10000},"data":[`), nil)
	lines = lines[:bytes.LastIndexByte(lines, ']')]
	events := bytes.ReplaceAll(append([]byte("data: "), lines...), []byte("\n"), []byte("\n\nid: 7\ndata: "))
	record := *customers
	record.Records = &ir.Records{}
	*record.Records = *customers.Records
	record.Records.Each, record.Records.Time = "", "/created_at"
	every := func(people []Subject, out []Handling) {
		for i := range out {
			out[i] = Handling(i % 3)
		}
	}
	for name, tt := range map[string]struct {
		m    *ir.Message
		body []byte
		o    Options
	}{
		"a document": {customers, customerList(10000), Options{}},
		"lines":      {&record, lines, Options{Framing: Lines}},
		"events":     {&record, append(events, "\n\n"...), Options{Framing: Events, EventIDs: true}},
	} {
		p, src := program(t, tt.m), bytes.NewReader(nil)
		copyOnce := func() {
			src.Reset(tt.body)
			if o, err := p.Copy(io.Discard, src, every, tt.o); err != nil || o.People < 9999 {
				t.Fatal(o, err)
			}
		}
		copyOnce()
		if got := testing.AllocsPerRun(5, copyOnce); got > 100 {
			t.Errorf("%s: %v allocations for 10,000 records", name, got)
		}
	}
}

// TestTheHeapDoesNotGrowWithTheList: a list is never held.
func TestTheHeapDoesNotGrowWithTheList(t *testing.T) {
	p, record := program(t, customers), customerList(1)
	open, one, end := record[:bytes.Index(record, []byte(`{"id"`))], record[bytes.Index(record, []byte(`{"id"`)):bytes.LastIndexByte(record, ']')], record[bytes.LastIndexByte(record, ']'):]
	peak := func(n int) uint64 {
		var before, now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		src := &repeated{rest: open, one: append(append([]byte{}, one...), ','), n: n, end: append(append([]byte{}, one...), end...)}
		if o, err := p.Copy(io.Discard, src, yes, Options{}); err != nil || o.People != n+1 {
			t.Fatal(o, err)
		}
		runtime.ReadMemStats(&now)
		return now.TotalAlloc - before.TotalAlloc
	}
	peak(1000)
	if short, long := peak(1000), peak(100000); long > short+300<<10 {
		t.Errorf("%d bytes for a short list, %d for one that is a hundred times as long", short, long)
	}
}

// repeated gives a beginning, the same part n times, and an end.
type repeated struct {
	rest, one, end []byte
	n              int
}

func (r *repeated) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		switch {
		case r.n > 0:
			r.rest = r.one
			r.n--
		case r.end != nil:
			r.rest, r.end = r.end, nil
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// TestTinyPiecesCostNoMoreThanTheirBytes counts the bytes that are looked at or moved.
func TestTinyPiecesCostNoMoreThanTheirBytes(t *testing.T) {
	const size = 300000
	text, blank := strings.Repeat("x", size), strings.Repeat(" ", size)
	for name, tt := range map[string]struct {
		framing Framing
		body    string
	}{
		"a long text in a record":        {Whole, `{"customers":[{"email":"y@x","id":"` + text + `"}]}`},
		"a long text beside records":     {Whole, `{"page":"` + text + `"}`},
		"a long number":                  {Whole, `{"page":1` + strings.Repeat("0", size) + `}`},
		"a long name":                    {Whole, `{"` + text + `":1}`},
		"white space in a record":        {Whole, `{"customers":[{"email":` + blank + `"y@x"}]}`},
		"white space before a record":    {Whole, `{"customers":[` + blank + `{"email":"y@x"}]}`},
		"white space behind a record":    {Whole, `{"customers":[{"email":"y@x"}` + blank + `]}`},
		"white space in an empty list":   {Whole, `{"customers":[` + blank + `]}`},
		"white space beside records":     {Whole, `{"page":[` + blank + `1` + blank + `,2]` + blank + `}` + blank},
		"many escapes":                   {Whole, `{"customers":[{"email":"y@x","id":"` + strings.Repeat(`\\`, size/2) + `"}]}`},
		"many members in a record":       {Whole, `{"customers":[{"email":"y@x",` + members(size/20) + `}]}`},
		"many small lists":               {Whole, `{"page":[` + strings.Repeat(`[[[]]],`, size/7) + `0]}`},
		"a long line":                    {Lines, `{"page":"` + text + `"}` + "\n"},
		"many lines":                     {Lines, strings.Repeat("{}\n", size/3)},
		"a long event":                   {Events, `data: {"page":"` + text + `"}` + "\n\n"},
		"an event of many lines":         {Events, "data: [1\n" + strings.Repeat("data: ,2\n", size/9) + "data: ]\n\n"},
		"many events that end by return": {Events, strings.Repeat("data: {}\r\r", size/10)},
	} {
		for pieces, src := range map[string]io.Reader{"single bytes": single([]byte(tt.body)), "whole": whole([]byte(tt.body)), "some": random([]byte(tt.body), 9)} {
			m := newMachine(1 << 10)
			if _, err := m.filter(program(t, list), io.Discard, src, yes, &Options{Record: DefaultRecord, Depth: MaxDepth, Framing: tt.framing}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if m.work > 8*len(tt.body)+8192 {
				t.Errorf("%s, %s: %d bytes of work for %d", name, pieces, m.work, len(tt.body))
			}
		}
	}
}

// TestPiecesAreBounded: what is noted before it is written does not grow with the number of lines.
func TestPiecesAreBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		framing Framing
		part    string
	}{
		"empty lines": {Lines, "\n"}, "comments": {Events, ":\n"}, "fields": {Events, "retry:1\n\n"}, "elements": {Whole, "0,"},
	} {
		m, begin := newMachine(64<<10), ""
		if tt.framing == Whole {
			begin = `{"page":[`
		}
		src := strings.NewReader(begin + strings.Repeat(tt.part, 20000))
		_, _ = m.filter(program(t, list), io.Discard, src, yes, &Options{Record: DefaultRecord, Depth: MaxDepth, Framing: tt.framing})
		if cap(m.pieces) > 4*mostPieces {
			t.Errorf("%s: room for %d pieces", name, cap(m.pieces))
		}
	}
}

func TestErrorsOfOthersEndACopy(t *testing.T) {
	broken := errors.New("broken")
	body := `{"customers":[{"email":"y@1"},{"email":"y@2"}]}`
	var got bytes.Buffer
	_, err := program(t, list).Copy(&got, io.MultiReader(strings.NewReader(body[:40]), iotest.ErrReader(broken)), yes, Options{})
	if !errors.Is(err, broken) || got.String() != `{"customers":[{"email":"y@1"}` {
		t.Errorf("got %s, %v", got.String(), err)
	}
	if _, err := program(t, list).Copy(failing{broken}, strings.NewReader(body), yes, Options{}); !errors.Is(err, broken) {
		t.Errorf("the writer's error is %v", err)
	}
	got.Reset()
	_, err = program(t, list).Copy(&got, strings.NewReader(body), func(_ []Subject, out []Handling) { out[0], out[1] = Keep, Stop }, Options{})
	if !errors.Is(err, ErrStopped) || strings.Contains(got.String(), "@") {
		t.Errorf("got %s, %v", got.String(), err)
	}
	if _, err := program(t, list).Copy(io.Discard, idle{}, yes, Options{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("the error for a reader that gives nothing is %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }
