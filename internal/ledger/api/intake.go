package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/asking"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
)

// Headers of a request that a foreign form sends.
const (
	// TimestampHeader is when it was sent, in seconds since 1970.
	TimestampHeader = "OptUp-Timestamp"
	// SignatureHeader is "v1=" and the HMAC-SHA256, in hexadecimal, of the timestamp, a dot and the body as it is.
	SignatureHeader = "OptUp-Signature"
)

// window is how old, or how far ahead, a request may be. Within it a repetition gives the same answer and does nothing.
const window = 5 * time.Minute

// maxKept bounds the evidence of a form in bytes.
const maxKept = 4 << 10

// intakeKey is the key that a touchpoint's foreign form signs with. It follows from the root key, so nobody has to hand it to the ledger.
func (a *API) intakeKey(touchpoint string, generation int) string {
	return a.Keys.Name("intake", touchpoint, strconv.Itoa(generation))
}

// intakeKeyOf answers GET /v1/touchpoints/{namespace}/{name}/intake-key.
func (a *API) intakeKeyOf(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	name := r.PathValue("namespace") + "/" + r.PathValue("name")
	t := touchpointOf(a.Bundle(), name)
	if t == nil || t.Intake == nil {
		return problem.NotFound("the Touchpoint takes in no form; declare spec.intake")
	}
	return answer(w, http.StatusOK, map[string]any{"key": a.intakeKey(name, t.Intake.KeyGeneration), "generation": t.Intake.KeyGeneration})
}

// intake answers POST /v1/intake/{namespace}/{name}: one form of somebody else, signed.
func (a *API) intake(w http.ResponseWriter, r *http.Request) error {
	body, err := body(w, r, maxEvent)
	if err != nil {
		return err
	}
	name := r.PathValue("namespace") + "/" + r.PathValue("name")
	t := touchpointOf(a.Bundle(), name)
	stamp := r.Header.Get(TimestampHeader)
	if !a.sentBy(t, name, stamp, r.Header.Get(SignatureHeader), body) {
		// A touchpoint that is not there, and one without an intake, look like a wrong key.
		return problem.Unauthenticated("sign the timestamp, a dot and the body with the touchpoint's key, at most 5 minutes ago: " +
			SignatureHeader + ": v1=<HMAC-SHA256 in hexadecimal>, " + TimestampHeader + ": <seconds since 1970>")
	}
	// Whoever has got hold of a key must not fill the log, and mailboxes, with it.
	if a.forms != nil {
		if wait := a.forms.Take(name); wait > 0 {
			return problem.TooMany("the touchpoint takes in fewer forms a minute; send this one again after Retry-After", int(math.Ceil(wait.Seconds())))
		}
	}
	var form any
	if err := json.Unmarshal(body, &form); err != nil {
		return problem.Malformed("the body is no JSON, or names a member twice")
	}
	sum := sha256.Sum256(body)
	key := a.Keys.Name("intake answers", name, stamp, string(sum[:]))
	taken := []asking.Taken{}
	people, err := a.ticked(t, form)
	if err != nil {
		return err
	}
	for i, p := range people {
		p.answers.Key = key + "/" + strconv.Itoa(i)
		some, err := a.asking.Answer(r.Context(), name, p.person, p.answers)
		if err != nil {
			return askingProblem(err)
		}
		taken = append(taken, some...)
	}
	return answer(w, http.StatusAccepted, map[string]any{"answers": taken})
}

// sentBy tells whether a body is what whoever has the touchpoint's key sent just now.
func (a *API) sentBy(t *ir.Touchpoint, name, stamp, signature string, body []byte) bool {
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || a.Now().Sub(time.Unix(seconds, 0)).Abs() > window {
		return false
	}
	hexed, _ := strings.CutPrefix(signature, "v1=")
	sent, err := hex.DecodeString(hexed)
	if err != nil || hexed == signature || t == nil || t.Intake == nil {
		return false
	}
	for generation := t.Intake.KeyGeneration; generation >= 1 && generation >= t.Intake.KeyGeneration-1; generation-- {
		mac := hmac.New(sha256.New, []byte(a.intakeKey(name, generation)))
		mac.Write([]byte(stamp + "."))
		mac.Write(body)
		if hmac.Equal(mac.Sum(nil), sent) {
			return true
		}
	}
	return false
}

// entered is what a form says about one identifier. A form proves nothing, so its identifiers are not linked.
type entered struct {
	person  asking.Person
	answers asking.Answers
}

// ticked reads a form: whom it names, and what they ticked. Grants for the telephone belong to the number, all others to the address.
func (a *API) ticked(t *ir.Touchpoint, form any) ([]entered, error) {
	x := t.Intake
	language := text(form, x.Language)
	if len(language) > 35 {
		language = ""
	}
	via := kept(form, x.Evidence)
	people := map[consent.IdentifierType]*entered{}
	var order []consent.IdentifierType
	for _, f := range []struct {
		kind    consent.IdentifierType
		pointer string
	}{{consent.IdentifierEmail, x.Email}, {consent.IdentifierPhone, x.Phone}} {
		value := text(form, f.pointer)
		if value == "" {
			continue
		}
		who, err := a.identity(consent.Identifier{Type: f.kind, Value: value})
		if err != nil {
			return nil, problem.Invalid("the value at " + f.pointer + " is none of its kind; " + identifierHint)
		}
		e := &entered{person: asking.Person{Identities: []store.Identity{who}}, answers: asking.Answers{Language: language, Via: via}}
		if f.kind == consent.IdentifierEmail {
			e.person.Address = value
		}
		people[f.kind] = e
		order = append(order, f.kind)
	}
	if len(order) == 0 {
		return nil, problem.Invalid("the form names nobody at the pointers of spec.intake.email and spec.intake.phone")
	}
	for _, p := range x.Purposes {
		if !yes(form, p) {
			continue
		}
		kind := order[0]
		if onlyCalls(a.Bundle(), p.Purpose) && people[consent.IdentifierPhone] != nil {
			kind = consent.IdentifierPhone
		}
		e := people[kind]
		e.answers.Answers = append(e.answers.Answers, asking.Answer{Notice: p.Notice, Purpose: p.Purpose, Answer: asking.Given})
	}
	var out []entered
	for _, kind := range order {
		if len(people[kind].answers.Answers) > 0 {
			out = append(out, *people[kind])
		}
	}
	return out, nil
}

// onlyCalls tells whether people are reached for a purpose by telephone alone.
func onlyCalls(b *ir.Bundle, id consent.PurposeID) bool {
	i := slices.IndexFunc(b.Purposes, func(p ir.Purpose) bool { return p.Name == id })
	return i >= 0 && len(b.Purposes[i].Channels) > 0 && !slices.ContainsFunc(b.Purposes[i].Channels, func(c consent.Channel) bool {
		return c != consent.ChannelPhone && c != consent.ChannelSMS
	})
}

// yes tells whether a purpose was ticked. What is not expressly a yes is none (GDPR Art. 4(11)).
func yes(form any, p ir.IntakePurpose) bool {
	v, ok := at(form, p.Pointer)
	if !ok {
		return false
	}
	if len(p.In) == 0 {
		return v == true
	}
	switch v.(type) {
	case string, bool, float64:
		return slices.Contains(p.In, written(v))
	default:
		return false
	}
}

// text gives the text at a pointer; empty for everything else.
func text(form any, pointer string) string {
	if pointer == "" {
		return ""
	}
	v, _ := at(form, pointer)
	s, _ := v.(string)
	return strings.TrimSpace(s)
}

func written(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	default:
		return ""
	}
}

// kept are the values of a form that are kept as evidence, as JSON.
func kept(form any, pointers []string) string {
	out := map[string]string{}
	for _, p := range pointers {
		if v, ok := at(form, p); ok && written(v) != "" {
			out[p] = written(v)
		}
	}
	data, err := json.Marshal(out, json.Deterministic(true))
	if err != nil || len(data) > maxKept {
		return "form"
	}
	return "form " + string(data)
}

// at gives the value at a JSON pointer (RFC 6901).
func at(v any, pointer string) (any, bool) {
	if pointer == "" {
		return v, true
	}
	for _, segment := range strings.Split(pointer[1:], "/") {
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(segment)
		switch x := v.(type) {
		case map[string]any:
			next, ok := x[name]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}
