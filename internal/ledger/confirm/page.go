package confirm

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/token"
)

const (
	// pageFor is how long a link to the person's page holds, pageAgain how long no second one goes to the same address.
	pageFor   = time.Hour
	pageAgain = 10 * time.Minute
	// sessionFor is how long the page stays open.
	sessionFor = 30 * time.Minute
	// asLong is how long every request for a link takes, so that the time does not tell whether the address is known.
	asLong = 300 * time.Millisecond
)

// RequestPage sends a link to the person's page to an address that the ledger knows. It fails with ErrAddress for what cannot be an address;
// otherwise the caller sees the same, and after the same time, whether the address is known, was sent a link a moment ago, or neither.
func (s *Service) RequestPage(ctx context.Context, address, lang string) error {
	who, err := s.identity(address)
	if err != nil {
		return err
	}
	wait := time.NewTimer(asLong)
	defer wait.Stop()
	err = s.requestPage(ctx, &who, address, lang)
	select {
	case <-wait.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return err
}

func (s *Service) requestPage(ctx context.Context, who *store.Identity, address, lang string) error {
	now := s.Now()
	var by [16]byte
	_, _ = rand.Read(by[:]) // never fails; the program ends instead
	first, err := s.Store.Spend(ctx, s.name("page mail", who.First[0]), by, now, now.Add(pageAgain))
	if err != nil || !first {
		return err
	}
	body, err := json.Marshal(message{Kind: mailPage, Address: address, Language: language(lang), Asked: now, Until: now.Add(pageFor)})
	if err != nil {
		return err
	}
	// Who is known by a hash of the address alone is found by the forms that follow from it.
	for _, tag := range who.Tags {
		known, err := s.Store.Attach(ctx, tag, store.Attachment{Kind: store.KindMail, Body: body, Due: now})
		if err != nil {
			return err
		}
		if known {
			s.Poke()
			return nil
		}
	}
	return nil
}

// Open spends a link to the person's page, and gives what keeps the page open until a time.
func (s *Service) Open(ctx context.Context, text string) (session string, until time.Time, err error) {
	t, err := s.Tokens.Open(text, token.Page)
	if err != nil {
		return "", time.Time{}, err
	}
	var by [16]byte
	_, _ = rand.Read(by[:]) // never fails; the program ends instead
	now := s.Now()
	switch first, err := s.Store.Spend(ctx, t.ID, by, now, t.Expires); {
	case err != nil:
		return "", time.Time{}, err
	case !first:
		return "", time.Time{}, ErrLink
	}
	until = now.Add(sessionFor).Truncate(time.Second)
	session, err = s.Tokens.Seal(token.Token{Kind: token.Session, Tags: t.Tags, Language: t.Language, Expires: until})
	return session, until, err
}

// Session tells whose page a session keeps open, by the tags under the first key of the mailbox that was proven, and until when.
func (s *Service) Session(text string) ([]consent.Tag, time.Time, error) {
	t, err := s.Tokens.Open(text, token.Session)
	return t.Tags, t.Expires, err
}
