package decision

import (
	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/optup/optup/test/bench/people"
)

// cedarPolicy is one policy for all purposes: with one for each, cedar-go would evaluate them all. The purposes of a person are its
// parents, which cedar-go looks up faster than it evaluates attributes.
const cedarPolicy = `permit (principal, action == Action::"use", resource) when { principal in resource };`

// CedarPeer holds a population as cedar-go's entities.
type CedarPeer struct {
	policies *cedar.PolicySet
	entities cedar.EntityMap
	subjects []string
	purposes [people.Purposes]cedar.EntityUID
}

// NewCedar makes entities of all people who may be used for something.
func NewCedar(p people.Population, subjects []string) (*CedarPeer, error) {
	policies, err := cedar.NewPolicySetFromBytes("policy.cedar", []byte(cedarPolicy))
	if err != nil {
		return nil, err
	}
	out := &CedarPeer{policies: policies, entities: cedar.EntityMap{}, subjects: subjects}
	for n := range out.purposes {
		out.purposes[n] = cedar.NewEntityUID("Purpose", types.String(people.Purpose(n)))
		out.entities[out.purposes[n]] = cedar.Entity{UID: out.purposes[n]}
	}
	for i := range p.Count {
		x := p.Person(i)
		var parents []cedar.EntityUID
		for n := range people.Purposes {
			if x.Allowed(n) {
				parents = append(parents, out.purposes[n])
			}
		}
		uid := cedar.NewEntityUID("Person", types.String(subjects[i]))
		out.entities[uid] = cedar.Entity{UID: uid, Parents: cedar.NewEntityUIDSet(parents...)}
	}
	return out, nil
}

func (c *CedarPeer) request(q people.Question) cedar.Request {
	return cedar.Request{
		Principal: cedar.NewEntityUID("Person", types.String(c.subjects[q.Person])), Action: cedar.NewEntityUID("Action", "use"),
		Resource: c.purposes[q.Purpose],
	}
}

func (c *CedarPeer) allowed(r cedar.Request) bool {
	decision, _ := cedar.Authorize(c.policies, c.entities, r)
	return decision == cedar.Allow
}
