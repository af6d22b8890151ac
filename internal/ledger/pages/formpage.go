package pages

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
)

// maxGiven bounds the boxes of one answer.
const maxGiven = 64

// filled is a form on a page of the ledger, with what the visitor has entered so far.
type filled struct {
	Form    *Form
	Address string
	// Wrong lists what is missing: address, boxes.
	Wrong []string
}

// Has tells whether something is missing.
func (f filled) Has(what string) bool { return slices.Contains(f.Wrong, what) }

func touchpointOf(r *http.Request) string {
	return r.PathValue("namespace") + "/" + r.PathValue("name")
}

// formPage answers GET and POST /forms/{namespace}/{name}: the form as a page, for browsers that run no script. A shop's own HTML form
// may post an address here, from whatever origin: the page shows it, with the wording and boxes that nobody has ticked, and nothing
// else happens.
func (p *Pages) formPage(w http.ResponseWriter, r *http.Request) error {
	lang, _ := chooseLanguage(r)
	form, err := p.Forms.Form(r.Context(), touchpointOf(r), lang)
	if err != nil {
		return err
	}
	address := r.PostForm.Get("address")
	if len(address) > maxAddress {
		address = ""
	}
	return p.write(w, http.StatusOK, "form", p.formView(r, filled{Form: form, Address: address}))
}

const maxAddress = 254

func (p *Pages) formView(r *http.Request, f filled) *view {
	v := p.view(r, "form", f)
	v.path = "/forms/" + f.Form.Touchpoint
	return v
}

// answerPage answers POST /forms/{namespace}/{name}/answers, of the page's own form.
func (p *Pages) answerPage(w http.ResponseWriter, r *http.Request) error {
	lang, _ := chooseLanguage(r)
	form, err := p.Forms.Form(r.Context(), touchpointOf(r), lang)
	if err != nil {
		return err
	}
	a := Answer{Address: strings.TrimSpace(r.PostForm.Get("address")), Language: lang, NoSale: r.Header.Get("Sec-GPC") == "1"}
	for _, box := range r.PostForm["given"] {
		purpose, notice, _ := strings.Cut(box, " ")
		a.Given = append(a.Given, Given{Purpose: consent.PurposeID(purpose), Notice: consent.NoticeID(notice)})
	}
	var wrong []string
	if len(a.Given) == 0 || len(a.Given) > maxGiven {
		wrong = append(wrong, "boxes")
	}
	if !looksLikeAddress(a.Address) {
		wrong = append([]string{"address"}, wrong...)
	}
	if wrong == nil {
		switch err := p.take(r, form.Touchpoint, a); {
		case errors.Is(err, ErrInput):
			wrong = []string{"address"}
		case err != nil:
			return err
		}
	}
	if wrong != nil {
		v := p.formView(r, filled{Form: form, Address: a.Address, Wrong: wrong})
		v.Status = v.T("wrong")
		return p.write(w, http.StatusUnprocessableEntity, "form", v)
	}
	return p.answered(w, r, form)
}

// answered thanks, with a way back to where the visitor came from.
func (p *Pages) answered(w http.ResponseWriter, r *http.Request, form *Form) error {
	v := p.view(r, "done.answered", nil)
	m := message{Paragraphs: []string{v.T("done.answered.what")}}
	if form.Back != "" {
		m.Links = []href{{form.Back, v.T("form.back")}}
	}
	v.Body, v.path = m, "/done/answered"
	return p.write(w, http.StatusOK, "message", v)
}

// take hands an answer on. Each may send a mail, so clients are slowed down.
func (p *Pages) take(r *http.Request, touchpoint string, a Answer) error {
	if err := p.limits.asking.take(p.client(r)); err != nil {
		return err
	}
	return p.Forms.Answer(r.Context(), touchpoint, a)
}

// looksLikeAddress finds what can be no address before anybody is asked about it. What counts is for Forms to say.
func looksLikeAddress(s string) bool {
	_, err := consent.Normalize(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: s})
	return err == nil && len(s) <= maxAddress
}

// OriginOf gives the origin of an address, as browsers write it; empty for what has none.
func OriginOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return ""
	}
	host := strings.ToLower(u.Host)
	if (u.Scheme == "https" && u.Port() == "443") || (u.Scheme == "http" && u.Port() == "80") {
		host = strings.ToLower(u.Hostname())
	}
	return u.Scheme + "://" + host
}
