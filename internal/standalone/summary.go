package standalone

import (
	"cmp"
	"slices"
	"strings"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/shop"
)

// Summary says where everything is.
type Summary struct {
	Routes  []Route      `json:"routes"`
	Ledgers []LedgerInfo `json:"ledgers"`
	// TokenFile holds the development token of the ledgers.
	TokenFile string `json:"tokenFile"`
	// Register, Mail and Counts are base URLs of the shop's services, without a sidecar.
	Register string `json:"register"`
	Mail     string `json:"mail"`
	Counts   string `json:"counts"`
	// Hints are more to try, Try is what to begin with.
	Hints []Hint `json:"hints,omitempty"`
	Try   Hint   `json:"try"`
}

// Route is one declared host as one workload reaches it.
type Route struct {
	Workload   string   `json:"workload"`
	Host       string   `json:"host"`
	Address    string   `json:"address"`
	AnsweredBy string   `json:"answeredBy"`
	Purposes   []string `json:"purposes"`
}

func (r Route) purposes() string {
	if len(r.Purposes) == 0 {
		return "none (no rule: denied)"
	}
	return strings.Join(r.Purposes, ",")
}

// LedgerInfo is one running ledger.
type LedgerInfo struct {
	Controller string `json:"controller"`
	URL        string `json:"url"`
}

// Hint is a command that shows something.
type Hint struct {
	What    string `json:"what"`
	Command string `json:"command"`
}

// Summary gives where everything is at this moment.
func (x *Instance) Summary() Summary {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := Summary{
		Routes: []Route{}, Ledgers: []LedgerInfo{}, TokenFile: x.TokenFile(),
		Register: "http://" + x.shop.register, Mail: "http://" + x.shop.mail, Counts: "http://" + x.shop.counts,
	}
	for _, l := range x.ledgers {
		s.Ledgers = append(s.Ledgers, LedgerInfo{l.controller, l.url})
	}
	upstreams := *x.upstreams.Load()
	var views, sends []Hint
	for _, c := range x.sidecars {
		for key, r := range c.routes {
			to := upstreams[hostPort(r.service.Hosts[0], r.port)]
			one := Route{Workload: c.id, Host: key, Address: r.listener.Addr().String(), AnsweredBy: x.shop.name(to), Purposes: purposesOf(c.bundle.Bundle, r.service)}
			s.Routes = append(s.Routes, one)
			if to == x.shop.register {
				views = append(views, x.view(c, r)...)
			}
			if to == x.shop.mail {
				sends = append(sends, x.send(c, r)...)
			}
		}
	}
	slices.SortFunc(s.Routes, func(a, b Route) int { return cmp.Or(cmp.Compare(a.Workload, b.Workload), cmp.Compare(a.Host, b.Host)) })
	byCommand := func(a, b Hint) int { return cmp.Compare(a.Command, b.Command) }
	slices.SortFunc(views, byCommand)
	slices.SortFunc(sends, byCommand)
	s.Hints = append(s.Hints, sends...)
	if len(sends) > 0 {
		s.Hints = append(s.Hints, Hint{"Whom mails reached", "curl -s '" + s.Counts + "/people?template=" + shop.TemplateNewsletter + "'"})
	}
	s.Hints = append(s.Hints, x.withdrawal()...)
	switch all := append(views, sends...); {
	case len(all) > 0:
		s.Try = all[0]
	case len(s.Routes) > 0:
		s.Try = Hint{"Call a declared host", "curl -si http://" + s.Routes[0].Address + "/"}
	}
	s.Hints = slices.DeleteFunc(s.Hints, func(h Hint) bool { return h == s.Try })
	return s
}

// name says who answers at an address.
func (s *services) name(addr string) string {
	switch addr {
	case "":
		return "nobody (--upstream)"
	case s.register:
		return "the shop's register"
	case s.mail:
		return "the shop's mail provider"
	default:
		return addr
	}
}

func purposesOf(b *ir.Bundle, s *ir.Service) []string {
	out := []string{}
	for _, r := range b.Rules {
		if r.Service == s.Name && !slices.Contains(out, string(r.Purpose)) {
			out = append(out, string(r.Purpose))
		}
	}
	slices.Sort(out)
	return out
}
