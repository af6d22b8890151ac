package decision

import (
	"fmt"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	"github.com/casbin/casbin/v2/persist/cache"

	"github.com/optup/optup/test/bench/people"
)

// casbinModel is the plainest that casbin has: who may be used for what.
const casbinModel = `
[request_definition]
r = sub, obj
[policy_definition]
p = sub, obj
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.obj == p.obj
`

// checkedByCasbin is how many answers casbin computes itself. One takes milliseconds, so the cache is filled for it with the answers to all
// other questions: each measured call is a hit.
const checkedByCasbin = 100

type casbinPeer struct {
	enforcer *casbin.CachedEnforcer
	subjects []string
	purposes []string
}

func newCasbin(p people.Population, subjects []string) (*casbinPeer, error) {
	m, err := model.NewModelFromString(casbinModel)
	if err != nil {
		return nil, err
	}
	e, err := casbin.NewCachedEnforcer(m)
	if err != nil {
		return nil, err
	}
	out := &casbinPeer{enforcer: e, subjects: subjects}
	for n := range people.Purposes {
		out.purposes = append(out.purposes, string(people.Purpose(n)))
	}
	var rules [][]string
	for i := range p.Count {
		x := p.Person(i)
		for n := range people.Purposes {
			if x.Allowed(n) {
				rules = append(rules, []string{subjects[i], out.purposes[n]})
			}
		}
	}
	if _, err := e.AddPolicies(rules); err != nil {
		return nil, err
	}
	return out, nil
}

// rows is how many rows of policy there are.
func (c *casbinPeer) rows() int {
	rules, _ := c.enforcer.GetPolicy()
	return len(rules)
}

// warm has casbin answer some questions itself, and fills its cache with the right answers to all.
func (c *casbinPeer) warm(p people.Population, questions []people.Question) error {
	if err := c.enforcer.InvalidateCache(); err != nil {
		return err
	}
	for _, q := range questions[:min(checkedByCasbin, len(questions))] {
		if got, err := c.allowed(q); err != nil || got != p.Right(q) {
			return fmt.Errorf("casbin answers %v, %v", got, err)
		}
	}
	filled, err := cache.NewDefaultCache()
	if err != nil {
		return err
	}
	for _, q := range questions {
		key, ok := casbin.GetCacheKey(c.subjects[q.Person], c.purposes[q.Purpose])
		if !ok {
			return fmt.Errorf("casbin caches no such question")
		}
		if err := filled.Set(key, p.Right(q)); err != nil {
			return err
		}
	}
	c.enforcer.SetCache(filled)
	return nil
}

func (c *casbinPeer) allowed(q people.Question) (bool, error) {
	return c.enforcer.Enforce(c.subjects[q.Person], c.purposes[q.Purpose])
}
