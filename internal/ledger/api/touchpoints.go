package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/asking"
	"github.com/optup/optup/internal/ledger/evidence"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/signal"
	"github.com/optup/optup/internal/ledger/touchpoint"
)

// maxAnswers is how many answers one request may hold.
const maxAnswers = 64

// who is the part of a request that names a person.
type who struct {
	// Identifiers are those of one person, the one that a mail goes to first. None is a visitor of whom nothing is known.
	Identifiers []consent.Identifier `json:"identifiers,omitempty"`
	// Proof says how the person proved that the identifiers are theirs. Without one the answer is that for any visitor. What is written in
	// the person's name needs Evidence of it.
	Proof    consent.Proof      `json:"proof,omitzero"`
	Evidence *evidence.Evidence `json:"evidence,omitempty"`
	Language string             `json:"language,omitzero"`
}

// next is the answer to what may be asked.
type next struct {
	// Question is nil if there is nothing to ask.
	Question *question `json:"question"`
	// Held says for a person who is proven what is not asked, and why.
	Held []held `json:"held,omitempty"`
}

type question struct {
	Notice   consent.NoticeID `json:"notice"`
	Series   string           `json:"series,omitempty"`
	Version  int              `json:"version,omitempty"`
	Language string           `json:"language,omitempty"`
	Text     string           `json:"text,omitempty"`
	SHA256   string           `json:"sha256,omitempty"`
	Purposes []asked          `json:"purposes"`
	// BasedOn is the position that the answers name; Widens the grant that the wording widens.
	BasedOn consent.Position `json:"basedOn"`
	Widens  consent.Position `json:"widens,omitzero"`
}

type asked struct {
	Purpose     consent.PurposeID `json:"purpose"`
	Title       string            `json:"title,omitempty"`
	Description string            `json:"description,omitempty"`
}

type held struct {
	Notice  consent.NoticeID  `json:"notice,omitempty"`
	Reason  touchpoint.Reason `json:"reason"`
	Until   time.Time         `json:"until,omitzero"`
	Statute string            `json:"statute,omitempty"`
}

// nextQuestion answers POST /v1/touchpoints/{namespace}/{name}/next.
func (a *API) nextQuestion(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	name, err := a.place(r, c)
	if err != nil {
		return err
	}
	var in who
	if err := read(w, r, maxLookup, &in); err != nil {
		return err
	}
	// Asking writes nothing, unless the browser says something.
	p, err := a.person(in, !signal.Read(r.Header.Values(signal.GPC), r.Header.Values(signal.ADPC)).Empty())
	if err != nil {
		return err
	}
	if err := a.signalled(r, name, p); err != nil {
		return err
	}
	offer, why, err := a.asking.Next(r.Context(), name, p, in.Language)
	if err != nil {
		return askingProblem(err)
	}
	out := next{}
	if offer != nil {
		out.Question = &question{
			Notice: offer.Notice.Name, Series: offer.Notice.Series, Version: offer.Notice.Version, Language: offer.Text.Language,
			Text: offer.Text.Text, SHA256: offer.Text.SHA256, BasedOn: offer.BasedOn, Widens: offer.Widens,
		}
		for _, u := range offer.Purposes {
			out.Question.Purposes = append(out.Question.Purposes, asked{u.ID, u.Label.Title, u.Label.Description})
		}
	}
	if p.Proof != consent.ProofNone {
		for _, h := range why {
			out.Held = append(out.Held, held(h))
		}
	}
	return answer(w, http.StatusOK, out)
}

// answers answers POST /v1/touchpoints/{namespace}/{name}/answers: what one person answered, each purpose by itself.
func (a *API) answers(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	name, err := a.place(r, c)
	if err != nil {
		return err
	}
	var in struct {
		who
		Answers []asking.Answer `json:"answers"`
	}
	if err := read(w, r, maxEvent, &in); err != nil {
		return err
	}
	if len(in.Answers) == 0 || len(in.Answers) > maxAnswers {
		return problem.Invalid("give 1 to 64 answers")
	}
	p, err := a.person(in.who, true)
	if err != nil {
		return err
	}
	said := signal.Read(r.Header.Values(signal.GPC), r.Header.Values(signal.ADPC))
	all := asking.Answers{Language: in.Language, Answers: in.Answers, Via: said.Evidence}
	if key := r.Header.Get(keyHeader); len(key) > maxKey {
		return problem.Malformed("give an " + keyHeader + " of at most 255 bytes")
	} else if key != "" {
		all.Key = a.Keys.Name("answers", c.Subject, key)
	}
	taken, err := a.asking.Answer(r.Context(), name, p, all)
	if err != nil {
		return askingProblem(err)
	}
	// What was said about one purpose outweighs what a browser says about all.
	if err := a.signalled(r, name, p); err != nil {
		return err
	}
	return a.taken(w, taken)
}

// taken writes what became of answers. They are events of their own, so some may be refused while others were appended.
func (a *API) taken(w http.ResponseWriter, taken []asking.Taken) error {
	type one struct {
		asking.Taken
		Problem *problem.Problem `json:"problem,omitempty"`
	}
	out := struct {
		Answers []one `json:"answers"`
	}{}
	last := consent.Position(0)
	var refused error
	for _, t := range taken {
		o := one{Taken: t}
		if t.Err != nil {
			err := a.refused(consent.Event{Type: consent.EventType(t.Status)}, t.Err)
			if !errors.As(err, &o.Problem) {
				return err
			}
			o.Status, o.Position, refused = "", 0, err
		}
		last = max(last, o.Position)
		out.Answers = append(out.Answers, o)
	}
	if refused != nil && last == 0 {
		return refused
	}
	if last > 0 {
		w.Header().Set("OptUp-Position", strconv.FormatUint(uint64(last), 10))
	}
	return answer(w, http.StatusOK, out)
}

// signals answers POST /v1/touchpoints/{namespace}/{name}/signals: what a person's browser said in the headers Sec-GPC and ADPC, passed on.
func (a *API) signals(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	name, err := a.place(r, c)
	if err != nil {
		return err
	}
	var in who
	if err := read(w, r, maxLookup, &in); err != nil {
		return err
	}
	p, err := a.person(in, true)
	if err != nil {
		return err
	}
	if len(p.Identities) == 0 {
		return askingProblem(asking.ErrPerson)
	}
	if err := a.signalled(r, name, p); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// signalled takes the signals of a request about somebody who is named.
func (a *API) signalled(r *http.Request, name string, p asking.Person) error {
	said := signal.Read(r.Header.Values(signal.GPC), r.Header.Values(signal.ADPC))
	if said.Empty() || len(p.Identities) == 0 {
		return nil
	}
	_, err := a.asking.Signal(r.Context(), name, p, said)
	return askingProblem(err)
}

// consentRequests answers GET /v1/touchpoints/{namespace}/{name}/consent-requests: the resource that ADPC calls by this name.
func (a *API) consentRequests(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	name, err := a.place(r, c)
	if err != nil {
		return err
	}
	language := r.Header.Get("Accept-Language")
	if len(language) > 35 {
		language = language[:2]
	}
	_, offers, err := a.asking.All(r.Context(), name, language)
	if err != nil {
		return askingProblem(err)
	}
	out := map[string]string{}
	for _, o := range offers {
		for _, u := range o.Purposes {
			text := o.Text.Text
			if len(o.Purposes) > 1 && u.Label.Title != "" {
				text = u.Label.Title + ": " + text
			}
			out[asking.RequestID(o.Notice.Name, u.ID)] = text
		}
		w.Header().Set("Content-Language", o.Text.Language)
	}
	return answer(w, http.StatusOK, map[string]any{"consentRequests": out})
}

// place gives the touchpoint that a request is about, if the caller may speak for it.
func (*API) place(r *http.Request, c access.Caller) (string, error) {
	name := r.PathValue("namespace") + "/" + r.PathValue("name")
	if !c.May(name) && !c.Has(access.RoleOfficer) {
		return "", problem.Forbidden("only service accounts in spec.writers of the Touchpoint, and those with the role touchpoint for all, may speak for it")
	}
	return name, nil
}

// person gives whom a request names. Who speaks for somebody who is proven shows the evidence, if anything is written of it.
func (a *API) person(in who, writes bool) (asking.Person, error) {
	p := asking.Person{Proof: in.Proof}
	if in.Proof != consent.ProofNone && !known(in.Proof) {
		return p, problem.Invalid("give in proof MailboxConfirmed, NumberConfirmed, Signed or AuthenticatedSession, or leave it out")
	}
	if writes || in.Evidence != nil {
		var err error
		if p.Evidence, err = shown(in.Evidence, in.Proof, "proof", a.Now()); err != nil {
			return p, err
		}
	}
	if len(in.Language) > 35 {
		return p, problem.Invalid("give a language as a BCP 47 tag, such as de")
	}
	if len(in.Identifiers) == 0 {
		return p, nil
	}
	var err error
	if p.Identities, err = a.identities(in.Identifiers); err != nil {
		return p, err
	}
	if i := in.Identifiers[0]; i.Type == consent.IdentifierEmail && !i.Hashed() {
		p.Address = i.Value
	}
	return p, nil
}

func known(p consent.Proof) bool {
	for _, x := range consent.Proofs {
		if x == p {
			return true
		}
	}
	return false
}

// askingProblem turns what asking refuses into answers.
func askingProblem(err error) error {
	switch {
	case errors.Is(err, asking.ErrTouchpoint):
		return problem.NotFound(asking.ErrTouchpoint.Error())
	case errors.Is(err, asking.ErrConfirmer):
		return problem.Conflict("no-confirmation", asking.ErrConfirmer.Error())
	}
	for _, known := range []error{asking.ErrNotOffered, asking.ErrWords, asking.ErrPerson, asking.ErrAddress, asking.ErrProof} {
		if errors.Is(err, known) {
			return problem.Invalid(known.Error())
		}
	}
	return err
}
