package journal

import "github.com/optup/optup/internal/consent"

// known is what is known of a purpose: the notice that went with it the last time, and those that came after it.
type known struct {
	purpose, notice string
	// next is of grants, and of noes.
	next [2]*known
}

const (
	ofGrants = iota
	ofNoes
)

// grant reads a grant. Nearly all of them have the same few members, which are looked for one after the other.
func (d *decoder) grant(g *consent.Grant) {
	at := d.at
	if d.usualGrant(g); d.bad { // what was expected in vain left something behind
		d.at, d.bad, *g = at, false, consent.Grant{}
		d.object(func(key []byte) int { return d.grantMember(g, key) })
	}
}

func (d *decoder) usualGrant(g *consent.Grant) {
	d.must(`{"position":`)
	g.Position = d.position()
	d.must(`,"purpose":`)
	k := d.purpose(ofGrants)
	g.Purpose = consent.PurposeID(k.purpose)
	d.must(`,"notice":`)
	g.Notice = consent.NoticeID(d.again(&k.notice))
	d.must(`,"status":`)
	g.Status = consent.Status(d.again(&d.status))
	if d.literal(`,"proof":`) {
		g.Proof = consent.Proof(d.again(&d.proof))
	}
	d.must(`,"since":`)
	g.Since = d.time()
	if d.literal(`,"basedOn":`) {
		g.BasedOn = d.position()
	}
	if d.literal(`,"touchpoint":`) {
		g.Touchpoint = d.again(&d.touchpoint)
	}
	d.must(`}`)
}

// purpose reads a purpose, which likely is the one that followed the one before the last time, too.
func (d *decoder) purpose(of int) *known {
	likely := d.last.next[of]
	if likely == nil {
		likely = d.last
	}
	text := likely.purpose
	if d.again(&text) != likely.purpose {
		likely = d.met(text)
	}
	d.last.next[of], d.last = likely, likely
	return likely
}

// met gives what is known of a purpose.
func (d *decoder) met(purpose string) *known {
	if k := d.purposes[purpose]; k != nil {
		return k
	}
	if d.purposes == nil || len(d.purposes) >= maxWords {
		d.purposes = map[string]*known{}
	}
	k := &known{purpose: purpose}
	d.purposes[purpose] = k
	return k
}

// no reads a no.
func (d *decoder) no(n *consent.No) {
	at := d.at
	d.must(`{"position":`)
	n.Position = d.position()
	d.must(`,"purpose":`)
	n.Purpose = consent.PurposeID(d.purpose(ofNoes).purpose)
	if d.must(`}`); d.bad {
		d.at, d.bad, *n = at, false, consent.No{}
		d.object(func(key []byte) int { return d.noMember(n, key) })
	}
}

func (d *decoder) must(s string) { d.bad = !d.literal(s) || d.bad }
