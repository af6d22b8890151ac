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
		if l.match(p.key) == slots {
			continue
		}
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

// free gives the first slot that is not in use; slots if there is none.
func (l *line) free() int {
	for i := range l.states {
		if l.states[i].Load() == 0 {
			return i
		}
	}
	return slots
}

// maxSteps bounds how many lines are looked at for somebody who could leave. Each leads to five others.
const maxSteps = 128

// step is a line that is reached by moving what is in a slot of an earlier one.
type step struct {
	line uint32
	from int16
	slot int8
}

// room finds a free slot for a key, and makes one if that takes no more than a few moves. It takes the line in which less is, so that
// few lines are full before nearly all are.
func (s *shard) room(key uint64) (spot, bool) {
	if len(s.lines) == 0 {
		return spot{}, false
	}
	first, second := s.homes(key)
	one, other := &s.lines[first], &s.lines[second]
	i, j := one.free(), other.free()
	switch {
	case i <= j && i < slots:
		return spot{one, i}, true
	case j < slots:
		return spot{other, j}, true
	}
	return s.makeRoom(first, second)
}

// makeRoom is room where both lines are full. It looks for the shortest way to a free slot, and sees one from the line before.
func (s *shard) makeRoom(first, second uint64) (spot, bool) {
	var steps [maxSteps]step
	steps[0], steps[1] = step{line: uint32(first), from: -1}, step{line: uint32(second), from: -1}
	n := 2
	for i := 0; i < n; i++ {
		here := uint64(steps[i].line)
		l := &s.lines[here]
		for j := range l.keys {
			to, other := s.homes(l.keys[j].Load())
			if to == here {
				to = other
			}
			if to == here {
				continue
			}
			if free := s.lines[to].free(); free < slots {
				from := spot{l, j}
				s.move(from, spot{&s.lines[to], free})
				return s.follow(steps[:], i, from), true
			}
			if n < maxSteps {
				steps[n] = step{line: uint32(to), from: int16(i), slot: int8(j)}
				n++
			}
		}
	}
	return spot{}, false
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
