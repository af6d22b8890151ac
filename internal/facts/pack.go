package facts

import "math"

// shared is how many lines fill a piece of memory that the allocator keeps for itself. Smaller ones share pages with others of their size.
const shared = 32 << 10 / lineSize

// tight is the number of lines in which so many slots are in use that no more can be hoped for.
func tight(used uint32) int { return int(math.Ceil(float64(used) / (dense * slots))) }

// pack copies every shard into the least room, if that saves something. Small shards come to lie together in pieces of memory of their own:
// the steps of growth left them scattered, a few on each of very many pages, and on those there is nothing any more afterwards. A shard that
// grows again leaves its piece, which goes with the last of them.
func (t *Table) pack() {
	var piece []line
	for i := range uint32(shardsOf) {
		old := t.shards[i].Load()
		n := tight(t.live[i])
		switch {
		case n == 0:
			t.replace(i, old, &nothing)
		case n >= shared:
			t.tighten(i, old, n)
		default:
			if len(piece) < n {
				piece = t.piece(i)
			}
			piece = piece[t.settle(i, old, piece, n):]
		}
	}
}

// piece is room for some shards from one on.
func (t *Table) piece(from uint32) []line {
	size := 0
	for i := from; i < shardsOf && size < shared; i++ {
		if n := tight(t.live[i]); n < shared {
			size += n
		}
	}
	const slack = 32 // not everybody finds a slot at once
	return make([]line, size+size/slack+1)
}

// settle copies a shard to the begin of a piece, and gives how many lines it took.
func (t *Table) settle(number uint32, old *shard, piece []line, n int) int {
	for ; n <= min(len(old.lines), len(piece)); n++ {
		s := &shard{lines: piece[:n:n]}
		if old.copyInto(s) {
			t.replace(number, old, s)
			return n
		}
		clear(s.lines)
	}
	return 0
}

// tighten copies a large shard into the smallest one, if that saves something.
func (t *Table) tighten(number uint32, old *shard, n int) {
	if n*50 > len(old.lines)*49 {
		return
	}
	s := &shard{lines: append([]line(nil), make([]line, n)...)}
	if s.lines = s.lines[:cap(s.lines)]; len(s.lines) < len(old.lines) && old.copyInto(s) {
		t.replace(number, old, s)
	}
}

func (t *Table) replace(number uint32, old, by *shard) {
	t.lines.Add(int64(len(by.lines) - len(old.lines)))
	t.shards[number].Store(by)
}
