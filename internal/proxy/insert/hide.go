package insert

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/optup/optup/internal/credential"
)

// shortest is the length of what is looked for in answers: shorter values stand in them by chance.
const shortest = 8

// forms are the spellings of a value that a service might send back: as it came, within a query, and within JSON.
func forms(value string) []credential.Secret {
	if len(value) < shortest {
		return nil
	}
	all := []string{value, url.QueryEscape(value), url.PathEscape(value)}
	if quoted, err := json.Marshal(value); err == nil {
		all = append(all, string(quoted[1:len(quoted)-1]), strings.ReplaceAll(value, "/", `\/`), strings.ReplaceAll(value, `"`, `\"`))
	}
	slices.Sort(all)
	var out []credential.Secret
	for _, s := range slices.Compact(all) {
		out = append(out, credential.New(s))
	}
	return out
}

// Hide keeps the credential out of an answer: a service that tells callers what they sent would hand it to the application. What stands for
// it is as long as it is, so that lengths stay. Sessions that the service begins with it do not pass either. Answers in a coding that is
// not read here pass as they are; none is asked for.
func (c *Credential) Hide(res *http.Response) {
	delete(res.Header, "Set-Cookie")
	delete(res.Header, "Set-Cookie2")
	longest := 0
	for _, f := range c.forms {
		longest = max(longest, len(f.Reveal()))
	}
	if longest == 0 {
		return
	}
	c.hideHeaders(res.Header)
	if res.Body != nil && res.Body != http.NoBody {
		res.Body = &hider{ReadCloser: res.Body, of: c, longest: longest, end: func() { c.hideHeaders(res.Trailer) }}
	}
}

func (c *Credential) hideHeaders(h http.Header) {
	for _, values := range h {
		for i, v := range values {
			if c.within([]byte(v)) {
				text := []byte(v)
				c.blot(text)
				values[i] = string(text)
			}
		}
	}
}

func (c *Credential) within(text []byte) bool {
	return slices.ContainsFunc(c.forms, func(f credential.Secret) bool { return bytes.Contains(text, []byte(f.Reveal())) })
}

// blot overwrites the credential in a text.
func (c *Credential) blot(text []byte) {
	for _, f := range c.forms {
		form := f.Reveal()
		for from := 0; ; {
			i := bytes.Index(text[from:], []byte(form))
			if i < 0 {
				break
			}
			for j := range len(form) {
				text[from+i+j] = '*'
			}
			from += i + len(form)
		}
	}
}

// begins gives how many of the last bytes of a text may be the beginning of the credential.
func (c *Credential) begins(text []byte) int {
	most := 0
	for _, f := range c.forms {
		form := f.Reveal()
		for n := min(len(form)-1, len(text)); n > most; n-- {
			if text[len(text)-n] == form[0] && strings.HasPrefix(form, string(text[len(text)-n:])) {
				most = n
				break
			}
		}
	}
	return most
}

// hider reads an answer without the credential. It keeps back only what may be a part of it, so that streams are not held up.
type hider struct {
	io.ReadCloser
	of      *Credential
	longest int
	// text is what was read into room, of which the first ready bytes are done with.
	room  []byte
	text  []byte
	ready int
	err   error
	// end is called once, when the answer has ended.
	end func()
}

// Read implements io.Reader.
func (h *hider) Read(p []byte) (int, error) {
	for h.ready == 0 {
		if h.err != nil {
			return 0, h.err
		}
		if len(p) == 0 {
			return 0, nil
		}
		h.more(max(len(p), h.longest))
	}
	n := copy(p, h.text[:h.ready])
	h.text, h.ready = h.text[n:], h.ready-n
	if h.ready == 0 && len(h.text) == 0 && h.err != nil {
		return n, h.err
	}
	return n, nil
}

// more reads up to n bytes more, after those that were kept back.
func (h *hider) more(n int) {
	kept := len(h.text)
	n = min(n, most)
	if len(h.room) < kept+n {
		h.room = append(make([]byte, 0, kept+n), h.text...)[:kept+n]
	} else {
		copy(h.room, h.text)
	}
	read, err := h.ReadCloser.Read(h.room[kept : kept+n])
	h.text, h.err = h.room[:kept+read], err
	h.of.blot(h.text)
	h.ready = len(h.text)
	if err == nil {
		h.ready -= h.of.begins(h.text)
	} else {
		h.end()
	}
}

// most is how much is read at once, in bytes.
const most = 32 << 10
