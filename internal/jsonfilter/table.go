package jsonfilter

// table is a positional table: rows are arrays, and a list of column names tells what their cells are.
type table struct {
	names []string
	// unreadable tells that the cells of a row have no names that everybody reads alike.
	unreadable bool
}

// table reads the column names at a pointer from the root, and notes every row. Rows are unreadable where the names are not an array of
// distinct strings, and where a row is no array or longer than the names. Each of them counts as not covered. It reports whether the
// names could be read.
func (f *filter) table(columns, each string) bool {
	if columns == "" {
		return false
	}
	names, ok := f.names(f.doc.root.at(split(columns)))
	f.doc.root.each(split(each), nil, func(chain []*node) {
		row := chain[len(chain)-1]
		t := &table{names: names, unreadable: !ok || row.kind != '[' || len(row.children) > len(names)}
		if other := f.rows[row]; other != nil {
			t.unreadable = t.unreadable || other.unreadable || !equal(t.names, other.names)
		}
		if t.unreadable {
			f.outcome.NotCovered++
		}
		f.rows[row] = t
	})
	return ok
}

func (f *filter) names(n *node) ([]string, bool) {
	if n == nil || n.kind != '[' {
		return nil, false
	}
	seen := make(map[string]bool, len(n.children))
	out := make([]string, 0, len(n.children))
	for i := range n.children {
		name, ok := f.doc.text(&n.children[i])
		if !ok || seen[name] {
			return nil, false
		}
		seen[name] = true
		out = append(out, name)
	}
	return out, true
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// at finds the value that a pointer names below a node; the first segment of one below a row is a column.
func (f *filter) at(n *node, segments []string) *node {
	for _, s := range segments {
		if n = f.member(n, s); n == nil {
			return nil
		}
	}
	return n
}

func (f *filter) member(n *node, name string) *node {
	t := f.rows[n]
	if t == nil {
		return n.member(name)
	}
	if t.unreadable {
		return nil
	}
	for i := range n.children {
		if t.names[i] == name {
			return &n.children[i]
		}
	}
	return nil
}
