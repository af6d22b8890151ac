package pages

import (
	"errors"
	"mime"
	"net/http"
)

// errForeign reports a request that a page of another origin made a browser send.
var errForeign = errors.New("the request came from a page of another origin")

// errTwoLinks reports a button of a page whose token is no longer the one in the cookie.
var errTwoLinks = errors.New("another link was opened since")

// message is a page of a few sentences.
type message struct {
	Paragraphs []string
	Links      []href
}

type href struct{ Href, Text string }

// helped are the errors that a page explains: its status, and the key of its words. What is unknown, altered and used up is one.
var helped = []struct {
	err    error
	status int
	key    string
}{
	{ErrLink, http.StatusGone, "link-gone"},
	{errTwoLinks, http.StatusConflict, "two-links"},
	{ErrOutdated, http.StatusConflict, "outdated"},
	{ErrNotOffered, http.StatusNotFound, "not-found"},
	{ErrInput, http.StatusUnprocessableEntity, "input"},
	{errForeign, http.StatusForbidden, "foreign"},
	{errBusy, http.StatusTooManyRequests, "busy"},
}

// fail answers with the page that helps. What no page explains is a fault of ours, whose text stays here.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the person went away
	}
	status, key := http.StatusInternalServerError, "failed"
	for _, h := range helped {
		if errors.Is(err, h.err) {
			status, key = h.status, h.key
			break
		}
	}
	if status == http.StatusInternalServerError {
		p.Logger.Error("a page failed", "request", w.Header().Get(requestHeader), "route", r.Pattern, "error", err)
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "30")
	}
	v := p.view(r, "error."+key, nil)
	m := message{Paragraphs: []string{v.T("error." + key + ".what")}}
	switch {
	case errors.Is(err, ErrLink), errors.Is(err, ErrNotOffered):
		m.Links = []href{{v.Go("/"), v.T("ask.link")}}
	case errors.Is(err, errTwoLinks):
		m.Links = []href{{v.Go(r.URL.Path), v.T("two-links.link")}}
	case errors.Is(err, errForeign), status == http.StatusInternalServerError:
		m.Links = []href{{v.Go("/person"), v.T("person.link")}}
	}
	v.Body = m
	// A page that answers a POST has no address of its own; its language link goes to one that has.
	if r.Method != http.MethodGet {
		v.path = "/"
	}
	if err := p.write(w, status, "message", v); err != nil {
		p.Logger.Error("a page could not be rendered", "request", w.Header().Get(requestHeader), "error", err)
		http.Error(w, http.StatusText(status), status)
	}
}

// readForm reads what a page or a mail program posts. Other bodies are left alone.
func readForm(r *http.Request) error {
	if r.Method != http.MethodPost {
		return nil
	}
	var err error
	switch t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t {
	case "application/x-www-form-urlencoded":
		err = r.ParseForm()
	case "multipart/form-data": // RFC 8058 allows both
		err = r.ParseMultipartForm(maxBody)
	}
	if err != nil {
		return ErrInput
	}
	return nil
}
