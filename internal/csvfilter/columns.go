package csvfilter

import (
	"github.com/optup/optup/internal/ir"
)

// declared are the declarations of columns, by pointer within a row; the empty one is the whole row.
type declared map[string]*declaration

type declaration struct {
	// categories of what is personal; none for what is not.
	categories []string
}

// columns gathers declarations whose pointers begin with that of a row.
func columns(fields []ir.Field, plain []string, row string) declared {
	d := declared{}
	at := func(pointer string) *declaration {
		p := pointer[len(row):]
		if d[p] == nil {
			d[p] = &declaration{}
		}
		return d[p]
	}
	for _, f := range fields {
		x := at(f.Pointer)
		x.categories = append(x.categories, f.Category)
	}
	for _, p := range plain {
		at(p)
	}
	return d
}

// find gives the declaration of a column: its own before that of the whole row.
func (d declared) find(name string) *declaration {
	if own := d["/"+escape(name)]; own != nil {
		return own
	}
	return d[""]
}

// covers tells whether a column is declared, and every category that it is declared with covered.
func (d declared) covers(name string, covered func(string) bool) bool {
	x := d.find(name)
	if x == nil {
		return false
	}
	for _, c := range x.categories {
		if !covered(c) {
			return false
		}
	}
	return true
}
