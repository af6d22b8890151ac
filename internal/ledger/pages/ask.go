package pages

import (
	"errors"
	"net/http"
	"strings"
)

// asking is the page where people ask for a link to their own page.
type asking struct {
	Address string
	Wrong   bool
}

// askPage answers GET /.
func (p *Pages) askPage(w http.ResponseWriter, r *http.Request) error {
	v := p.view(r, "ask", asking{})
	if why := r.URL.Query().Get("why"); why == "ended" || why == "left" {
		v.Status = v.T("ask." + why)
	}
	return p.write(w, http.StatusOK, "ask", v)
}

// askLink answers POST /link. Whether the ledger knows the address never shows: not in the answer, and not in how long it takes,
// because the mail is sent later by somebody else.
func (p *Pages) askLink(w http.ResponseWriter, r *http.Request) error {
	if err := p.limits.asking.take(p.client(r)); err != nil {
		return err
	}
	lang, _ := chooseLanguage(r)
	address := strings.TrimSpace(r.PostForm.Get("address"))
	switch err := p.Links.RequestPage(r.Context(), address, lang); {
	case errors.Is(err, ErrInput):
		v := p.view(r, "ask", asking{Address: address, Wrong: true})
		v.Status, v.path = v.T("wrong"), "/"
		return p.write(w, http.StatusUnprocessableEntity, "ask", v)
	case err != nil:
		return err
	}
	return p.go303(w, r, "/sent")
}

// sent answers GET /sent.
func (p *Pages) sent(w http.ResponseWriter, r *http.Request) error {
	v := p.view(r, "sent", nil)
	v.Body = message{Paragraphs: []string{v.T("sent.what"), v.T("sent.again")}, Links: []href{{v.Go("/"), v.T("ask.link")}}}
	return p.write(w, http.StatusOK, "message", v)
}
