package api

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
)

// Withdrawals makes links with which people take back a purpose with one click (RFC 8058).
type Withdrawals interface {
	// WithdrawalLink gives the link of an e-mail address, known or not.
	WithdrawalLink(address string, purpose consent.PurposeID) (string, error)
}

const (
	maxLinks    = 1000
	maxLinkBody = 512 << 10
)

// withdrawalLinks answers POST /v1/people/withdrawal-links: for each address the link that a mail about a purpose shows in its header
// List-Unsubscribe. It is the same work for known and unknown people, so it tells nothing about them.
func (a *API) withdrawalLinks(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	if a.Withdrawals == nil {
		return problem.Unavailable("this ledger has no public address to link to; start it with --public-url")
	}
	var in struct {
		Purpose   consent.PurposeID `json:"purpose"`
		Addresses []string          `json:"addresses"`
	}
	if err := read(w, r, maxLinkBody, &in); err != nil {
		return err
	}
	if len(in.Addresses) == 0 || len(in.Addresses) > maxLinks {
		return problem.Invalid("give 1 to 1000 e-mail addresses")
	}
	b := a.Bundle()
	if !nameShape.MatchString(string(in.Purpose)) || len(in.Purpose) > maxName ||
		(b != nil && !slices.ContainsFunc(b.Purposes, func(p ir.Purpose) bool { return p.Name == in.Purpose })) {
		return problem.Invalid("give the purpose that the mail is sent for: the name of a DataPurpose of this ledger's controller")
	}
	out := struct {
		// Post is the value of the header List-Unsubscribe-Post. That of List-Unsubscribe is a link in angle brackets.
		Post  string   `json:"listUnsubscribePost"`
		Links []string `json:"links"`
	}{Post: "List-Unsubscribe=One-Click", Links: make([]string, 0, len(in.Addresses))}
	var items []problem.Item
	for i, address := range in.Addresses {
		link, err := a.Withdrawals.WithdrawalLink(address, in.Purpose)
		if err != nil {
			items = append(items, problem.Item{Member: "/addresses/" + strconv.Itoa(i), Detail: "give an e-mail address in the clear"})
		}
		out.Links = append(out.Links, link)
	}
	if len(items) > 0 {
		p := problem.Invalid("correct the addresses that are named")
		p.Errors = items
		return p
	}
	return answer(w, http.StatusOK, out)
}
