package pages

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed texts/*.json
var textFiles embed.FS

var templates = template.Must(template.New("").ParseFS(templateFiles, "templates/*.html"))

// languages are those of the pages, in their order.
var languages = []string{"de", "en"}

var names = map[string]string{"de": "Deutsch", "en": "English"}

// texts are the words of the pages by language and key.
var texts = func() map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, l := range languages {
		raw, err := textFiles.ReadFile("texts/" + l + ".json")
		var of map[string]string
		if err == nil {
			err = json.Unmarshal(raw, &of)
		}
		if err != nil {
			panic("texts/" + l + ".json: " + err.Error())
		}
		out[l] = of
	}
	return out
}()

// view is what templates see.
type view struct {
	Lang string
	// Chosen tells that the person chose the language; links and forms keep it.
	Chosen bool
	Title  string
	// Status is the outcome of what the person just did; empty for none.
	Status     string
	Controller string
	Style      string
	// Seen is the fingerprint of the token that the page is about.
	Seen string
	Body any
	// Item is what an inner template is about.
	Item    any
	Content template.HTML

	path string
}

// language is a link to the same page in a language.
type language struct {
	Code, Name, Link string
	Current          bool
}

// chooseLanguage takes what the person chose, else what the browser prefers, else English.
func chooseLanguage(r *http.Request) (lang string, chosen bool) {
	asked := r.URL.Query().Get("lang")
	if r.PostForm.Has("lang") {
		asked = r.PostForm.Get("lang")
	}
	if texts[asked] != nil {
		return asked, true
	}
	return accepted(r.Header.Get("Accept-Language")), false
}

// accepted is the first of our languages in the order of preference (RFC 9110, 12.5.4).
func accepted(header string) string {
	best, weight := "en", 0.0
	for _, part := range strings.Split(header, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			if _, err := fmt.Sscanf(v, "%g", &q); err != nil {
				continue
			}
		}
		if texts[base] != nil && q > weight {
			best, weight = base, q
		}
	}
	return best
}

func (p *Pages) view(r *http.Request, title string, body any) *view {
	lang, chosen := chooseLanguage(r)
	v := &view{Lang: lang, Chosen: chosen, Controller: p.Controller(), Style: stylePath, Body: body, path: r.URL.Path}
	v.Title = v.T(title)
	return v
}

// T is a text of the pages.
func (v *view) T(key string, args ...any) string {
	text, ok := texts[v.Lang][key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// With gives the view to an inner template that is about one item.
func (v *view) With(item any) *view {
	c := *v
	c.Item = item
	return &c
}

// Go is a path of the pages, in the language that was chosen.
func (v *view) Go(path string) string {
	if !v.Chosen {
		return path
	}
	return path + "?" + url.Values{"lang": {v.Lang}}.Encode()
}

// Languages are links to the same page.
func (v *view) Languages() []language {
	out := make([]language, 0, len(languages))
	for _, l := range languages {
		out = append(out, language{Code: l, Name: names[l], Current: l == v.Lang, Link: v.path + "?" + url.Values{"lang": {l}}.Encode()})
	}
	return out
}

var months = map[string][]string{
	"de": {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
	"en": {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
}

// Time is a time as people read it. The ledger's times are UTC, and what somebody may have to prove says so.
func (v *view) Time(t time.Time) string {
	t = t.UTC()
	month := months[v.Lang][t.Month()-1]
	if v.Lang == "de" {
		return fmt.Sprintf("%d. %s %d, %s UTC", t.Day(), month, t.Year(), t.Format("15:04"))
	}
	return fmt.Sprintf("%d %s %d, %s UTC", t.Day(), month, t.Year(), t.Format("15:04"))
}

// Stamp is a time as programs read it.
func (*view) Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Live tells whether a grant of this status can be taken back.
func (*view) Live(s consent.Status) bool {
	switch s {
	case consent.StatusGiven, consent.StatusRenewed, consent.StatusPending, consent.StatusUnproven:
		return true
	default:
		return false
	}
}

// Reason is the key of the words for a reason code.
func (v *view) Reason(code string) string {
	if _, ok := texts[v.Lang]["reason."+code]; ok {
		return "reason." + code
	}
	return "reason.other"
}

// write answers with a page. It is rendered whole before anything is sent.
func (p *Pages) write(w http.ResponseWriter, status int, name string, v *view) error {
	var content, page bytes.Buffer
	if err := templates.ExecuteTemplate(&content, name, v); err != nil {
		return err
	}
	v.Content = template.HTML(content.String()) //nolint:gosec // it comes from a template of this package, which has escaped what it shows
	if err := templates.ExecuteTemplate(&page, "layout", v); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Lang)
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the person is gone if this fails
	return nil
}

// go303 sends the person on with GET, in the language that was chosen.
func (p *Pages) go303(w http.ResponseWriter, r *http.Request, path string, query ...string) error {
	q := url.Values{}
	if lang, chosen := chooseLanguage(r); chosen {
		q.Set("lang", lang)
	}
	for i := 0; i+1 < len(query); i += 2 {
		q.Set(query[i], query[i+1])
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	w.Header().Set("Location", path)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
