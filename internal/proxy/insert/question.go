package insert

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/optup/optup/internal/credential"
)

// maxAnswer bounds what a token endpoint answers, in bytes.
const maxAnswer = 64 << 10

// answer is what came of a question for a token.
type answer struct {
	token credential.Secret
	life  time.Duration
	// pause is how long the endpoint wants to be left alone.
	pause time.Duration
}

// question asks for a token (RFC 6749 §4.4.2). Its errors quote nothing that the endpoint says but codes of the standard.
func (t *tokens) question() (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	r, err := t.request(ctx)
	if err != nil {
		return answer{}, t.unavailable("cannot be asked")
	}
	res, err := t.source.RoundTrip(t.declared.Authorities, r)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return answer{}, t.unavailable("does not answer in time")
		}
		return answer{}, t.unavailable("cannot be reached, or its certificate cannot be verified")
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil || len(body) > maxAnswer {
		return answer{}, t.unavailable("answers with what cannot be read")
	}
	if res.StatusCode != http.StatusOK {
		return answer{pause: pauseOf(res.Header)}, t.unavailable(refusal(res.StatusCode, body))
	}
	return t.read(body)
}

func (t *tokens) unavailable(what string) error {
	host := ""
	if u, err := url.Parse(t.declared.TokenURL); err == nil {
		host = u.Hostname()
	}
	return &Unavailable{fmt.Sprintf("No token could be obtained for this service, so nothing is sent: the token endpoint at %s %s.", host, what)}
}

func (t *tokens) request(ctx context.Context) (*http.Request, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(t.declared.Scopes) > 0 {
		form.Set("scope", strings.Join(t.declared.Scopes, " "))
	}
	if t.declared.Audience != "" {
		form.Set("audience", t.declared.Audience)
	}
	id, err := credential.Text([]byte(t.id.Reveal()))
	if err != nil {
		return nil, err
	}
	secret, err := credential.Text([]byte(t.secret.Reveal()))
	if err != nil {
		return nil, err
	}
	if t.declared.InBody {
		form.Set("client_id", id.Reveal())
		form.Set("client_secret", secret.Reveal())
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.declared.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.Header["User-Agent"] = nil
	if !t.declared.InBody {
		// Both are encoded as in a form first (RFC 6749 §2.3.1).
		pair := url.QueryEscape(id.Reveal()) + ":" + url.QueryEscape(secret.Reveal())
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	return r, nil
}

// read reads a successful answer (RFC 6749 §5.1).
func (t *tokens) read(body []byte) (answer, error) {
	var a struct {
		Token   string          `json:"access_token"`
		Type    string          `json:"token_type"`
		Expires json.RawMessage `json:"expires_in"`
	}
	if json.Unmarshal(body, &a) != nil {
		return answer{}, t.unavailable("answers with something else than JSON")
	}
	token, err := credential.Text([]byte(a.Token))
	switch {
	case err != nil, strings.Contains(a.Token, " "), token.Reveal() != a.Token:
		return answer{}, t.unavailable("answers with no token that can be sent")
	case !strings.EqualFold(a.Type, "Bearer"):
		return answer{}, t.unavailable("gives tokens of another type than Bearer")
	}
	life := unsaid
	if said := strings.Trim(string(a.Expires), `"`); said != "" && said != "null" { // some write the number as a string
		seconds, err := strconv.ParseFloat(said, 64)
		if err != nil || seconds < 1 || seconds > 10*365*24*3600 {
			return answer{}, t.unavailable("gives tokens with an end that cannot be read")
		}
		life = time.Duration(seconds * float64(time.Second))
	}
	return answer{token: token, life: life}, nil
}

// codes are what a token endpoint may answer (RFC 6749 §5.2).
var codes = []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}

func refusal(status int, body []byte) string {
	var f struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &f) == nil && slices.Contains(codes, f.Error) {
		return fmt.Sprintf("answers %d %s", status, f.Error)
	}
	return fmt.Sprintf("answers %d", status)
}

func pauseOf(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, time.Minute)
}
