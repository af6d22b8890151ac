package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// split sends a request in groups, one after the other; all of them were decided about before. If the first fails, nothing else is sent
// and its failure is the answer, as if the request had not been split: the application can send it again. Once a group was accepted,
// the others follow even if the application hangs up, and a failure among them is told as such and not passed on: an application that
// repeats the whole request on a 5xx, as many do, would reach the people of the first group twice.
func (x *exchange) split(bodies [][]byte) {
	ctx := x.r.Context()
	for i, body := range bodies {
		res, err := x.send(ctx, body, strconv.Itoa(i))
		failed := err != nil || res.StatusCode < 200 || res.StatusCode > 299
		switch {
		case failed && i > 0:
			closeBody(res)
			x.partlySent()
			return
		case err != nil:
			x.unreachable(err)
			return
		case failed || i == len(bodies)-1:
			defer func() { _ = res.Body.Close() }()
			x.answer(res)
			return
		}
		// The connection is used again for the next group if there is little left to read.
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxHead))
		closeBody(res)
		ctx = context.WithoutCancel(x.r.Context())
	}
}

func closeBody(res *http.Response) {
	if res != nil {
		_ = res.Body.Close()
	}
}

// ownKey gives the requests after the first an idempotency key of their own. With that of the whole request, a service would take them
// for repetitions of the first and send nothing. A repetition of the whole gives the same keys.
func ownKey(h http.Header, group string) {
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		key := h.Get(name)
		if key == "" || group == "0" {
			continue
		}
		sum := sha256.Sum256([]byte(key + "\x00" + group))
		own := hex.EncodeToString(sum[:16])
		if strings.HasPrefix(key, `"`) {
			own = `"` + own + `"`
		}
		h.Set(name, own)
	}
}

// partlySent answers for a request of which a part was sent. It is no denial.
func (x *exchange) partlySent() {
	x.decided()
	x.proxy.Metrics.partlySent()
	h := x.w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	x.w.WriteHeader(http.StatusBadGateway)
	_, _ = x.w.Write([]byte(`{"type":"urn:optup:problem:partly-sent","title":"Sent in part","status":502,` +
		`"detail":"The request was sent in groups, because its addressees agreed to different tracking. One group was accepted and a later one failed. Do not repeat the whole request: it would reach people twice."}`))
}
