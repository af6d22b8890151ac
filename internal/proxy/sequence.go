package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"reflect"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
	"github.com/optup/optup/internal/proxy/decode"
)

const (
	// maxRecord bounds one line or event of a sequence, in bytes. Nothing else of a sequence is held.
	maxRecord = 1 << 20
	// shortBody is how long an answer may be announced to be so that it is decided about as a whole, in bytes.
	shortBody = 64 << 10
)

var errRecord = errors.New("a record of the sequence cannot be read")

// sequence is a way in which documents follow one another in a body: next reads one, with what stands around it. A nil document has
// nothing to decide about, and its frame is passed on.
type sequence interface {
	next(*bufio.Reader) (document []byte, frame frame, err error)
}

// frame is what is written around a document that stays.
type frame struct{ before, after string }

// sequenceOf tells how the documents of an answer follow one another; nil if it is one document, or nothing that is known. Records of
// a sequence are declared as "/*", or as the whole body.
func sequenceOf(h http.Header, m *ir.Message) sequence {
	if m.Records == nil || (m.Records.Each != "" && m.Records.Each != "/*") {
		return nil
	}
	switch mediaType(h) {
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines":
		return lines{}
	case "text/event-stream":
		return events{}
	default:
		return nil
	}
}

// sequence decides about each document of a long answer as it comes, with the facts and the bundle of that moment. After the first byte
// the answer can only be broken off, and is: what remains never looks like an end.
func (x *exchange) sequence(res *http.Response, s sequence) {
	encoding := res.Header["Content-Encoding"]
	if !decode.Known(encoding) {
		x.withheld(decide.EncodingNotAllowed)
		return
	}
	source := newStallable(res.Body, x.proxy.stall*quietFactor)
	defer source.stop()
	plain, err := decode.Reader(encoding, source)
	if err != nil {
		x.withheld(decide.BodyUnreadable)
		return
	}
	if _, short := s.(lines); short && (x.plan.OnMissing == ir.OnMissingDeny || (res.ContentLength >= 0 && res.ContentLength <= shortBody && len(encoding) == 0)) {
		x.shortSequence(res, plain, s)
		return
	}
	h := x.w.Header()
	owned(h, res)
	h.Set("Content-Type", mediaType(res.Header))
	x.w.WriteHeader(res.StatusCode)
	client := http.NewResponseController(x.w.ResponseWriter)
	err = x.each(plain, s, progressWriter{x.w}, func() error {
		x.w.progress()
		return client.Flush()
	})
	if err != nil {
		x.broken(err)
	}
	x.decided()
}

// shortSequence holds a sequence until all of it is decided about, so that what goes wrong is told by an answer of its own.
func (x *exchange) shortSequence(res *http.Response, plain io.Reader, s sequence) {
	body, err := x.hold(plain, res.ContentLength)
	var out bytes.Buffer
	if err == nil {
		err = x.each(bytes.NewReader(body), s, &out, func() error { return nil })
	}
	if err != nil {
		x.withheld(reasonOfBroken(err))
		return
	}
	x.decided()
	h := x.w.Header()
	owned(h, res)
	h.Set("Content-Type", mediaType(res.Header))
	x.writeWhole(res.StatusCode, out.Bytes())
}

// reasonOfBroken is why a sequence ended before its time.
func reasonOfBroken(err error) decide.Reason {
	var denied *deniedError
	switch {
	case errors.As(err, &denied):
		return denied.reason
	case errors.Is(err, errTooLarge), errors.Is(err, decode.ErrBomb):
		return decide.BodyTooLarge
	case errors.Is(err, errBusy):
		return busy
	default:
		return decide.BodyUnreadable
	}
}

// deniedError ends a sequence for a reason of the decision.
type deniedError struct{ reason decide.Reason }

// Error implements error.
func (d *deniedError) Error() string { return string(d.reason) }

func (x *exchange) broken(err error) {
	x.proxy.Metrics.decision(x, decide.Deny, reasonOfBroken(err))
	panic(http.ErrAbortHandler)
}

// watch passes a sequence on as it is, and counts what would have become of it.
func (x *exchange) watch(res *http.Response, s sequence) {
	x.w.WriteHeader(res.StatusCode)
	client := http.NewResponseController(x.w.ResponseWriter)
	_ = client.Flush()
	source := newStallable(res.Body, x.proxy.stall*quietFactor)
	defer source.stop()
	tee := io.TeeReader(source, flushing{x.w, client})
	if err := x.each(tee, s, io.Discard, func() error { return nil }); err != nil {
		x.would(decide.BodyUnreadable)
		if _, err := io.Copy(io.Discard, tee); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	x.decided()
}

// each decides about the documents of a sequence. It flushes what was decided before it waits for more.
func (x *exchange) each(source io.Reader, s sequence, dst io.Writer, flush func() error) error {
	r := bufio.NewReaderSize(&waiting{Reader: source, before: flush}, chunk)
	for {
		doc, f, err := s.next(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		out := []byte{}
		if doc != nil {
			var kept bool
			if out, kept, err = x.document(doc); err != nil {
				return err
			}
			if !kept {
				continue
			}
		}
		if _, err := io.WriteString(dst, f.before); err != nil {
			return err
		}
		if _, err := dst.Write(out); err != nil {
			return err
		}
		if _, err := io.WriteString(dst, f.after); err != nil {
			return err
		}
	}
}

// document decides about one document of a sequence.
func (x *exchange) document(one []byte) (out []byte, kept bool, err error) {
	list := x.plan.Endpoint.Response.Records.Each == "/*"
	if list {
		one = slicesJoin("[", one, "]")
	}
	doc, err := jsonfilter.Parse(one)
	if err != nil {
		return nil, false, errRecord
	}
	if reason := x.renewPlan(); reason != "" {
		return nil, false, &deniedError{reason}
	}
	facts := x.state.facts(x.plan.Purpose)
	now := facts.Now()
	r := enforce.Answer(x.plan, doc, func(who enforce.Person) decide.Verdict { return x.judge(who, now, facts) })
	switch {
	case r.Absent:
		return nil, false, nil
	case r.Reason != "":
		return nil, false, &deniedError{r.Reason}
	case !list:
		return r.Body, true, nil
	}
	out = bytes.TrimSpace(r.Body)
	out = bytes.TrimSpace(out[1 : len(out)-1])
	return out, len(out) > 0, nil
}

func slicesJoin(before string, b []byte, after string) []byte {
	out := make([]byte, 0, len(before)+len(b)+len(after))
	return append(append(append(out, before...), b...), after...)
}

// renewPlan takes the state that is in force. A request that it would treat differently ends.
func (x *exchange) renewPlan() decide.Reason {
	if s := x.proxy.Current.Load(); s == nil || s == x.state || x.observing() {
		return ""
	}
	before := x.plan
	if reason := x.renew(); reason != "" {
		return reason
	}
	plan, reason := x.state.Index.Plan(x.endpoint, x.constant(x.doc))
	if reason != "" {
		return reason
	}
	x.plan = plan
	if plan.Mode != before.Mode || plan.OnMissing != before.OnMissing || plan.Redaction != before.Redaction ||
		!reflect.DeepEqual(plan.Purpose.Categories, before.Purpose.Categories) || plan.Purpose.Name != before.Purpose.Name ||
		!reflect.DeepEqual(plan.Endpoint.Response, before.Endpoint.Response) {
		return decide.LedgerBehind
	}
	return ""
}
