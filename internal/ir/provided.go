package ir

import (
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
)

// Provided is a service that the pods of the workload are. Their sidecars decide about every request that comes to them, by the rules of
// whoever sends it.
type Provided struct {
	// Service is as callers know it. Of endpoints that no caller uses it holds only that they exist.
	Service Service `json:"service"`
	// Ports are where the pods take requests; none where nothing can be decided about what is spoken there.
	Ports []ProvidedPort `json:"ports,omitempty"`
	// Mode is Observe where the namespace of the pods only observes: then nothing is enforced for any caller.
	Mode Mode `json:"mode"`
	// Purposes and Notices are those of the rules, whoever may act for them.
	Purposes []Purpose `json:"purposes,omitempty"`
	Notices  []Notice  `json:"notices,omitempty"`
	// Rules are those of all callers, each once.
	Rules   []Rule   `json:"rules,omitempty"`
	Callers []Caller `json:"callers,omitempty"`
}

// ProvidedPort says where the pods take requests to a port of the service.
type ProvidedPort struct {
	// Port is that of the service, Target that of the pods.
	Port   int `json:"port"`
	Target int `json:"target"`
}

// Caller is a workload that has rules for a service.
type Caller struct {
	Namespace string `json:"namespace"`
	// Workload is the name of the caller's bundle, which its certificate holds. It tells apart pods of one owner that differ in labels.
	Workload string `json:"workload"`
	// Accounts are the service accounts that the caller's pods run as. A token of one stands for the caller if no other caller uses it.
	Accounts []string `json:"accounts,omitempty"`
	Mode     Mode     `json:"mode"`
	// FreshnessBoundMillis is the caller's own bound.
	FreshnessBoundMillis int64 `json:"freshnessBoundMillis"`
	// Blocked are purposes that nothing is permitted for because the caller's namespace may not act for them.
	Blocked []BlockedPurpose `json:"blocked,omitempty"`
	// Rules are the places of the caller's rules among all.
	Rules []int `json:"rules"`
}

// BlockedPurpose is a purpose for which nothing is permitted, with the reason.
type BlockedPurpose struct {
	Purpose consent.PurposeID `json:"purpose"`
	Reason  string            `json:"reason"`
}

// Of gives the bundle by which requests of a caller are decided: what the caller's own bundle says about the service. Nil is a caller
// that nobody knows, who has no rules. Bundles share parts of what is provided: they are for reading only.
func (p *Provided) Of(c *Caller) *Bundle {
	b := &Bundle{
		Schema: Schema, Mode: p.Mode, Ungoverned: Ungoverned{Action: UngovernedDeny}, FreshnessBoundMillis: 1000, Services: []Service{p.Service},
	}
	if c == nil {
		return b
	}
	b.Namespace, b.Workload, b.FreshnessBoundMillis, b.Notices = c.Namespace, c.Workload, c.FreshnessBoundMillis, p.Notices
	if c.Mode == ModeObserve {
		b.Mode = ModeObserve
	}
	for _, i := range c.Rules {
		r := p.Rules[i]
		if p.Mode == ModeObserve {
			r.Mode = ModeObserve
		}
		b.Rules = append(b.Rules, r)
	}
	b.Purposes = slices.Clone(p.Purposes)
	for i := range b.Purposes {
		for _, x := range c.Blocked {
			if x.Purpose == b.Purposes[i].Name {
				b.Purposes[i] = Purpose{Name: x.Purpose, Objection: ObjectionNone, Blocked: x.Reason}
			}
		}
	}
	return b
}

// Wanted gives a bundle with all purposes about which facts are needed, those of callers included. Everything else is as it is.
func (b *Bundle) Wanted() *Bundle {
	if len(b.Provides) == 0 {
		return b
	}
	out := *b
	out.Purposes, out.Notices, out.Rules, out.Services = slices.Clone(b.Purposes), slices.Clone(b.Notices), slices.Clone(b.Rules), slices.Clone(b.Services)
	for i := range b.Provides {
		p := &b.Provides[i]
		for _, x := range p.Purposes {
			at := slices.IndexFunc(out.Purposes, func(o Purpose) bool { return o.Name == x.Name })
			switch {
			case at < 0:
				out.Purposes = append(out.Purposes, x)
			case out.Purposes[at].Blocked != "":
				out.Purposes[at] = x
			}
		}
		for _, x := range p.Notices {
			if !slices.ContainsFunc(out.Notices, func(o Notice) bool { return o.Name == x.Name }) {
				out.Notices = append(out.Notices, x)
			}
		}
		// A name of its own: the workload may itself use the service, and know less of it.
		s := p.Service
		s.Name += "#provided"
		out.Services = append(out.Services, s)
		for _, r := range p.Rules {
			r.Service = s.Name
			out.Rules = append(out.Rules, r)
		}
	}
	return &out
}

func (v *validator) provided(all []Provided) {
	targets := map[int]bool{}
	for i := range all {
		p := &all[i]
		at := p.Service.Name
		v.check(strings.Count(at, "/") == 1, "provided service %q has no namespace", at)
		for _, x := range p.Ports {
			v.check(slices.ContainsFunc(p.Service.Ports, func(o Port) bool { return o.Port == x.Port }), "provided service %q: unknown port %d", at, x.Port)
			v.check(x.Target > 0 && x.Target < 1<<16 && !targets[x.Target], "provided service %q: target port %d, or twice", at, x.Target)
			targets[x.Target] = true
		}
		for j := range p.Callers {
			c := &p.Callers[j]
			v.check(c.Namespace != "" && c.Workload != "", "provided service %q: a caller without a name", at)
			for _, r := range c.Rules {
				v.check(r >= 0 && r < len(p.Rules), "provided service %q: caller %s/%s has an unknown rule", at, c.Namespace, c.Workload)
			}
			v.check(c.FreshnessBoundMillis >= 1000, "provided service %q: caller %s/%s: freshnessBoundMillis %d, at least 1000", at, c.Namespace, c.Workload, c.FreshnessBoundMillis)
			v.check(c.Mode == ModeEnforce || c.Mode == ModeObserve, "provided service %q: caller %s/%s: mode %q", at, c.Namespace, c.Workload, c.Mode)
		}
		v.check(p.Mode == ModeEnforce || p.Mode == ModeObserve, "provided service %q: mode %q", at, p.Mode)
		if len(v.problems) == 0 {
			// All rules at once are checked as those of a bundle.
			whole := p.Of(nil)
			whole.Purposes, whole.Notices, whole.Rules, whole.Mode = p.Purposes, p.Notices, p.Rules, ModeEnforce
			v.bundle(whole)
		}
	}
}
