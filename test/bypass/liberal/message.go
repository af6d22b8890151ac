package liberal

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf16"

	"github.com/optup/optup/test/bypass/market"
)

// decoded undoes what a request says about its body.
func decoded(r *http.Request, body []byte) []byte {
	var in io.Reader
	var err error
	switch strings.ToLower(last(r.Header.Values("Content-Encoding"))) {
	case "gzip", "x-gzip":
		in, err = gzip.NewReader(bytes.NewReader(body))
	case "deflate":
		in, err = zlib.NewReader(bytes.NewReader(body))
	}
	if in != nil && err == nil {
		body, _ = io.ReadAll(io.LimitReader(in, 1<<20))
	}
	_, parameters, _ := mime.ParseMediaType(last(r.Header.Values("Content-Type")))
	switch strings.ToLower(parameters["charset"]) {
	case "utf-7", "unicode-1-1-utf-7":
		return []byte(market.FromUTF7(string(body)))
	case "utf-16", "utf-16le", "utf-16be":
		return narrow(body)
	}
	if json := !strings.Contains(last(r.Header.Values("Content-Type")), "form"); json && len(body) > 3 && (body[0] == 0 || body[1] == 0) {
		return narrow(body)
	}
	return body
}

func narrow(body []byte) []byte {
	big := bytes.HasPrefix(body, []byte{0xfe, 0xff}) || bytes.HasPrefix(body, []byte{0})
	var units []uint16
	for i := 0; i+1 < len(body); i += 2 {
		lo, hi := body[i], body[i+1]
		if big {
			lo, hi = hi, lo
		}
		units = append(units, uint16(lo)|uint16(hi)<<8)
	}
	return []byte(string(utf16.Decode(units)))
}

var (
	comments = regexp.MustCompile(`(?s)/\*.*?\*/|(?m)^\s*(//|#).*$`)
	trailing = regexp.MustCompile(`,\s*([}\]])`)
)

// strict gives the first JSON value of a body, however it is written: with comments, single quotes, commas at the end.
func strict(q *request) []byte {
	text := strings.TrimPrefix(string(q.body), "\ufeff")
	for _, form := range []string{text, loose(text)} {
		var v json.RawMessage
		if json.NewDecoder(strings.NewReader(form)).Decode(&v) == nil {
			return v
		}
	}
	return nil
}

func loose(text string) string {
	text = trailing.ReplaceAllString(comments.ReplaceAllString(text, ""), "$1")
	if !strings.Contains(text, `"`) {
		text = strings.ReplaceAll(text, "'", `"`)
	}
	return strings.NewReplacer(":NaN", ":0", ":Infinity", ":0", ":undefined", ":null").Replace(text)
}

// message is what a request to send says.
type message struct {
	kind string
	to   []string
}

// readMessage reads JSON as encoding/json does, by the last of two names whatever their case, or a form.
func readMessage(q *request) message {
	var m message
	if strings.HasPrefix(q.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		m.kind = q.query["template_id"]
		m.to = addresses(q.query["to"])
		return m
	}
	var in struct {
		Kind             any             `json:"template_id"`
		Personalizations json.RawMessage `json:"personalizations"`
		To               any             `json:"to"`
		Cc               any             `json:"cc"`
		Bcc              any             `json:"bcc"`
	}
	if json.Unmarshal(strict(q), &in) != nil {
		return m
	}
	m.kind, _ = in.Kind.(string)
	var units []any
	if json.Unmarshal(in.Personalizations, &units) != nil {
		var one any
		_ = json.Unmarshal(in.Personalizations, &one)
		units = []any{one}
	}
	for _, who := range append(units, in.To, in.Cc, in.Bcc) {
		m.to = append(m.to, people(who, true)...)
	}
	return m
}

// people finds addresses in lists and objects that may hold them.
func people(v any, listed bool) []string {
	var out []string
	switch v := v.(type) {
	case string:
		if listed {
			out = addresses(v)
		}
	case []any:
		for _, x := range v {
			out = append(out, people(x, listed)...)
		}
	case map[string]any:
		for name, x := range v {
			switch strings.ToLower(name) {
			case "to", "cc", "bcc", "email", "address":
				out = append(out, people(x, true)...)
			default:
				if _, text := x.(string); !text {
					out = append(out, people(x, false)...)
				}
			}
		}
	}
	return out
}

var address = regexp.MustCompile(`[\w.+-]+@[\w.-]+`)

func addresses(text string) []string { return address.FindAllString(text, -1) }
