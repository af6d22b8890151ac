package standalone

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/shop"
)

// The shop speaks of two purposes, each with the proof that its sound consents have.
const (
	shopNewsletter, newsletterProof = "newsletter", "MailboxConfirmed"
	shopProfile, profileProof       = "profile-view", "AuthenticatedSession"
)

// longest is the longest time before now that the shop's consents are spread over, so that none is older than an ordinary validity.
const longest = 300 * 24 * time.Hour

// seed imports what the shop knows about its customers into the ledgers that know nobody yet. It gives, by ledger, the position
// that has all of it.
func (x *Instance) seed(ctx context.Context) (map[string]consent.Position, error) {
	reached := map[string]consent.Position{}
	for _, l := range x.ledgers {
		head, err := l.Store.Head(ctx)
		if err != nil {
			return nil, err
		}
		reached[l.controller] = head.Position
		b := l.bundle.Load()
		if head.Position > 0 {
			x.say("ledger of %s: %s, as it was left at position %d", l.controller, l.url, head.Position)
			continue
		}
		if b == nil {
			continue
		}
		rows := consents(shop.Consents(x.o.Seed, x.o.People), b, time.Now())
		done, err := x.importRows(ctx, l, rows)
		if err != nil {
			return nil, fmt.Errorf("what the shop knows could not be imported into the ledger of %s: %w", l.controller, err)
		}
		reached[l.controller] = done.Position
		x.say("ledger of %s: %s, %d events imported", l.controller, l.url, done.Appended)
		if done.Refused > 0 {
			x.warn("%d rows of the import were refused; the ledger says why with optup ledger import", done.Refused)
		}
	}
	return reached, nil
}

// consents tells the shop's rows in the words of a folder: those about its newsletter for each purpose that may rest on consent and
// reaches people by e-mail, those about profiles for each other one. Rows without a purpose, such as objections, stay.
func consents(rows []shop.Consent, b *ir.Bundle, now time.Time) []shop.Consent {
	if len(rows) == 0 {
		return nil
	}
	var out []shop.Consent
	first, last := rows[0].At, rows[len(rows)-1].At
	scale := min(1, float64(span(b))/float64(max(last.Sub(first), 1)))
	for _, r := range rows {
		r.At = now.Add(-time.Hour - time.Duration(float64(last.Sub(r.At))*scale))
		if r.Purpose == "" {
			out = append(out, r)
			continue
		}
		for i := range b.Purposes {
			p := &b.Purposes[i]
			if notice := noticeFor(b, p); notice != "" && shopPurpose(p) == r.Purpose {
				out = append(out, said(r, p, notice))
			}
		}
	}
	return out
}

// span is less than the shortest validity, so that nothing has expired.
func span(b *ir.Bundle) time.Duration {
	out := longest
	for _, p := range b.Purposes {
		if p.ValidForDays > 0 {
			out = min(out, time.Duration(p.ValidForDays)*12*time.Hour)
		}
	}
	return out
}

// shopPurpose is what the shop calls a purpose; "" for one that does not rest on consent.
func shopPurpose(p *ir.Purpose) string {
	switch {
	case !slices.Contains(p.Grounds, ir.GroundConsent) && !slices.Contains(p.Grounds, ir.GroundSpecialCategoryConsent):
		return ""
	case slices.Contains(p.Channels, consent.ChannelEmail):
		return shopNewsletter
	default:
		return shopProfile
	}
}

// noticeFor is the wording that people agreed to: the last by name that covers the purpose with all its processing.
func noticeFor(b *ir.Bundle, p *ir.Purpose) consent.NoticeID {
	var found consent.NoticeID
	for _, n := range b.Notices {
		all := !slices.ContainsFunc(p.Processing, func(x ir.Processing) bool { return !slices.Contains(n.Processing, x) })
		if all && slices.Contains(n.Purposes, p.Name) {
			found = max(found, n.Name)
		}
	}
	return found
}

// said is a row about another purpose. A proof that was enough for the shop's purpose is what the other one asks for.
func said(r shop.Consent, p *ir.Purpose, notice consent.NoticeID) shop.Consent {
	r.Purpose = string(p.Name)
	if r.Notice != "" {
		r.Notice = string(notice)
	}
	if r.Proof == newsletterProof || r.Proof == profileProof {
		if len(p.Proofs) > 0 {
			r.Proof = string(p.Proofs[0])
		}
	}
	return r
}

// imported is what a ledger answers to an import.
type imported struct {
	Appended, Refused int
	Position          consent.Position
}

func (x *Instance) importRows(ctx context.Context, l *ledger, rows []shop.Consent) (imported, error) {
	var file bytes.Buffer
	if err := shop.WriteConsents(&file, rows); err != nil {
		return imported{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+"/v1/imports", &file)
	if err != nil {
		return imported{}, err
	}
	r.Header.Set("Authorization", "Bearer "+x.token)
	r.Header.Set("Content-Type", "text/csv; charset=utf-8")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		return imported{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return imported{}, err
	}
	var out imported
	if res.StatusCode != http.StatusOK {
		return out, fmt.Errorf("%s: %.300s", res.Status, body)
	}
	return out, json.Unmarshal(body, &out)
}
