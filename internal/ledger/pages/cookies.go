package pages

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"time"
)

// sessionCookie holds the session of a person. It is sent with requests from the pages themselves only.
const sessionCookie = "__Host-optup-session"

// linkFor is how long the token of a mailed link waits in its cookie for the button.
const linkFor = 30 * time.Minute

// linkCookie holds the token of a mailed link of a kind, once it has left the address bar. People come from their mail, which may be a
// page of another site, so the redirect after it has to bring the cookie along: hence Lax.
func linkCookie(k LinkKind) string { return "__Host-optup-" + string(k) }

func setCookie(w http.ResponseWriter, name, value string, age time.Duration, mode http.SameSite) {
	seconds := int(age / time.Second)
	if seconds <= 0 {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: mode})
}

func dropCookie(w http.ResponseWriter, name string) {
	setCookie(w, name, "", 0, http.SameSiteStrictMode)
}

// tokenShape is that of every token and session: nothing that a cookie or an address would have to spell in another way. They fit into a
// cookie.
var tokenShape = regexp.MustCompile(`^[A-Za-z0-9_.~-]{16}[A-Za-z0-9_.~-]*$`)

const maxToken = 3 << 10

func isToken(text string) bool { return len(text) <= maxToken && tokenShape.MatchString(text) }

// cookie gives a cookie that holds a token; ErrLink if there is none.
func cookie(r *http.Request, name string) (string, error) {
	c, err := r.Cookie(name)
	if err != nil || !isToken(c.Value) {
		return "", ErrLink
	}
	return c.Value, nil
}

// fingerprint ties the button of a page to the token that the page was about: somebody who opens a second link in another tab answers
// what each tab shows, or is told.
func fingerprint(token string) string {
	sum := sha256.Sum256([]byte("optup page\x00" + token))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
