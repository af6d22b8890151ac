package main

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/optup/optup/test/bypass/attack"
	"github.com/optup/optup/test/bypass/liberal"
	"github.com/optup/optup/test/bypass/market"
)

// leak is something that should not have passed.
type leak struct {
	attack *attack.Attack
	// kind is a short name for what happened, detail what was seen.
	kind, detail string
}

// key groups leaks that probably have one cause.
func (l leak) key() string { return l.kind + " / " + l.attack.Request.Base + " / " + l.attack.Language }

// conditional are statuses that tell about the answer which the service would have given.
var conditional = []int{http.StatusPartialContent, http.StatusNotModified, http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable}

// searched gives everything of a reply that is looked at, by where it was.
func (r reply) searched() map[string][]byte {
	out := map[string][]byte{"connection": r.raw}
	var joined []byte
	for _, a := range r.answers {
		var head bytes.Buffer
		_ = a.header.Write(&head)
		out["header"] = append(out["header"], head.Bytes()...)
		out["body"] = a.body
		joined = append(joined, a.body...)
	}
	if len(r.answers) > 1 {
		out["bodies"] = joined
	}
	return out
}

// shown gives the markers of a reply.
func (r reply) shown(m *market.Market) (found market.Found, where string) {
	found = market.Found{}
	for _, place := range []string{"body", "bodies", "header", "connection"} {
		for t, mark := range m.Find(r.searched()[place]) {
			if _, known := found[t]; !known {
				found[t] = mark
				if mark.Hidden && where == "" {
					where = place
				}
			}
		}
	}
	return found, where
}

// judge looks for leaks in a reply. What the request itself says is no news to whoever sent it.
func judge(m *market.Market, a *attack.Attack, request []byte, r reply) (leaks []leak, permitted int) {
	found, where := r.shown(m)
	hidden := found.Hidden()
	permitted = len(found) - len(hidden)
	if len(hidden) > 0 {
		for t := range m.Find(request) {
			delete(hidden, t)
		}
	}
	if len(hidden) > 0 {
		leaks = append(leaks, leak{a, "marker in the " + where, describe(hidden)})
	}
	for _, x := range r.answers {
		coding := x.header.Get("Content-Encoding")
		switch {
		case slices.Contains(conditional, x.status):
			leaks = append(leaks, leak{a, "conditional answer", fmt.Sprintf("status %d tells about the answer of the service", x.status)})
		case coding != "" && !strings.EqualFold(coding, "identity"):
			leaks = append(leaks, leak{a, "coded answer", "the answer is in " + coding})
		case !utf8.Valid(x.body):
			leaks = append(leaks, leak{a, "unreadable answer", fmt.Sprintf("%d bytes that are no text", len(x.body))})
		}
	}
	return leaks, permitted
}

func describe(found market.Found) string {
	var all []string
	for t, mark := range found {
		all = append(all, fmt.Sprintf("%s (%s of %s)", t, mark.Field, mark.Who))
	}
	slices.Sort(all)
	if len(all) > 4 {
		all = append(all[:4], fmt.Sprintf("and %d more", len(all)-4))
	}
	return strings.Join(all, ", ")
}

// judgeMail looks at whom a service would write to: everybody has to have agreed, unless it is about an invoice.
func judgeMail(m *market.Market, mail liberal.Mail) (detail string, permitted int) {
	found := m.Find([]byte(strings.Join(mail.To, "\n")))
	hidden := found.Hidden()
	if mail.Kind == "invoice" || len(hidden) == 0 {
		return "", len(found) - len(hidden)
	}
	return fmt.Sprintf("the service would send %q to %s", mail.Kind, describe(hidden)), 0
}
