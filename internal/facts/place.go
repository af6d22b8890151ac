package facts

// What follows is for the one who writes.

// spot is a slot.
type spot struct {
	line *line
	slot int
}

func (at spot) state() uint32 { return at.line.states[at.slot].Load() }

// spot finds the slot in which a tag is in use. The line is nil if there is none.
func (s *shard) spot(p place) spot {
	if len(s.lines) == 0 {
		return spot{}
	}
	first, second := s.homes(p.key)
	for _, l := range [2]*line{&s.lines[first], &s.lines[second]} {
		for i := range l.keys {
			if l.keys[i].Load() == p.key && l.tells(uint64(i), p.more) && l.states[i].Load() != 0 {
				return spot{l, i}
			}
		}
	}
	return spot{}
}

// put puts a tag that is in no slot into a free one.
func (s *shard) put(p place, at spot, state uint32) {
	shift := moreBits * at.slot
	at.line.more.Store(at.line.more.Load()&^(allMore<<shift) | p.more<<shift)
	at.line.keys[at.slot].Store(p.key)
	s.version.Add(1)
	at.line.states[at.slot].Store(state)
}

// move brings what is in a slot into a free one of its other line.
func (s *shard) move(from, to spot) {
	s.put(from.tag(), to, from.state())
	s.version.Add(1)
	from.line.states[from.slot].Store(0)
}

// tag is what is in a slot.
func (at spot) tag() place {
	return place{key: at.line.keys[at.slot].Load(), more: at.line.more.Load() >> (moreBits * at.slot) & allMore}
}

func (l *line) free() (spot, bool) {
	for i := range l.states {
		if l.states[i].Load() == 0 {
			return spot{l, i}, true
		}
	}
	return spot{}, false
}

// maxSteps bounds how many lines are looked at for room.
const maxSteps = 256

// step is a line that is reached by moving what is in a slot of an earlier one.
type step struct {
	line uint64
	from int16
	slot int8
}

// room finds a free slot for a key, and makes one if that takes no more than a few moves. The first line is taken before the second.
func (s *shard) room(key uint64) (spot, bool) {
	if len(s.lines) == 0 {
		return spot{}, false
	}
	first, second := s.homes(key)
	if free, ok := s.lines[first].free(); ok {
		return free, true
	}
	if free, ok := s.lines[second].free(); ok {
		return free, true
	}
	return s.makeRoom(first, second)
}

// makeRoom is room where both lines are full.
func (s *shard) makeRoom(first, second uint64) (spot, bool) {
	var steps [maxSteps]step
	steps[0], steps[1] = step{line: first, from: -1}, step{line: second, from: -1}
	n := 2
	n = s.onward(&steps, 1, s.onward(&steps, 0, n))
	for i := 2; i < n; i++ {
		if free, ok := s.lines[steps[i].line].free(); ok {
			return s.follow(steps[:], i, free), true
		}
		n = s.onward(&steps, i, n)
	}
	return spot{}, false
}

// onward adds the lines to which what is in a line could move.
func (s *shard) onward(steps *[maxSteps]step, from, n int) int {
	l := &s.lines[steps[from].line]
	for j := range l.keys {
		to, other := s.homes(l.keys[j].Load())
		if to == steps[from].line {
			to = other
		}
		if n < maxSteps && to != steps[from].line {
			steps[n] = step{line: to, from: int16(from), slot: int8(j)}
			n++
		}
	}
	return n
}

// follow moves what is on the way to a free slot, the last first, and gives the slot that gets free at the beginning. The way never crosses
// itself: it is a shortest one, and one that comes to a line twice could have gone on from there the first time.
func (s *shard) follow(steps []step, i int, free spot) spot {
	for steps[i].from >= 0 {
		from := spot{&s.lines[steps[steps[i].from].line], int(steps[i].slot)}
		s.move(from, free)
		i, free = int(steps[i].from), from
	}
	return free
}

// copyInto puts all that is in use into another shard, and reports false if it finds no room.
func (s *shard) copyInto(other *shard) bool {
	for i := range s.lines {
		l := &s.lines[i]
		for j := range l.keys {
			at := spot{l, j}
			if at.state() == 0 {
				continue
			}
			p := at.tag()
			to, ok := other.room(p.key)
			if !ok {
				return false
			}
			other.put(p, to, at.state())
		}
	}
	return true
}
