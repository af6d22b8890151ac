package doors

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/optup/optup/internal/ledger/problem"
)

// Paths of the AuthZEN Authorization API 1.0.
const (
	EvaluationPath  = "/access/v1/evaluation"
	EvaluationsPath = "/access/v1/evaluations"
	MetadataPath    = "/.well-known/authzen-configuration"
)

// MaxQuestions is how many questions may be asked at once.
const MaxQuestions = 1000

// maxRequestID bounds an X-Request-Id that is repeated.
const maxRequestID = 255

// Judge answers the questions of one HTTP request, in their order.
type Judge interface {
	// Expect is told how many questions there are, before the first. It may refuse them.
	Expect(n int) error
	// Answer answers a question that has what AuthZEN requires. A problem that is the asker's is of this question alone; any other error ends
	// the whole request.
	Answer(q *Question) (Answer, error)
	// Close is called once, after the last answer.
	Close()
}

// AuthZEN answers questions.
type AuthZEN struct {
	// Begin gives whoever answers the questions of a request, or refuses it. Nothing of the body was read by then.
	Begin func(r *http.Request) (Judge, error)
	// Fail answers for what went wrong.
	Fail func(w http.ResponseWriter, r *http.Request, err error)
	// MaxOne and MaxAll bound the bodies of requests with one question and with several, in bytes.
	MaxOne, MaxAll int64
	// Hold takes room for a body of at most so many bytes; false where there is none. Nil needs none.
	Hold func(bytes int64) (release func(), ok bool)
}

// Hint says what a question consists of.
const Hint = "a question has subject (who asks; type and id), action.name (a processing, such as send), resource (type email, phone, customer or device, and the identifier as id) and context.purpose"

// Register serves the API.
func (a *AuthZEN) Register(handle func(pattern string, h http.HandlerFunc)) {
	handle("POST "+EvaluationPath, a.serve(a.one))
	handle("POST "+EvaluationsPath, a.serve(a.all))
	handle("GET "+MetadataPath, func(w http.ResponseWriter, r *http.Request) {
		base := "https://" + r.Host
		if r.TLS == nil {
			base = "http://" + r.Host
		}
		if err := write(w, metadata(base)); err != nil {
			a.Fail(w, r, err)
		}
	})
}

func (a *AuthZEN) serve(answer func(w http.ResponseWriter, r *http.Request, j Judge) (writer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if id := r.Header.Get("X-Request-Id"); id != "" && len(id) <= maxRequestID {
			w.Header().Set("X-Request-Id", id)
		}
		if err := a.answer(w, r, answer); err != nil {
			a.Fail(w, r, err)
		}
	}
}

func (a *AuthZEN) answer(w http.ResponseWriter, r *http.Request, answer func(w http.ResponseWriter, r *http.Request, j Judge) (writer, error)) error {
	j, err := a.Begin(r)
	if err != nil {
		return err
	}
	defer j.Close()
	out, err := answer(w, r, j)
	if err != nil {
		return err
	}
	return write(w, out)
}

func (a *AuthZEN) one(w http.ResponseWriter, r *http.Request, j Judge) (writer, error) {
	var q Question
	release, err := a.read(w, r, a.MaxOne, &q)
	if err != nil {
		return nil, err
	}
	defer release()
	return single(j, &q)
}

func single(j Judge, q *Question) (writer, error) {
	if !q.asks() {
		return nil, problem.Malformed(Hint)
	}
	if err := j.Expect(1); err != nil {
		return nil, err
	}
	a, err := j.Answer(q)
	return a.append, err
}

// semantics tell after which answer to stop.
var semantics = map[string]func(Answer) bool{
	"":                       func(Answer) bool { return false },
	"execute_all":            func(Answer) bool { return false },
	"deny_on_first_deny":     func(a Answer) bool { return !a.Decision },
	"permit_on_first_permit": func(a Answer) bool { return a.Decision },
}

func (a *AuthZEN) all(w http.ResponseWriter, r *http.Request, j Judge) (writer, error) {
	var in several
	release, err := a.read(w, r, a.MaxAll, &in)
	if err != nil {
		return nil, err
	}
	defer release()
	stop := semantics[in.Semantic]
	switch {
	case len(in.Evaluations) > MaxQuestions:
		return nil, problem.TooLarge("ask at most 1000 questions at once")
	case stop == nil:
		return nil, problem.Malformed("options.evaluations_semantic is execute_all, deny_on_first_deny or permit_on_first_permit")
	case len(in.Evaluations) == 0: // then it is a single question, says AuthZEN
		return single(j, &in.Question)
	}
	if err := j.Expect(len(in.Evaluations)); err != nil {
		return nil, err
	}
	out := make([]Answer, 0, len(in.Evaluations))
	for i := range in.Evaluations {
		q := &in.Evaluations[i]
		q.over(&in.Question)
		got, err := among(j, q)
		if err != nil {
			return nil, err
		}
		if out = append(out, got); stop(got) {
			break
		}
	}
	return answers(out).append, nil
}

// among answers one of several questions. What is wrong with it denies it and leaves the others alone.
func among(j Judge, q *Question) (Answer, error) {
	var got Answer
	var err error
	if q.asks() {
		got, err = j.Answer(q)
	} else {
		err = problem.Malformed(Hint)
	}
	if err == nil {
		return got, nil
	}
	if p := (*problem.Problem)(nil); errors.As(err, &p) && p.Status < http.StatusInternalServerError {
		return Answer{Context: Note{Error: &Failure{p.Status, p.Detail}}}, nil
	}
	return got, err
}

// read reads JSON as AuthZEN has it: members that are not known are left alone, those written twice are refused.
func (a *AuthZEN) read(w http.ResponseWriter, r *http.Request, limit int64, into reads) (release func(), err error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return nil, problem.Malformed("send JSON with the header Content-Type: application/json")
	}
	release = func() {}
	if a.Hold != nil {
		size := limit
		if r.ContentLength >= 0 {
			size = min(size, r.ContentLength)
		}
		free, ok := a.Hold(size)
		if !ok {
			return nil, problem.Unavailable("as many questions are being answered as memory allows; ask again")
		}
		release = free
	}
	body, err := readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		err = problem.TooLarge("ask less at once; the guide on decisions without the proxy tells the limits")
	case err != nil:
		err = problem.Malformed("the body did not arrive whole; send it again")
	case !decode(body, into):
		err = problem.Malformed("the body is not the JSON expected here; " + Hint)
	default:
		return release, nil
	}
	release()
	return nil, err
}

// likely bounds the room that is made for a body before it is there.
const likely = 64 << 10

// readAll reads a body of so many bytes, or fewer, or more: what is declared makes room and nothing else. It is -1 for nothing.
func readAll(r io.Reader, declared int64) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, min(max(declared, 0), likely)+bytes.MinRead))
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}
