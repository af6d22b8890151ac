package share

// timer says how an identity stands from an instant on, unless it changed before: Version is that of the identity when it was set.
type timer struct {
	at       int64 // nanoseconds since 1970
	place    uint32
	version  uint32
	standing uint32
}

// timers is a heap, the earliest first. It holds no pointers.
type timers []timer

func (h *timers) push(t timer) {
	*h = append(*h, t)
	all := *h
	i := len(all) - 1
	for i > 0 {
		up := (i - 1) / 2
		if all[up].at <= all[i].at {
			return
		}
		all[up], all[i] = all[i], all[up]
		i = up
	}
}

func (h *timers) pop() timer {
	all := *h
	first, last := all[0], len(all)-1
	all[0] = all[last]
	*h = all[:last]
	h.sink(0)
	return first
}

func (h *timers) sink(i int) {
	all := *h
	for {
		least, left := i, 2*i+1
		for child := left; child <= left+1 && child < len(all); child++ {
			if all[child].at < all[least].at {
				least = child
			}
		}
		if least == i {
			return
		}
		all[i], all[least] = all[least], all[i]
		i = least
	}
}

// keep drops timers that are not wanted any more.
func (h *timers) keep(wanted func(timer) bool) {
	kept := (*h)[:0]
	for _, t := range *h {
		if wanted(t) {
			kept = append(kept, t)
		}
	}
	*h = kept
	for i := len(kept)/2 - 1; i >= 0; i-- {
		h.sink(i)
	}
}
