package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/translate"
)

// Shares asks the ledgers for the usable share of each purpose and for where they stand, and writes it into status. Ledgers leave
// out whatever would be about fewer than 10 people.
type Shares struct {
	client.Client
	// Ask gets a path from a ledger, authenticated as the manager.
	Ask   func(ctx context.Context, url string) (*http.Response, error)
	Every time.Duration
	Now   func() time.Time
}

// NeedLeaderElection tells that only the leader writes status.
func (s *Shares) NeedLeaderElection() bool { return true }

// Start asks until ctx ends.
func (s *Shares) Start(ctx context.Context) error {
	for {
		s.round(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(s.Every):
		}
	}
}

func (s *Shares) round(ctx context.Context) {
	var ledgers v1alpha1.ConsentLedgerList
	if err := s.List(ctx, &ledgers); err != nil {
		return
	}
	for i := range ledgers.Items {
		l := &ledgers.Items[i]
		if !meta.IsStatusConditionTrue(l.Status.Conditions, v1alpha1.ConditionReady) {
			continue
		}
		if err := s.ledger(ctx, l); err != nil && ctx.Err() == nil {
			ctrl.LoggerFrom(ctx).Info("the usable share could not be read", "ledger", client.ObjectKeyFromObject(l), "error", err.Error())
		}
	}
}

// usableShare is what a ledger answers; counts below 10 are absent.
type usableShare struct {
	Position int64  `json:"position"`
	Epoch    string `json:"epoch"`
	People   *int64 `json:"people"`
	Shares   []struct {
		Purpose    string `json:"purpose"`
		Processing string `json:"processing"`
		Permitted  *int64 `json:"permitted"`
		Population *int64 `json:"population"`
		Share      string `json:"share"`
	} `json:"shares"`
}

// smallest is the smallest number of people about whom anything stands in a status, and tooFew stands for fewer.
const (
	smallest = 10
	tooFew   = "<10 people"
)

// enough leaves out a count of too few people. Ledgers do so too, but status is open to more people than ledgers are.
func enough(n *int64) *int64 {
	if n == nil || *n < smallest {
		return nil
	}
	return n
}

func (s *Shares) ledger(ctx context.Context, l *v1alpha1.ConsentLedger) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var answer usableShare
	if err := s.get(ctx, translate.LedgerURL(l)+"/v1/usable-share", &answer); err != nil {
		return err
	}
	err := patchStatus(ctx, s.Client, l, func(l *v1alpha1.ConsentLedger) {
		l.Status.Position, l.Status.People = answer.Position, enough(answer.People)
		if answer.Epoch != "" {
			l.Status.Epoch = answer.Epoch
		}
	})
	if err != nil {
		return err
	}
	var purposes v1alpha1.DataPurposeList
	if err := s.List(ctx, &purposes); err != nil {
		return err
	}
	for i := range purposes.Items {
		p := &purposes.Items[i]
		if p.Spec.Controller != l.Spec.Controller {
			continue
		}
		for _, x := range answer.Shares {
			if x.Purpose != p.Name || x.Processing != string(p.Spec.Processing[0]) {
				continue
			}
			permitted, population, share := enough(x.Permitted), enough(x.Population), x.Share
			if permitted == nil || population == nil {
				share = tooFew // a percentage of a known number is a count
			}
			had := p.Status.UsableShare
			if had != nil && had.Position == answer.Position && had.Share == share {
				continue
			}
			err := patchStatus(ctx, s.Client, p, func(p *v1alpha1.DataPurpose) {
				p.Status.UsableShare = &v1alpha1.UsableShare{
					Share: share, Permitted: permitted, Population: population, Processing: v1alpha1.Processing(x.Processing),
					Position: answer.Position, ObservedAt: metav1.NewTime(s.Now()),
				}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Shares) get(ctx context.Context, url string, into any) error {
	res, err := s.Ask(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the ledger answered %s", res.Status)
	}
	return json.NewDecoder(io.LimitReader(res.Body, 4<<20)).Decode(into)
}
