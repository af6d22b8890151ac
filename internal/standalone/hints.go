package standalone

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/shop"
)

// enforced gives the rules about an endpoint of a route that take effect.
func enforced(c *sidecar, r *route, e *ir.Endpoint) []ir.Rule {
	var out []ir.Rule
	for _, rule := range c.bundle.Bundle.Rules {
		if rule.Service == r.service.Name && rule.Mode == ir.ModeEnforce && slices.Contains(rule.Endpoints, e.Name) {
			out = append(out, rule)
		}
	}
	return out
}

// view is a call that shows filtered records.
func (x *Instance) view(c *sidecar, r *route) []Hint {
	for i := range r.service.Endpoints {
		e := &r.service.Endpoints[i]
		if !slices.Contains(e.Methods, "GET") || e.Response == nil || e.Response.Records == nil || len(enforced(c, r, e)) == 0 ||
			e.Path != listPath {
			continue
		}
		return []Hint{{"See the register filtered", fmt.Sprintf("curl -s http://%s%s   # whole: http://%s%s",
			r.listener.Addr(), e.Path, x.shop.register, e.Path)}}
	}
	return nil
}

// firstPage is how many people the example mail goes to.
const firstPage = 100

// send is a newsletter to the first people of the register, of whom only those are left who agreed.
func (x *Instance) send(c *sidecar, r *route) []Hint {
	for i := range r.service.Endpoints {
		e := &r.service.Endpoints[i]
		if e.Path != sendPath || !slices.ContainsFunc(enforced(c, r, e), isNewsletter) {
			continue
		}
		people := shop.People(x.o.Seed, min(x.o.People, firstPage))
		file, err := x.newsletter(people)
		if err != nil {
			x.o.Logger.Error("the example mail cannot be written", "error", err)
			return nil
		}
		return []Hint{{
			fmt.Sprintf("Mail the first %d people", len(people)),
			fmt.Sprintf("curl -si -H 'Content-Type: application/json' -d @%s http://%s%s", file, r.listener.Addr(), e.Path),
		}}
	}
	return nil
}

// isNewsletter tells whether a rule is for the shop's newsletter: by its template, or because it takes every mail.
func isNewsletter(r ir.Rule) bool {
	for _, w := range r.When {
		if w.Name != "/template_id" || !slices.Contains(w.In, shop.TemplateNewsletter) {
			return false
		}
	}
	return r.OnMissing == ir.OnMissingDropAddressee
}

func (x *Instance) newsletter(people []shop.Customer) (string, error) {
	type mailbox struct {
		Email string `json:"email"`
	}
	type personalization struct {
		To []mailbox `json:"to"`
	}
	mail := struct {
		Personalizations []personalization `json:"personalizations"`
		From             mailbox           `json:"from"`
		Subject          string            `json:"subject"`
		TemplateID       string            `json:"template_id"`
	}{From: mailbox{"post@shop.example"}, Subject: "News", TemplateID: shop.TemplateNewsletter}
	for _, p := range people {
		mail.Personalizations = append(mail.Personalizations, personalization{[]mailbox{{p.Email}}})
	}
	body, err := json.Marshal(mail)
	if err != nil {
		return "", err
	}
	file := filepath.Join(x.data, "newsletter.json")
	return file, os.WriteFile(file, body, 0o600)
}

// shown are the purposes that the other examples act for.
func (x *Instance) shown() map[consent.PurposeID]bool {
	out := map[consent.PurposeID]bool{}
	for _, c := range x.sidecars {
		for _, r := range c.routes {
			for i := range r.service.Endpoints {
				e := &r.service.Endpoints[i]
				if e.Path != listPath && e.Path != sendPath {
					continue
				}
				for _, rule := range enforced(c, r, e) {
					out[rule.Purpose] = true
				}
			}
		}
	}
	return out
}

// withdrawal is how one of the people who are shown takes that back.
func (x *Instance) withdrawal() []Hint {
	shown := x.shown()
	allowed := shop.Truth(x.o.Seed, x.o.People)
	people := shop.People(x.o.Seed, min(x.o.People, firstPage))
	for _, kind := range []struct {
		purpose string
		people  map[string]bool
	}{{shopProfile, allowed.ProfileView}, {shopNewsletter, allowed.Newsletter}} {
		at := slices.IndexFunc(people, func(c shop.Customer) bool { return kind.people[c.Email] })
		for _, l := range x.ledgers {
			p := purposeLike(l.bundle.Load(), kind.purpose, shown)
			if p == nil || at < 0 {
				continue
			}
			return []Hint{{"Withdraw for one of them", fmt.Sprintf("echo %s | optup ledger withdraw --purpose %s --ledger %s --token-file %s",
				people[at].Email, p.Name, l.url, x.TokenFile())}}
		}
	}
	return nil
}

// purposeLike gives one of some purposes that the shop's rows about one of its own were imported for; nil if there is none.
func purposeLike(b *ir.Bundle, shopName string, of map[consent.PurposeID]bool) *ir.Purpose {
	if b == nil {
		return nil
	}
	for i := range b.Purposes {
		if p := &b.Purposes[i]; of[p.Name] && shopPurpose(p) == shopName && noticeFor(b, p) != "" {
			return p
		}
	}
	return nil
}
