package pages

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
)

//go:embed assets/style.css
var styleSheet []byte

//go:embed assets/form.js
var formScript []byte

// stylePath changes with the style sheet, so browsers may keep it for good. scriptPath is what shops write into their pages.
var stylePath = "/style-" + short(styleSheet) + ".css"

const scriptPath = "/form.js"

func short(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:6])
}

// style answers GET of the style sheet.
func (p *Pages) style(w http.ResponseWriter, _ *http.Request) error {
	return asset(w, "text/css; charset=utf-8", "public, max-age=31536000, immutable", styleSheet)
}

// script answers GET /form.js, for pages of other origins. It is no secret; with the header a page can pin its hash (SRI).
func (p *Pages) script(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Access-Control-Allow-Origin", "*")
	tag := `"` + short(formScript) + `"`
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		h.Set("Cache-Control", scriptCache)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return asset(w, "text/javascript; charset=utf-8", scriptCache, formScript)
}

const scriptCache = "public, max-age=300"

// icon answers GET /favicon.ico, which browsers ask for on their own.
func (p *Pages) icon(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=86400")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func asset(w http.ResponseWriter, kind, cache string, content []byte) error {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", cache)
	_, _ = w.Write(content) // the browser is gone if this fails
	return nil
}
