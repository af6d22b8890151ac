package facts

import "math"

const (
	// A shard grows when more than maxLoad of its slots are in use, to the next step of growth. Each shard has steps of its own, so
	// that not all of them grow at the same time; after growth 89 % of it is in use at least, on average over time 92 %.
	maxLoad = 0.96
	growth  = 1.08
	// A shard shrinks when less than minLoad is in use.
	minLoad = 0.4
	// dense is how much of a shard is in use after a snapshot was read, if there is room for all.
	dense = 0.97
	// small is a number of lines that is not worth to be saved.
	small = 8
)

func crowded(used, lines int) bool { return float64(used) > maxLoad*float64(slots*lines) }

func lonely(used, lines int) bool {
	return lines > small && float64(used) < minLoad*float64(slots*lines)
}

// hopeless tells that a shard with so many lines has room for everybody who could have it.
func hopeless(used, lines int) bool { return lines > 4*(used+small) }

// ladder gives the number of lines of a shard in which so many slots are in use: the least of the shard's steps that is not crowded.
func ladder(shard uint32, used int) int {
	least := max(float64(used)/(maxLoad*slots), 1)
	own := float64(shard%64) / 64
	step := math.Ceil(math.Log(least)/math.Log(growth) - own)
	return max(int(math.Ceil(math.Pow(growth, step+own))), int(math.Ceil(least)))
}

// resize copies a shard into one of so many lines, or of more if not all find room. Readers see the one or the other, with the same content.
func (t *Table) resize(number uint32, old *shard, n int) *shard {
	for ; ; n += 1 + n/8 {
		// What the allocator rounds up to is used.
		s := &shard{lines: append([]line(nil), make([]line, n)...)}
		s.lines = s.lines[:cap(s.lines)]
		if old.copyInto(s) {
			t.replace(number, old, s)
			return s
		}
	}
}

// Stats say how big a table is.
type Stats struct {
	// Identifiers have facts, Combinations are the different ones but for their times, Dated those with times.
	Identifiers, Combinations, Dated int
	// Bytes is all the memory that the table holds, of which Facts are for combinations.
	Bytes, Facts int64
}

// Stats gives the numbers of now.
func (t *Table) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Stats{Identifiers: t.Len(), Combinations: t.combos.live, Dated: t.records.live, Facts: t.combos.bytes() + t.records.bytes()}
	const fixed, header = 16 << 10, 24 // the table itself; a shard's slice
	s.Bytes = fixed + shardsOf*header + t.lines.Load()*lineSize + s.Facts
	return s
}

// Len is the number of identifiers with facts.
func (t *Table) Len() int { return int(t.len.Load()) }
