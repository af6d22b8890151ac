package liberal

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/optup/optup/test/bypass/market"
)

// answer is an answer in the making.
type answer struct {
	w      http.ResponseWriter
	q      *request
	house  House
	status int
	// kind is the type of the answer if nothing else is asked for; empty for JSON.
	kind string
	// piece is how many bytes are written at once; 0 for all.
	piece int
}

func (a *answer) plain(body string) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.w.Header().Set("Content-Type", "application/json")
	a.w.WriteHeader(a.status)
	_, _ = a.w.Write([]byte(body))
}

func (a *answer) notFound() {
	a.status = http.StatusNotFound
	a.plain(`{"error":"there is no such thing"}`)
}

// personal answers with JSON, or what was asked for instead.
func (a *answer) personal(body string) {
	h := a.w.Header()
	h.Set("Link", fmt.Sprintf(`</v1/customers?after=%s>; rel="next"`, a.house.Hint))
	a.w.WriteHeader(http.StatusEarlyHints)
	h.Set("Link", fmt.Sprintf(`</v1/customers?after=%s>; rel="next"`, a.house.Link))
	h.Set("ETag", `"`+a.house.ETag+`"`)
	h.Set("X-Total-Count", strconv.Itoa(a.house.Total))
	h.Set("Last-Modified", "Mon, 02 Mar 2026 10:00:00 GMT")
	h.Set("Accept-Ranges", "bytes")
	if a.q.Header.Get("X-Debug") != "" {
		h.Set("X-Debug-Record", a.house.Debug)
		h.Set("Content-Location", "/v1/people/"+a.house.Debug)
		h.Add("Set-Cookie", "last="+a.house.Debug)
	}
	if v := a.q.Header.Get("If-None-Match"); v != "" && (v == "*" || strings.Contains(v, a.house.ETag)) || a.q.Header.Get("If-Modified-Since") != "" {
		a.w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Trailer", "X-Checksum")
	data := a.coded(a.charset(a.form(body)))
	data = a.cut(data)
	if a.q.method == http.MethodHead {
		h.Set("Content-Length", strconv.Itoa(len(data)))
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.w.WriteHeader(a.status)
	for a.q.method != http.MethodHead && len(data) > 0 {
		n := len(data)
		if a.piece > 0 {
			n = min(n, a.piece)
		}
		_, _ = a.w.Write(data[:n])
		if data = data[n:]; a.piece > 0 {
			_ = http.NewResponseController(a.w).Flush()
		}
	}
	h.Set("X-Checksum", a.house.Trailer)
}

// form writes the answer as another type.
func (a *answer) form(body string) string {
	accept := strings.ToLower(a.q.Header.Get("Accept"))
	kind := cmp.Or(a.kind, "application/json")
	callback := a.q.query["callback"]
	switch {
	case callback != "":
		kind, body = "application/javascript", callback+"("+body+")"
	case strings.Contains(accept, "html"):
		kind, body = "text/html", "<pre>"+html.EscapeString(body)+"</pre>"
	case strings.Contains(accept, "csv"):
		kind, body = "text/csv", `"`+strings.ReplaceAll(body, `"`, `""`)+`"`
	case strings.Contains(accept, "xml"):
		kind, body = "application/xml", "<all>"+html.EscapeString(body)+"</all>"
	case strings.Contains(accept, "ndjson"):
		var records []json.RawMessage
		if _, rest, ok := strings.Cut(body, `"customers":`); ok && json.NewDecoder(strings.NewReader(rest)).Decode(&records) == nil {
			body = ""
			for _, r := range records {
				body += string(r) + "\n"
			}
		}
		kind = "application/x-ndjson"
	case strings.Contains(accept, "event-stream"):
		kind, body = "text/event-stream", "data: "+body+"\n\n"
	case strings.Contains(accept, "problem"):
		kind = "application/problem+json"
	}
	a.w.Header().Set("Content-Type", kind)
	return body
}

func (a *answer) charset(body string) []byte {
	asked := strings.ToLower(a.q.Header.Get("Accept") + " " + a.q.Header.Get("Accept-Charset"))
	kind := a.w.Header().Get("Content-Type")
	switch {
	case strings.Contains(asked, "utf-16"):
		a.w.Header().Set("Content-Type", kind+"; charset=utf-16")
		out := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(body)) {
			out = append(out, byte(u), byte(u>>8))
		}
		return out
	case strings.Contains(asked, "utf-7"):
		a.w.Header().Set("Content-Type", kind+"; charset=utf-7")
		return []byte(market.ToUTF7(body))
	default:
		return []byte(body)
	}
}

func (a *answer) coded(body []byte) []byte {
	var out bytes.Buffer
	asked := strings.ToLower(a.q.Header.Get("Accept-Encoding"))
	switch {
	case strings.Contains(asked, "gzip"):
		w := gzip.NewWriter(&out)
		_, _ = w.Write(body)
		_ = w.Close()
		a.w.Header().Set("Content-Encoding", "gzip")
	case strings.Contains(asked, "deflate"):
		w := zlib.NewWriter(&out)
		_, _ = w.Write(body)
		_ = w.Close()
		a.w.Header().Set("Content-Encoding", "deflate")
	default:
		return body
	}
	return out.Bytes()
}

// cut gives the first range that is asked for.
func (a *answer) cut(body []byte) []byte {
	asked, ok := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(a.q.Header.Get("Range"), " ", "")), "bytes=")
	if !ok {
		return body
	}
	asked, _, _ = strings.Cut(asked, ",")
	first, second, _ := strings.Cut(asked, "-")
	from, to := number(first, -1, 1<<30), number(second, len(body)-1, len(body)-1)
	if from < 0 {
		from, to = max(0, len(body)-number(second, 0, len(body))), len(body)-1
	}
	if from > to || from >= len(body) {
		a.status = http.StatusRequestedRangeNotSatisfiable
		a.w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", len(body)))
		return nil
	}
	a.status = http.StatusPartialContent
	a.w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(body)))
	return body[from : to+1]
}
