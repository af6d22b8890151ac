package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/asking"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/touchpoint"
)

// question is something that the person may be asked on the page, and where that is declared.
type question struct {
	*touchpoint.Question
	touchpoint *ir.Touchpoint
}

// questions are what may be asked now: the next one of each touchpoint of place Account, which is what the person's page is. Of its
// purposes those are left that a confirmed mailbox proves.
func (s *sight) questions() []question {
	if s.words.bundle == nil {
		return nil
	}
	var out []question
	for i := range s.words.bundle.Touchpoints {
		t := &s.words.bundle.Touchpoints[i]
		if t.Place != ir.PlaceAccount {
			continue
		}
		next := s.words.asker.Next(t, s.record, s.at).Question
		if next == nil || slices.ContainsFunc(out, func(q question) bool { return q.Notice == next.Notice }) {
			continue
		}
		next.Purposes = slices.DeleteFunc(slices.Clone(next.Purposes), func(id consent.PurposeID) bool {
			p := s.words.purposes[id]
			return p == nil || (len(p.Proofs) > 0 && !slices.Contains(p.Proofs, consent.ProofMailboxConfirmed))
		})
		out = append(out, question{Question: next, touchpoint: t})
	}
	return out
}

// offers puts the questions into words, each purpose by itself. A wording whose text is not there cannot be agreed to.
func (s *sight) offers() []pages.Offer {
	var out []pages.Offer
	for _, q := range s.questions() {
		n := s.words.notice(q.Notice, s.language)
		if n.Text.Text == "" {
			continue
		}
		for _, id := range q.Purposes {
			out = append(out, pages.Offer{Notice: n, Purpose: s.words.purpose(id, s.language)})
		}
	}
	return out
}

// answer takes a yes or a no to a question. It has to be asked at this moment: a page that asked it earlier is out of date. A yes is taken
// once, however often its button is pressed.
func (d *Desk) answer(ctx context.Context, who pages.Who, s *sight, a pages.Act) error {
	all := s.questions()
	i := slices.IndexFunc(all, func(q question) bool { return q.Notice == a.Notice && slices.Contains(q.Purposes, a.Purpose) })
	words := s.words.notice(a.Notice, a.Language)
	if i < 0 || words.Text.Text == "" {
		return pages.ErrOutdated
	}
	in := asking.Answers{
		Language: a.Language,
		Answers:  []asking.Answer{{Notice: a.Notice, Purpose: a.Purpose, Answer: asking.Refused, BasedOn: a.BasedOn, SHA256: words.SHA256}},
	}
	if a.Kind == pages.ActWiden {
		in.Answers[0].Answer = asking.Given
		in.Key = fmt.Sprintf("page %x %s %s %d", who.Tags[0][:], a.Notice, a.Purpose, a.BasedOn)
	}
	person := asking.Person{Identities: d.identities(who), Proof: consent.ProofMailboxConfirmed}
	taken, err := d.Asking.Answer(ctx, all[i].touchpoint.Name, person, in)
	switch {
	case errors.Is(err, asking.ErrNotOffered), errors.Is(err, asking.ErrWords), errors.Is(err, asking.ErrTouchpoint), errors.Is(err, asking.ErrProof):
		return pages.ErrOutdated
	case err != nil:
		return err
	}
	return outdated(taken[0].Err)
}
