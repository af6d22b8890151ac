package people

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/optup/optup/internal/consent"
)

// Purposes is how many there are; the last one has a validity period.
const Purposes = 8

// Controller of all purposes.
const Controller = "shop-gmbh"

// ValidForDays is how long a grant of a purpose with a period lasts.
const ValidForDays = 730

// Expiring is the share of people with a grant that expires, unless a row says otherwise.
const Expiring = 0.02

// Now is the moment of all decisions.
var Now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// Purpose is the name of a purpose by its number.
func Purpose(n int) consent.PurposeID { return consent.PurposeID(fmt.Sprintf("purpose-%d", n)) }

// Notice is the wording that people agreed to for a purpose.
func Notice(n int) consent.NoticeID { return consent.NoticeID(fmt.Sprintf("purpose-%d-v1", n)) }

// Population is a number of people.
type Population struct {
	Count int
	Seed  uint64
	// Expiring is the share of people with a grant of the last purpose, which has a validity period: such a grant needs its time. A tenth
	// of them is beyond it.
	Expiring float64
	// Given is the share of people who agreed to each of the other purposes; 0 stands for 30 %.
	Given float64
}

// Standing is how a person stands to one purpose.
type Standing byte

// How people stand. Somebody who never said anything has no record.
const (
	Never Standing = iota
	Given
	Withdrawn
)

// Person is what one person agreed to.
type Person struct {
	Standing [Purposes]Standing
	// Since is when the grant of the last purpose was given.
	Since time.Time
}

// Email is the address of a person, by number. Numbers from Count on are people whom nobody knows.
func Email(i int) string { return fmt.Sprintf("person.%08d@mail.example", i) }

// Person gives what the person with a number agreed to. Everybody has said something about the first purpose or another one.
func (p Population) Person(i int) Person {
	r := rand.NewPCG(p.Seed, uint64(i))
	given := p.Given
	if given == 0 {
		given = 0.3
	}
	var out Person
	said := false
	for n := range Purposes {
		share := given
		if n == Purposes-1 {
			share = p.Expiring
		}
		switch x := float64(r.Uint64()>>11) / (1 << 53); {
		case x < share:
			out.Standing[n], said = Given, true
		case x < share+0.05:
			out.Standing[n], said = Withdrawn, true
		}
	}
	if !said {
		out.Standing[0] = Withdrawn
	}
	if out.Standing[Purposes-1] == Given {
		// To the second, over the period and a tenth of it beyond.
		seconds := int64(ValidForDays) * 24 * 3600
		out.Since = Now.Add(-time.Duration(r.Uint64()%uint64(seconds+seconds/9)) * time.Second)
	}
	return out
}

// Allowed tells whether the person may be used for a purpose.
func (p *Person) Allowed(purpose int) bool {
	if p.Standing[purpose] != Given {
		return false
	}
	return purpose != Purposes-1 || Now.Before(p.Since.AddDate(0, 0, ValidForDays))
}

// Bits has a bit for each purpose for which the person may be used.
func (p *Person) Bits() (bits uint64) {
	for n := range Purposes {
		if p.Allowed(n) {
			bits |= 1 << n
		}
	}
	return bits
}

// Facts are what a ledger tells about the person.
func (p *Person) Facts() map[consent.PurposeID]consent.Fact {
	out := map[consent.PurposeID]consent.Fact{}
	for n, s := range p.Standing {
		g := consent.Grant{Purpose: Purpose(n), Notice: Notice(n), Proof: consent.ProofMailboxConfirmed, Since: Now.AddDate(0, 0, -100), Position: 1}
		if n == Purposes-1 {
			g.Since = p.Since
		}
		switch s {
		case Given:
			g.Status = consent.StatusGiven
		case Withdrawn:
			g.Status = consent.StatusWithdrawn
		case Never:
			continue
		}
		out[Purpose(n)] = consent.Fact{Position: 1, Grants: []consent.Grant{g}}
	}
	return out
}

// Question asks whether a person may be used for a purpose.
type Question struct {
	Person, Purpose int
}

// Questions are random ones: about people in no order, for all purposes; one in ten is about somebody whom nobody knows.
func (p Population) Questions(n int) []Question {
	r := rand.New(rand.NewPCG(p.Seed, 99))
	out := make([]Question, n)
	for i := range out {
		out[i] = Question{Person: r.IntN(p.Count), Purpose: r.IntN(Purposes)}
		if r.IntN(10) == 0 {
			out[i].Person += p.Count
		}
	}
	return out
}

// Right is the right answer to a question.
func (p Population) Right(q Question) bool {
	if q.Person >= p.Count {
		return false
	}
	x := p.Person(q.Person)
	return x.Allowed(q.Purpose)
}
