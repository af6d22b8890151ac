package pages

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
)

// words is what the script gets: the wording for a visitor, and the form's own words.
type words struct {
	Touchpoint string     `json:"touchpoint"`
	Controller string     `json:"controller"`
	Language   string     `json:"language"`
	Questions  []question `json:"questions"`
	// Words are those of the form itself.
	Words map[string]string `json:"words"`
}

type question struct {
	Notice   consent.NoticeID `json:"notice"`
	SHA256   string           `json:"sha256"`
	Text     Text             `json:"text"`
	Purposes []asked          `json:"purposes"`
}

type asked struct {
	Purpose     consent.PurposeID `json:"purpose"`
	Title       Text              `json:"title"`
	Description *Text             `json:"description,omitempty"`
}

// formWords answers GET /v1/forms/{namespace}/{name}: what every visitor is asked, which is no secret and may be kept for a while.
func (p *Pages) formWords(w http.ResponseWriter, r *http.Request) error {
	lang, _ := chooseLanguage(r)
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	form, err := p.Forms.Form(r.Context(), touchpointOf(r), lang)
	if err != nil {
		return p.formFail(w, r, err)
	}
	out := words{Touchpoint: form.Touchpoint, Controller: form.Controller, Language: lang, Words: map[string]string{}}
	v := p.view(r, "form", nil)
	for _, key := range []string{"address", "address.wrong", "boxes.wrong", "form.what", "form.question", "form.hint", "form.button", "form.failed", "form.wait", "done.answered.what"} {
		out.Words[key] = v.T(key)
	}
	out.Words["form.what"] = v.T("form.what", form.Controller)
	for _, q := range form.Questions {
		one := question{Notice: q.Notice.ID, SHA256: q.Notice.SHA256, Text: q.Notice.Text}
		for _, u := range q.Purposes {
			a := asked{Purpose: u.ID, Title: u.Title}
			if u.Description.Text != "" {
				a.Description = &u.Description
			}
			one.Purposes = append(one.Purposes, a)
		}
		out.Questions = append(out.Questions, one)
	}
	h.Set("Cache-Control", "public, max-age=60")
	h.Set("Vary", "Accept-Language")
	return formJSON(w, http.StatusOK, out)
}

// formAllow tells whether a page of another origin may answer for a touchpoint, and says so to its browser.
func (p *Pages) formAllow(w http.ResponseWriter, r *http.Request) (*Form, error) {
	lang, _ := chooseLanguage(r)
	form, err := p.Forms.Form(r.Context(), touchpointOf(r), lang)
	if err != nil {
		return nil, err
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !slices.Contains(form.Origins, origin) {
		return nil, errForeign
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	return form, nil
}

// formPreflight answers OPTIONS /v1/forms/{namespace}/{name}.
func (p *Pages) formPreflight(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.formAllow(w, r); err != nil {
		return p.formFail(w, r, err)
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Allow-Headers", "Content-Type")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// formAnswer answers POST /v1/forms/{namespace}/{name}. The answer is the same for whomever the address belongs to.
func (p *Pages) formAnswer(w http.ResponseWriter, r *http.Request) error {
	form, err := p.formAllow(w, r)
	if err != nil {
		return p.formFail(w, r, err)
	}
	var in struct {
		Address  string  `json:"address"`
		Language string  `json:"language"`
		Given    []Given `json:"given"`
	}
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/json" {
		return p.formFail(w, r, ErrInput)
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Given) == 0 || len(in.Given) > maxGiven || !looksLikeAddress(in.Address) || texts[in.Language] == nil {
		return p.formFail(w, r, ErrInput)
	}
	a := Answer{Address: strings.TrimSpace(in.Address), Language: in.Language, Given: in.Given, NoSale: r.Header.Get("Sec-GPC") == "1"}
	if err := p.take(r, form.Touchpoint, a); err != nil {
		return p.formFail(w, r, err)
	}
	return formJSON(w, http.StatusAccepted, struct{}{})
}

// formFail answers a script. It is told the status alone; its words for people came with the form.
func (p *Pages) formFail(w http.ResponseWriter, r *http.Request, err error) error {
	for _, h := range helped {
		if errors.Is(err, h.err) {
			if h.status == http.StatusTooManyRequests {
				w.Header().Set("Retry-After", "30")
			}
			return formJSON(w, h.status, struct {
				Title string `json:"title"`
			}{texts["en"]["error."+h.key]})
		}
	}
	if r.Context().Err() == nil {
		p.Logger.Error("a form failed", "request", w.Header().Get(requestHeader), "route", r.Pattern, "error", err)
	}
	return formJSON(w, http.StatusInternalServerError, struct{}{})
}

func formJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the browser is gone if this fails
	return nil
}
