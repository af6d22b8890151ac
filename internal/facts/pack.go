package facts

import "math"

// shared is how many lines fill a piece of memory that the allocator keeps for itself. Smaller ones share pages with others of their size.
const shared = 32 << 10 / lineSize

// tight is the number of lines in which so many slots are in use that no more can be hoped for.
func tight(used int) int { return int(math.Ceil(float64(used) / (dense * slots))) }

// packer makes shards of piles, each with the least room. Small shards come to lie together in pieces of memory: by itself each would be one
// of a few on each of very many pages. A shard that grows leaves its piece, which goes with the last of them.
type packer struct {
	table *Table
	piles *[shardsOf]pile
	// piece is what is left of the last one.
	piece []line
}

func (k *packer) pack() error {
	for i := range k.piles {
		if k.piles[i].used > 0 {
			if err := k.settle(uint32(i)); err != nil {
				return err
			}
			k.piles[i] = pile{}
		}
	}
	return nil
}

// settle adds a pile to its shard.
func (k *packer) settle(number uint32) error {
	t, p := k.table, &k.piles[number]
	old := t.shards[number].Load()
	used := p.used + int(t.live[number])
	for n := tight(used); !hopeless(used, n); n += 1 + n/100 {
		s := &shard{lines: k.room(number, n)}
		if !old.copyInto(s) {
			clear(s.lines)
			continue
		}
		over, ok := p.into(s)
		if !ok {
			clear(s.lines)
			continue
		}
		if n < shared {
			k.piece = k.piece[n:]
		}
		more := p.used - len(over)
		t.live[number] += uint32(more)
		t.len.Add(int64(more))
		for _, state := range over {
			t.release(state)
		}
		t.replace(number, old, s)
		return nil
	}
	return ErrAlike
}

// room gives some lines for a shard. Those of a small one are the next of the piece, until they are taken off it.
func (k *packer) room(number uint32, n int) []line {
	if n >= shared {
		lines := append([]line(nil), make([]line, n)...)
		return lines[:cap(lines)]
	}
	if len(k.piece) < n {
		k.piece = make([]line, k.size(number, n))
	}
	return k.piece[:n:n]
}

// size is that of a piece which begins with so many lines of a shard, and goes on with the shards that follow.
func (k *packer) size(number uint32, n int) int {
	for i := number + 1; i < shardsOf && n < shared; i++ {
		if next := tight(k.piles[i].used); next < shared {
			n += next
		}
	}
	const slack = 32 // not everybody finds a slot at once
	return n + n/slack + 1
}

func (t *Table) replace(number uint32, old, by *shard) {
	t.lines.Add(int64(len(by.lines) - len(old.lines)))
	t.shards[number].Store(by)
}
