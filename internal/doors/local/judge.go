package local

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/doors"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/proxy"
)

// judge answers the questions of one request.
type judge struct {
	ctx   context.Context //nolint:containedctx // it is of one request
	doors *Doors
	uses  *proxy.Questions
	// use is what was asked last, of what action and context, which many questions of a request share.
	use     *decide.Use
	action  *doors.Action
	context *doors.Context
}

// Expect implements doors.Judge.
func (j *judge) Expect(n int) error {
	if wait := j.doors.asked.take(time.Now(), float64(n)); wait > 0 {
		return problem.TooMany("ask less often, and wait for as long as Retry-After says", int(wait/time.Second)+1)
	}
	return nil
}

// Answer implements doors.Judge.
func (j *judge) Answer(q *doors.Question) (doors.Answer, error) {
	if q.Resource.Type == doors.RequestType {
		return j.request(q)
	}
	return j.person(q)
}

// Close implements doors.Judge.
func (j *judge) Close() {
	if j.uses != nil {
		j.uses.Close()
	}
}

// person answers about a use of a person's data.
func (j *judge) person(q *doors.Question) (doors.Answer, error) {
	who, err := consent.Normalize(consent.Identifier{Type: consent.IdentifierType(q.Resource.Type), Form: q.Resource.Properties.Form, Value: q.Resource.ID})
	if err != nil {
		return doors.Answer{}, problem.Invalid("resource: type is email, phone, customer, device or request, and the id is one of that type; hashed ones name their form in properties")
	}
	if j.uses == nil {
		if j.uses = j.doors.Proxy.Questions(); j.uses == nil {
			return doors.Answer{}, problem.Unavailable("the sidecar waits for a bundle from the manager; ask again")
		}
	}
	if j.use == nil || j.action != q.Action || j.context != q.Context {
		j.use, j.action, j.context = useOf(q), q.Action, q.Context
	}
	v := j.uses.Ask(j.use, who)
	return doors.Answer{Decision: v.Permit, Context: doors.Note{Reason: v.Reason, Obligations: v.Obligations, ID: v.ID, Observed: v.Observed}}, nil
}

func useOf(q *doors.Question) *decide.Use {
	u := &decide.Use{Processing: []ir.Processing{ir.Processing(q.Action.Name)}}
	if c := q.Context; c != nil {
		u.Purpose, u.Channel, u.Categories, u.Honours, u.Party = c.Purpose, c.Channel, c.Categories, c.Obligations, c.Recipient.Party()
	}
	return u
}

// request answers about a request that the asker is about to send.
func (j *judge) request(q *doors.Question) (doors.Answer, error) {
	scheme, rest, ok := strings.Cut(q.Resource.ID, "://")
	if !ok || (scheme != "http" && scheme != "https") {
		return doors.Answer{}, problem.Invalid("resource: the id of a request is its URL as it is sent, with http or https")
	}
	host, target := rest, "/"
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host, target = rest[:i], rest[i:]
	}
	a := proxy.Asked{Method: q.Action.Name, Scheme: scheme, Host: host, Target: target, Header: headers(q.Resource.Properties.Headers)}
	if q.Resource.Properties.Body != nil {
		a.Body = []byte(*q.Resource.Properties.Body)
	}
	if c := q.Context; c != nil {
		a.Purpose, a.Honours = string(c.Purpose), c.Obligations
	}
	t := j.doors.Proxy.Ask(j.ctx, &a)
	out := doors.Answer{Decision: t.Effect != decide.Deny, Context: doors.Note{
		Reason: t.Reason, Purpose: t.Purpose, ID: t.ID, Observed: t.Observed, Obligations: t.Obligations,
	}}
	if t.Bodies != nil {
		out.Context.Bodies = make([]string, 0, len(t.Bodies))
		for _, b := range t.Bodies {
			out.Context.Bodies = append(out.Context.Bodies, string(b))
		}
	}
	return out, nil
}

// headers are those of a request as a server would read them: names that differ by case only are one.
func headers(in map[string]string) http.Header {
	out := make(http.Header, len(in))
	for name, value := range in {
		out.Add(name, value)
	}
	return out
}
