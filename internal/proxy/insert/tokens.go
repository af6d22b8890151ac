package insert

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/ir"
)

const (
	// askTime bounds one question for a token.
	askTime = 10 * time.Second
	// unsaid is how long a token is used whose end nobody told.
	unsaid = 5 * time.Minute
	// Pauses after questions that failed, which double.
	firstPause, longestPause = time.Second, 30 * time.Second
	// atLeast is how long a token is kept although the service refuses it, so that a service that refuses everything is not followed by a
	// question for each request.
	atLeast = 10 * time.Second
)

// tokens are those of one client at one token endpoint: one at a time, renewed before it ends, and asked for once however many wait.
type tokens struct {
	source   *Source
	service  string
	declared ir.OAuth2
	id       credential.Secret
	secret   credential.Secret

	mu    sync.Mutex
	token credential.Secret
	// renew is when a new one is asked for while the token is good, and ends when it no longer is.
	got, renew, ends time.Time
	// failed is why there is none, until again.
	failed error
	again  time.Time
	pause  time.Duration
	// asking is closed when the question under way is answered; nil if none is.
	asking chan struct{}
}

// tokensOf gives the tokens of a service. Another secret, client or endpoint begins anew: tokens of the one before are not used.
func (s *Source) tokensOf(service string, declared *ir.OAuth2, secret credential.Secret) (*tokens, error) {
	id := credential.New(declared.ClientID)
	if declared.ClientIDValue != "" {
		var ok bool
		if id, ok = s.Values.Get(service, declared.ClientIDValue); !ok {
			return nil, missing
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[service]; t != nil && t.id.Equal(id) && t.secret.Equal(secret) && reflect.DeepEqual(t.declared, *declared) {
		return t, nil
	}
	if s.tokens == nil {
		s.tokens = map[string]*tokens{}
	}
	t := &tokens{source: s, service: service, declared: *declared, id: id, secret: secret}
	s.tokens[service] = t
	return t, nil
}

func (s *Source) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// get gives a token that is good now. It waits for the first one only.
func (t *tokens) get(ctx context.Context) (credential.Secret, error) {
	t.mu.Lock()
	now := t.source.now()
	good := !t.token.Empty() && now.Before(t.ends)
	if t.asking == nil && !now.Before(t.again) && (!good || !now.Before(t.renew)) {
		t.asking = make(chan struct{})
		go t.ask(t.asking)
	}
	token, asking, failed := t.token, t.asking, t.failed
	t.mu.Unlock()
	switch {
	case good:
		return token, nil
	case asking == nil:
		return credential.Secret{}, failed
	}
	select {
	case <-ctx.Done():
		return credential.Secret{}, &Unavailable{"The token endpoint of this service has not answered yet, so nothing is sent. Try again."}
	case <-asking:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token.Empty() || !t.source.now().Before(t.ends) {
		return credential.Secret{}, t.failed
	}
	return t.token, nil
}

// ask asks once, for everybody who waits, and closes done.
func (t *tokens) ask(done chan struct{}) {
	defer close(done)
	var (
		a   answer
		err error
	)
	defer func() {
		if recover() != nil {
			err = &Unavailable{"No token could be obtained for this service, because of an internal error; nothing is sent."}
		}
		t.learned(a, err)
	}()
	a, err = t.question()
}

func (t *tokens) learned(a answer, err error) {
	if t.source.Asked != nil {
		t.source.Asked(t.service, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asking = nil
	now := t.source.now()
	if err != nil {
		t.pause = min(max(2*t.pause, firstPause), longestPause)
		t.failed, t.again = err, now.Add(max(t.pause, a.pause))
		return
	}
	life := a.life
	t.token, t.failed, t.pause = a.token, nil, 0
	t.got, t.again = now, now
	// A token that ends on its way would be refused.
	t.ends = now.Add(life - min(life/10, 10*time.Second))
	t.renew = now.Add(life - max(life/4, min(life/2, time.Minute)))
}

// refused tells that the service does not take a token, although it should be good.
func (t *tokens) refused(token credential.Secret) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.source.now(); t.token.Equal(token) && now.Sub(t.got) >= atLeast {
		t.token, t.failed = credential.Secret{}, &Unavailable{"The service does not take the token any more; a new one is being asked for."}
	}
}
