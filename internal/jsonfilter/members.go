package jsonfilter

import "math/bits"

// step is a name that was learned, as members are walked by it: the name with its quotes and a colon, and which bytes it has. One of more
// bytes has no width, and is not walked.
type step struct {
	name, mask [stepBytes]byte
	width      uint32
	// usual is how long the value was last, trust whether that is worth a guess: more than zero if it is.
	usual uint32 //nolint:unused // but in assembly
	trust int32
	_     uint32
}

const stepBytes = 32

const (
	// trusted is how much values are trusted to have the length of those before, without having been seen, and retried after how many
	// objects they are again.
	trusted = 8
	retried = 1024
)

func stepOf(quoted []byte) (s step) {
	s.trust = trusted
	if len(quoted) <= stepBytes {
		s.width = uint32(copy(s.name[:], quoted))
		for i := range quoted {
			s.mask[i] = 0xff
		}
	}
	return s
}

// walk reads members as long as their names are those of a shape, in the same order from the first one on, without white space, and their
// values strings, plain numbers, true, false and null that need no second look. It begins at a name. It ends behind the object, or at the
// member that is another, whose place and number among the names it gives; nothing of that one was read. With many it goes on with the next
// object where one follows in a list. Where values of the last object stand is in places.
//
// It is for speed alone: whatever it does not read is read by those who call it, and where the processor has no vectors that is everything.
func (s *scanner) walk(b []byte, i int, sh *shape, first int, many bool) (after, read int, ended bool) {
	// Nothing that is walked goes on over a control character.
	if !vectors || first >= len(sh.steps) || i > s.end || s.end+padding > len(b) || s.end/8+9 > len(s.marks) || b[s.end] >= ' ' {
		return i, first, false
	}
	if sh.walks++; sh.walks%retried == 0 {
		for n := range sh.steps {
			sh.steps[n].trust = trusted
		}
	}
	return walkMembers(&b[0], &s.marks[0], s.end, i, &sh.steps[0], len(sh.steps), first, many, &s.places[0])
}

// walked notes what is to be done about the members that were walked, from one name of the shape to another one; the next part begins at
// next.
func (s *scanner) walked(b []byte, p *part, sh *shape, situation, from, to, next int, ended bool) {
	all := uint64(1)<<to - 1<<from
	out := sh.out[situation]
	for left := all & (out | sh.sought); left != 0; left &= left - 1 {
		n := bits.TrailingZeros64(left)
		name, at := &sh.names[n], s.places[n]
		if name.sought {
			s.note(name.spot, at.from, at.to)
		}
		if out&(1<<n) == 0 {
			continue
		}
		if n > from {
			p.from = at.from - name.width
		}
		p.kept = p.kept || all&(1<<n-1)&^out != 0
		v := name.verdicts[situation]
		s.cut(p, v, at.from, at.to, at.to, name.standing(s, v, b[at.from]), !ended || n < to-1)
	}
	p.kept = p.kept || all&^out != 0
	p.from = next
}
