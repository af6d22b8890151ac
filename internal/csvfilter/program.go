package csvfilter

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// ErrTooLarge reports a row that is larger than the caller allows.
var ErrTooLarge = errors.New("a row is larger than what can be checked")

// DefaultRow bounds a row in bytes where the caller names no bound.
const DefaultRow = 1 << 20

// Options bound a copy.
type Options struct {
	// Row is how many bytes a row may have, with the end of its line; 0 means DefaultRow.
	Row int
}

// Program filters answers of one kind. It is safe for concurrent use.
type Program struct {
	m         *ir.Message
	covered   func(string) bool
	redaction ir.Redaction
	declared  declared
}

// Compile makes the program of a message: columns that nobody declared or whose category is not covered go, as the redaction says.
// Covered must be safe for concurrent use and say the same each time.
func Compile(m *ir.Message, covered func(category string) bool, redaction ir.Redaction) *Program {
	p := &Program{m: m, covered: covered, redaction: redaction}
	if r := m.Records; r != nil {
		p.declared = columns(r.Fields, r.NotPersonal, "")
	} else {
		p.declared = columns(m.Fields, m.NotPersonal, "/*")
	}
	return p
}

// Copy filters a table row by row, and holds no more than the largest row. The judge is called once for each row, in their order,
// before anything of the row is written. Errors wrap ErrUnreadable, ErrTooLarge or what dst or src said; by then a part may be written.
func (p *Program) Copy(dst io.Writer, src io.Reader, judge jsonfilter.Judge, o Options) (jsonfilter.Outcome, error) {
	if o.Row <= 0 {
		o.Row = DefaultRow
	}
	c := copier{p: p, judge: judge, out: bufio.NewWriterSize(dst, 32<<10)}
	in := source{r: src, limit: o.Row}
	if err := in.rows(c.row); err != nil {
		return c.outcome, err
	}
	return c.outcome, c.out.Flush()
}

// Response filters a whole table; see Program.
func (d *Document) Response(m *ir.Message, covered func(category string) bool, redaction ir.Redaction, judge jsonfilter.Judge) ([]byte, jsonfilter.Outcome) {
	var out bytes.Buffer
	outcome, err := Compile(m, covered, redaction).Copy(&out, bytes.NewReader(d.body), judge, Options{Row: len(d.body)})
	if err != nil {
		return nil, outcome // not after Parse
	}
	return out.Bytes(), outcome
}

// copier is one table on its way.
type copier struct {
	p       *Program
	judge   jsonfilter.Judge
	out     *bufio.Writer
	names   []string
	who     *who
	columns []column
	outcome jsonfilter.Outcome
	cell    []byte
}

// column is what becomes of one column.
type column struct {
	// gone tells that the column is left out with its name; covered that its cells stay in rows that are kept, plain that they stay even
	// in rows that are redacted.
	gone, covered, plain bool
}

func (c *copier) row(s *syntax, row []byte, text int) error {
	if c.names == nil {
		return c.head(s, row, text)
	}
	if err := s.fits(len(c.names)); err != nil {
		return err
	}
	handling := jsonfilter.Keep
	if c.who != nil {
		c.outcome.People++
		if handling = c.judge(c.who.read(row[:text], s.cells)); handling != jsonfilter.Keep && handling != jsonfilter.Redact {
			c.outcome.Changed = true
			return nil
		}
		c.outcome.Kept++
	}
	return c.write(row, text, s.cells, func(i int) bool {
		return c.columns[i].plain || (c.columns[i].covered && handling == jsonfilter.Keep)
	})
}

// head reads the header row, says what becomes of each column, and writes the names that stay.
func (c *copier) head(s *syntax, row []byte, text int) (err error) {
	if c.names, err = s.header(row[:text]); err != nil {
		return err
	}
	c.columns = make([]column, len(c.names))
	none := func(string) bool { return false }
	for i, name := range c.names {
		x := &c.columns[i]
		x.covered, x.plain = c.p.declared.covers(name, c.p.covered), c.p.declared.covers(name, none)
		total := c.p.m.Records == nil && slices.Contains(c.p.m.Totals, "/*/"+escape(name))
		if !x.covered {
			c.outcome.NotCovered++
			// A name that nobody declared and that is no plain word may be an address itself.
			x.gone = c.p.redaction == "" || c.p.redaction == ir.RedactionOmit || (c.p.declared.find(name) == nil && !jsonfilter.PlainWord(name))
		}
		x.gone = x.gone || total
	}
	if r := c.p.m.Records; r != nil {
		c.who = &who{identifies: r.Identifies, identifier: place(c.names, r.Identifier), time: place(c.names, r.Time), timed: r.Time != "", format: r.TimeFormat}
	}
	return c.write(row, text, s.cells, func(int) bool { return true })
}

// write writes the cells of a row whose columns stay, and instead of those that may not be seen what the redaction says.
func (c *copier) write(row []byte, text int, cells []span, seen func(column int) bool) error {
	c.cell = c.cell[:0]
	left := 0
	for i, x := range c.columns {
		if x.gone {
			c.outcome.Changed = true
			continue
		}
		if left++; left > 1 {
			c.cell = append(c.cell, ',')
		}
		switch {
		case seen(i):
			c.cell = append(c.cell, row[cells[i].start:cells[i].end]...)
			continue
		case c.p.redaction == ir.RedactionMask:
			c.cell = append(c.cell, "***"...)
		}
		c.outcome.Changed = true
	}
	switch {
	case left == 0:
		return nil // lines without cells would tell how many rows there are
	case len(c.cell) == 0:
		c.cell = append(c.cell, `""`...) // an empty line is no row
	}
	c.cell = append(c.cell, row[text:]...)
	_, err := c.out.Write(c.cell)
	return err
}
