package confirm

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/smtp"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/token"
)

// mailKind says what a message in the outbox is for.
type mailKind string

const (
	mailConfirm mailKind = "confirm"
	mailPage    mailKind = "page"
)

// message is what waits in the outbox. It names a person, so it exists in the vault and in memory alone.
type message struct {
	Kind       mailKind          `json:"kind"`
	Address    string            `json:"address"`
	Language   string            `json:"language,omitempty"`
	Touchpoint string            `json:"touchpoint,omitempty"`
	Purpose    consent.PurposeID `json:"purpose,omitempty"`
	Notice     consent.NoticeID  `json:"notice,omitempty"`
	Asked      time.Time         `json:"asked"`
	// Until is when the person has to have answered, Again how long no second message goes to the address.
	Until time.Time     `json:"until"`
	Again time.Duration `json:"again,omitempty"`
}

// String never shows a message.
func (message) String() string { return "message:redacted" }

// GoString never shows a message.
func (m message) GoString() string { return m.String() }

// waiting is a message with its place in the outbox.
type waiting struct {
	message
	store.Attached
}

// String never shows a message.
func (waiting) String() string { return "message:redacted" }

// GoString never shows a message.
func (w waiting) GoString() string { return w.String() }

// Outcome is what became of a message.
type Outcome string

// Outcomes.
const (
	// Sent messages were taken by the mail server.
	Sent Outcome = "sent"
	// Refused messages were not, for good: there is no such mailbox, for example.
	Refused Outcome = "refused"
	// Failed ones are tried again.
	Failed Outcome = "failed"
	// Postponed ones wait for the end of a cool-down, or for the words that they have to show.
	Postponed Outcome = "postponed"
	// Moot ones are not needed any more: the person answered, withdrew or took too long.
	Moot Outcome = "moot"
)

// Sender hands messages to a mail server. Errors that are for good wrap smtp.ErrRefused.
type Sender interface {
	Send(ctx context.Context, m smtp.Message) error
}

// Outbox sends what waits. Any number of replicas may do so at once.
type Outbox struct {
	*Service
	Sender Sender
	// Observe is told what became of each message.
	Observe func(Outcome)
	// Every is how often it looks for messages that another replica left; 0 for every second.
	Every time.Duration
}

const (
	// lease is how long a message is handed out for: longer than sending it may take.
	lease     = 5 * time.Minute
	sendFor   = time.Minute
	batchSize = 16
	// slowest is the longest pause before a message is tried again.
	slowest = time.Hour
)

// Run sends until its context ends. A failure is told, and tried again.
func (o *Outbox) Run(ctx context.Context) error {
	every := o.Every
	if every == 0 {
		every = time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		n, err := o.Once(ctx)
		if err != nil && ctx.Err() == nil {
			o.Logger.Error("the outbox cannot be read; it is tried again", "error", err)
		}
		if n == batchSize && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-o.poke:
		case <-tick.C:
		}
	}
}

// Once handles messages whose time has come, at most one batch, and tells how many.
func (o *Outbox) Once(ctx context.Context) (int, error) {
	due, err := o.Store.Due(ctx, store.KindMail, o.Now(), lease, batchSize)
	if err != nil {
		return 0, err
	}
	for _, a := range due {
		w := waiting{Attached: a}
		if err := json.Unmarshal(a.Body, &w.message); err != nil {
			return 0, errors.New("a message in the outbox cannot be read") // the cause would show the message
		}
		outcome, next, err := o.handle(ctx, w)
		if err != nil {
			return 0, err
		}
		if err := o.Store.Settle(context.WithoutCancel(ctx), a.ID, next); err != nil {
			return 0, err
		}
		o.Observe(outcome)
	}
	return len(due), nil
}

// handle sends a message, or tells when it is to be looked at again; the zero time for never. Errors are those of the store.
func (o *Outbox) handle(ctx context.Context, w waiting) (Outcome, time.Time, error) {
	if !o.Now().Before(w.Until) {
		return Moot, time.Time{}, nil
	}
	together := []waiting{w}
	var err error
	if w.message.Kind == mailConfirm {
		if together, err = o.together(ctx, w); err != nil || len(together) == 0 {
			return Moot, time.Time{}, err
		}
		// Who loses here is about an address that was sent something else a short while ago, or is being sent it now.
		mine, err := o.Store.Spend(ctx, o.name("confirmation mail", o.first(w.Tag, w.Address)), w.ID, o.Now(), o.Now().Add(w.Again))
		if err != nil {
			return "", time.Time{}, err
		}
		if !mine {
			return Postponed, o.later(w), nil
		}
	}
	m, ok, err := o.render(w, together)
	if err != nil {
		return "", time.Time{}, err
	}
	if !ok {
		o.Logger.Warn("a message waits for the words that it has to show; is the notice in the ledger's bundle?", "notice", w.Notice)
		return Postponed, o.later(w), nil
	}
	send, cancel := context.WithTimeout(ctx, sendFor)
	defer cancel()
	err = o.Sender.Send(send, m)
	switch {
	case errors.Is(err, smtp.ErrRefused):
		o.Logger.Warn("the mail server refused a message for good", "error", err, "touchpoint", w.Touchpoint)
		return Refused, time.Time{}, nil
	case err != nil:
		o.Logger.Warn("a message could not be sent; it is tried again", "error", err, "tries", w.Tries)
		return Failed, o.later(w), nil
	}
	for _, other := range together {
		if other.ID == w.ID {
			continue
		}
		// It was part of this message. Should this fail, somebody finds it within the cool-down.
		if err := o.Store.Settle(context.WithoutCancel(ctx), other.ID, time.Time{}); err != nil {
			o.Logger.Error("a message that was sent could not be settled", "error", err)
		}
	}
	return Sent, time.Time{}, nil
}

// later is when a message is tried again: after a pause that doubles.
func (o *Outbox) later(w waiting) time.Time {
	pause := slowest
	if w.Tries < 12 {
		pause = min(slowest, 2*time.Second<<max(0, w.Tries))
	}
	return o.Now().Add(pause)
}

// maxTogether bounds what one message asks about, so that its links stay short.
const maxTogether = 8

// together gives what one message asks about: everything that waits for the same mailbox, this one first. None if this one is not needed
// any more: its grant does not wait, or the person agreed to the same words already.
func (o *Outbox) together(ctx context.Context, w waiting) ([]waiting, error) {
	r, err := o.Store.Lookup(ctx, w.Tag)
	if err != nil {
		return nil, err
	}
	if !needed(r, w) {
		return nil, nil
	}
	all, err := o.Store.Attachments(ctx, w.Tag, store.KindMail)
	if err != nil {
		return nil, err
	}
	out := []waiting{w}
	for _, a := range all {
		other := waiting{Attached: a}
		if a.ID == w.ID || json.Unmarshal(a.Body, &other.message) != nil || other.message.Kind != mailConfirm {
			continue
		}
		if other.Address == w.Address && o.Now().Before(other.Until) && len(out) < maxTogether && needed(r, other) {
			out = append(out, other)
		}
	}
	return out, nil
}

func needed(r *consent.Record, w waiting) bool {
	waits := false
	for _, g := range r.Grants {
		switch {
		case g.Position == w.Position:
			waits = g.Status == consent.StatusPending && g.Notice == w.Notice
		case g.Purpose == w.Purpose && g.Notice == w.Notice && (g.Status == consent.StatusGiven || g.Status == consent.StatusRenewed):
			return false
		}
	}
	return waits
}

// tokens makes the links of a message: one for each wording, about all purposes that were asked for with it.
func (o *Outbox) tokens(w waiting, together []waiting) (links []asked, err error) {
	for _, m := range together {
		i := 0
		for i < len(links) && links[i].notice != m.Notice {
			i++
		}
		if i == len(links) {
			links = append(links, asked{notice: m.Notice, until: m.Until})
		}
		links[i].until = earlier(links[i].until, m.Until)
		links[i].grants = append(links[i].grants, token.Grant{Position: m.Position, Purpose: m.Purpose, Notice: m.Notice})
	}
	for i := range links {
		text, err := o.Tokens.Seal(token.Token{
			Kind: token.Confirm, Tags: []consent.Tag{o.first(w.Tag, w.Address)}, Grants: links[i].grants, Language: w.Language, Expires: links[i].until,
		})
		if err != nil {
			return nil, err
		}
		links[i].URL = o.link("/confirm", text)
	}
	return links, nil
}

// asked is what one link of a message asks about.
type asked struct {
	notice   consent.NoticeID
	grants   []token.Grant
	until    time.Time
	URL      string
	Wording  string
	Language string
	Purposes []string
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
