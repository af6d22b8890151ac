package pages

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"time"
)

// linkPage answers GET of a mailed link. With a token in the address it moves the token to a cookie and sends the browser on to the
// address without it, where the token is looked at and not spent: programs that open links before people do change nothing.
func (p *Pages) linkPage(k LinkKind) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if token := r.URL.Query().Get("token"); token != "" {
			if !isToken(token) {
				return ErrLink
			}
			setCookie(w, linkCookie(k), token, linkFor, http.SameSiteLaxMode)
			return p.go303(w, r, r.URL.Path)
		}
		token, err := cookie(r, linkCookie(k))
		if err != nil {
			return err
		}
		asked, err := p.look(r, k, token)
		if err != nil {
			dropCookie(w, linkCookie(k))
			return err
		}
		v := p.view(r, string(k), asked)
		v.Seen = fingerprint(token)
		return p.write(w, http.StatusOK, string(k), v)
	}
}

// look gives what a token of a kind is about. Whoever shows tokens that do not count is slowed down.
func (p *Pages) look(r *http.Request, k LinkKind, token string) (Asked, error) {
	asked, err := p.Links.Look(r.Context(), token)
	if err == nil && asked.Kind != k {
		err = ErrLink
	}
	return asked, p.guess(r, err)
}

func (p *Pages) guess(r *http.Request, err error) error {
	if errors.Is(err, ErrLink) {
		if busy := p.limits.guessing.take(p.client(r)); busy != nil {
			return busy
		}
	}
	return err
}

// pressed gives the token whose button was pressed. What the page showed has to be what the cookie holds.
func (p *Pages) pressed(r *http.Request, k LinkKind) (string, error) {
	token, err := cookie(r, linkCookie(k))
	if err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare([]byte(fingerprint(token)), []byte(r.PostForm.Get("seen"))) != 1 {
		return "", errTwoLinks
	}
	_, err = p.look(r, k, token)
	return token, err
}

// confirm answers POST /confirm: the person confirms a double opt-in, or says that it was somebody else.
func (p *Pages) confirm(w http.ResponseWriter, r *http.Request) error {
	token, err := p.pressed(r, LinkConfirm)
	if err != nil {
		return err
	}
	var what string
	switch r.PostForm.Get("answer") {
	case "confirm":
		what, err = "confirmed", p.Links.Confirm(r.Context(), token)
	case "disown":
		what, err = "disowned", p.Links.Disown(r.Context(), token)
	default:
		err = ErrInput
	}
	if err != nil {
		return err
	}
	dropCookie(w, linkCookie(LinkConfirm))
	return p.go303(w, r, "/done/"+what)
}

// open answers POST /open: the link to the person's page is spent for a session.
func (p *Pages) open(w http.ResponseWriter, r *http.Request) error {
	token, err := p.pressed(r, LinkOpen)
	if err != nil {
		return err
	}
	session, until, err := p.Links.Open(r.Context(), token)
	if err != nil {
		return err
	}
	dropCookie(w, linkCookie(LinkOpen))
	setCookie(w, sessionCookie, session, until.Sub(p.Now()).Round(time.Second), http.SameSiteStrictMode)
	return p.go303(w, r, "/person")
}

// oneClick tells whether a mail program withdraws.
func oneClick(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == "/withdraw" && r.PostForm.Get("List-Unsubscribe") == "One-Click"
}

// withdraw answers POST /withdraw, of the page's button or of a mail program's one click (RFC 8058). The mail program has the address of
// the link and neither cookies nor a person who could read an answer.
func (p *Pages) withdraw(w http.ResponseWriter, r *http.Request) error {
	if oneClick(r) {
		token := r.URL.Query().Get("token")
		if !isToken(token) {
			return p.guess(r, ErrLink)
		}
		if err := p.guess(r, p.Links.Withdraw(r.Context(), token)); err != nil {
			return err
		}
		return p.donePage(w, r, "withdrawn")
	}
	token, err := p.pressed(r, LinkWithdraw)
	if err != nil {
		return err
	}
	if err := p.Links.Withdraw(r.Context(), token); err != nil {
		return err
	}
	dropCookie(w, linkCookie(LinkWithdraw))
	return p.go303(w, r, "/done/withdrawn")
}

// done answers GET /done/{what}. These pages are the same for everybody, and say nothing about anybody.
func (p *Pages) done(w http.ResponseWriter, r *http.Request) error {
	switch what := r.PathValue("what"); what {
	case "confirmed", "disowned", "withdrawn", "answered":
		return p.donePage(w, r, what)
	default:
		return ErrNotOffered
	}
}

func (p *Pages) donePage(w http.ResponseWriter, r *http.Request, what string) error {
	v := p.view(r, "done."+what, nil)
	v.Body = message{Paragraphs: []string{v.T("done." + what + ".what")}, Links: []href{{v.Go("/"), v.T("ask.link")}}}
	if what == "answered" {
		v.Body = message{Paragraphs: []string{v.T("done.answered.what")}}
	}
	v.path = "/done/" + what
	return p.write(w, http.StatusOK, "message", v)
}
