package pages

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/optup/optup/internal/consent"
)

// who gives whose page it is.
func (p *Pages) who(r *http.Request) (Who, error) {
	session, err := cookie(r, sessionCookie)
	if err != nil {
		return Who{}, err
	}
	return p.Links.Session(r.Context(), session)
}

// ended tells whether there is nobody whose page it could be; the person is sent to where links are asked for.
func (p *Pages) ended(w http.ResponseWriter, r *http.Request, err error) (bool, error) {
	if errors.Is(err, ErrLink) {
		dropCookie(w, sessionCookie)
		return true, p.go303(w, r, "/", "why", "ended")
	}
	return false, err
}

// acts are those that a button of the page stands for.
var acts = []ActKind{ActWithdraw, ActWithdrawAll, ActObject, ActLift, ActRestrict, ActUnrestrict, ActErase, ActWiden, ActRefuse}

// person answers GET /person.
func (p *Pages) person(w http.ResponseWriter, r *http.Request) error {
	v := p.view(r, "person", nil)
	what, err := p.show(w, r, v.Lang)
	if what == nil {
		return err
	}
	v.Body = what
	if done := r.URL.Query().Get("done"); slices.Contains(acts, ActKind(done)) {
		v.Status = v.T("did." + done)
	}
	return p.write(w, http.StatusOK, "person", v)
}

// show gives what the page shows; nil where the request is answered, or failed.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, lang string) (*Person, error) {
	who, err := p.who(r)
	if err == nil {
		var what *Person
		if what, err = p.Desk.Person(r.Context(), who, lang); err == nil {
			return what, nil
		}
	}
	_, err = p.ended(w, r, err)
	return nil, err
}

// erasePage answers GET /person/erase: what erasure means, before it is asked for.
func (p *Pages) erasePage(w http.ResponseWriter, r *http.Request) error {
	v := p.view(r, "erase", nil)
	what, err := p.show(w, r, v.Lang)
	if what == nil {
		return err
	}
	v.Body = what
	return p.write(w, http.StatusOK, "erase", v)
}

// act answers POST /person/act: one button of the person's page.
func (p *Pages) act(w http.ResponseWriter, r *http.Request) error {
	who, err := p.who(r)
	if ended, err := p.ended(w, r, err); ended || err != nil {
		return err
	}
	lang, _ := chooseLanguage(r)
	position, err := strconv.ParseUint(r.PostForm.Get("position"), 10, 64)
	a := Act{
		Kind: ActKind(r.PostForm.Get("act")), Purpose: consent.PurposeID(r.PostForm.Get("purpose")), Notice: consent.NoticeID(r.PostForm.Get("notice")),
		BasedOn: consent.Position(position), Language: lang,
	}
	if err != nil || !slices.Contains(acts, a.Kind) {
		return ErrInput
	}
	switch err := p.Desk.Do(r.Context(), who, a); {
	case errors.Is(err, ErrOutdated):
		return p.changed(w, r, who, a)
	case err != nil:
		return err
	}
	return p.go303(w, r, "/person", "done", string(a.Kind))
}

// changed shows what happened since the page that the person acted on.
func (p *Pages) changed(w http.ResponseWriter, r *http.Request, who Who, a Act) error {
	what, err := p.Desk.Person(r.Context(), who, a.Language)
	if err != nil {
		return err
	}
	what.History = slices.DeleteFunc(what.History, func(e Entry) bool { return e.Position <= a.BasedOn })
	v := p.view(r, "error.outdated", what)
	v.path = "/person"
	return p.write(w, http.StatusConflict, "changed", v)
}

// data answers GET /person/data: everything that is known, for the person to keep (GDPR Art. 15, 20).
func (p *Pages) data(w http.ResponseWriter, r *http.Request) error {
	lang, _ := chooseLanguage(r)
	return p.file(w, r, "my-data.json", func(who Who) (any, error) { return p.Desk.Export(r.Context(), who, lang) })
}

// receipt answers GET /person/receipts/{position}.
func (p *Pages) receipt(w http.ResponseWriter, r *http.Request) error {
	position, err := strconv.ParseUint(r.PathValue("position"), 10, 64)
	if err != nil {
		return ErrNotOffered
	}
	name := "receipt-" + strconv.FormatUint(position, 10) + ".json"
	return p.file(w, r, name, func(who Who) (any, error) { return p.Desk.Receipt(r.Context(), who, consent.Position(position)) })
}

func (p *Pages) file(w http.ResponseWriter, r *http.Request, name string, content func(Who) (any, error)) error {
	who, err := p.who(r)
	if ended, err := p.ended(w, r, err); ended || err != nil {
		return err
	}
	what, err := content(who)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(what, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = w.Write(append(text, '\n')) // the person is gone if this fails
	return nil
}

// leave answers POST /leave: the session's cookie is forgotten.
func (p *Pages) leave(w http.ResponseWriter, r *http.Request) error {
	dropCookie(w, sessionCookie)
	return p.go303(w, r, "/", "why", "left")
}
