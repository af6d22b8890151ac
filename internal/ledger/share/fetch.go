package share

import "github.com/optup/optup/internal/consent"

// ahead is how many people are looked at before they are counted: what they need fits into the processor's nearer caches.
//
// Counting one waits for memory a dozen times, each time for what was found before. To fetch is to read some of every line that will be
// needed, for many people, so that the processor waits for all of them at once. What is read is summed up, because what nobody uses is
// not read, and of no other use.
const ahead = 32

// fetch is for changes that are applied next: their records, the entries of the index, and rows.
func (p *people) fetch(changes []Change) {
	var records [ahead]*consent.Record
	var sum uint64
	n := 0
	for i := range changes {
		for j := range changes[i].Identities {
			one := &changes[i].Identities[j]
			for t := range one.Tags {
				sum += p.byTag.near(keyOf(one.Tags[t]))
			}
			if one.Record == nil {
				continue
			}
			if n == ahead {
				sum += fetch(records[:])
				n = 0
			}
			records[n], n = one.Record, n+1
		}
	}
	for i := range changes {
		for j := range changes[i].Identities {
			one := &changes[i].Identities[j]
			for t := range one.Tags {
				if place, ok := p.byTag.nearest(keyOf(one.Tags[t])); ok {
					sum += uint64(p.rows[place].standing)
				}
			}
		}
	}
	p.fetched += sum + fetch(records[:n])
}

// fetchNew is for people who are added next.
func (p *people) fetchNew(some []counted) {
	for i := range some {
		p.fetched += p.byTag.near(some[i].tag) + p.byGroup.near(some[i].group)
	}
}

// fetch is for people whose key is made next.
func (t *teller) fetch(some []Identity) {
	var records [ahead]*consent.Record
	n := 0
	for i := range some {
		if r := some[i].Record; r != nil {
			records[n], n = r, n+1
		}
	}
	t.fetched += fetch(records[:n])
}

func fetch(records []*consent.Record) (sum uint64) {
	for _, r := range records {
		sum += uint64(r.Position) + uint64(len(r.Noes)) + uint64(r.Suppressed) + uint64(len(r.Asks)) + uint64(r.AgeYears)
	}
	for _, r := range records {
		for i := range r.Grants {
			g := &r.Grants[i]
			sum += uint64(g.Position) + uint64(g.BasedOn) + uint64(len(g.EndedBy)) + first(string(g.Purpose)) + first(string(g.Notice)) + first(g.Touchpoint)
		}
	}
	return sum
}

func first(text string) uint64 {
	if text == "" {
		return 0
	}
	return uint64(text[0])
}
