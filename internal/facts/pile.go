package facts

// pile is what a snapshot told about the tags of one shard, in the order in which it came. Only at the end is it known how large the shard has
// to be; until then they lie in layers, one after the other.
type pile struct {
	parts [][]layer
	// last is the part that is filled, and slot the next one in its last layer.
	last []layer
	slot int
	used int
}

// layer holds what a line does, but nobody reads it yet. Slots are filled one after the other; the state of one that is not is 0.
type layer struct {
	keys   [slots]uint64
	states [slots]uint32
	more   uint32
}

// Parts become larger with the pile, an eighth of it, so that neither few tags nor many leave much room unused.
const leastPart, mostPart, partOf = 2, 512, 8

func (p *pile) add(tag place, state uint32) {
	if len(p.last) == 0 || p.slot == slots {
		p.extend()
	}
	l := &p.last[len(p.last)-1]
	l.keys[p.slot], l.states[p.slot] = tag.key, state
	l.more |= tag.more << (moreBits * p.slot)
	p.slot++
	p.used++
}

// extend begins a layer.
func (p *pile) extend() {
	if len(p.last) == cap(p.last) {
		if len(p.last) > 0 {
			p.parts = append(p.parts, p.last)
		}
		n := min(max(p.used/(slots*partOf), leastPart), mostPart)
		p.last = append([]layer(nil), make([]layer, n)...)[:0] // what the allocator rounds up to is used
	}
	p.last, p.slot = p.last[:len(p.last)+1], 0
}

// into puts all that is on the pile into a shard that nobody reads yet. Of what was told about one tag the last counts; over gives the
// states of the others. It reports false if it finds no room.
func (p *pile) into(s *shard) (over []uint32, ok bool) {
	for i := range len(p.parts) + 1 {
		part := p.last
		if i < len(p.parts) {
			part = p.parts[i]
		}
		for j := range part {
			if over, ok = part[j].into(s, over); !ok {
				return nil, false
			}
		}
	}
	return over, true
}

func (l *layer) into(s *shard, over []uint32) ([]uint32, bool) {
	for i, state := range l.states {
		if state == 0 {
			break
		}
		p := place{key: l.keys[i], more: l.more >> (moreBits * i) & allMore}
		if at := s.spot(p); at.line != nil {
			over = append(over, at.state())
			at.line.states[at.slot].Store(state)
			continue
		}
		at, ok := s.room(p.key)
		if !ok {
			return nil, false
		}
		s.put(p, at, state)
	}
	return over, true
}
