package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
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
	Position   int64  `json:"position"`
	Generation int64  `json:"generation"`
	People     *int64 `json:"people"`
	Shares     []struct {
		Purpose    string `json:"purpose"`
		Processing string `json:"processing"`
		Permitted  *int64 `json:"permitted"`
		Population *int64 `json:"population"`
		Share      string `json:"share"`
		Fields     string `json:"fields"`
	} `json:"shares"`
	Purposes []struct {
		Purpose  string `json:"purpose"`
		Headroom *int64 `json:"headroom"`
	} `json:"purposes"`
}

// head is where a ledger stands, and who follows it.
type head struct {
	Epoch                  string  `json:"epoch"`
	Position               int64   `json:"position"`
	Subscribers            int32   `json:"subscribers"`
	OldestStalenessSeconds float64 `json:"oldestStalenessSeconds"`
}

// smallest is the smallest number of people about whom anything stands in a status, and tooFew stands for fewer.
const (
	smallest = 10
	tooFew   = "<10 people"
	// maxCheckpoint is the longest checkpoint in a status.
	maxCheckpoint = 2048
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
	url := translate.LedgerURL(l)
	// A ledger without purposes, or one that is still counting, stands somewhere all the same.
	var answer usableShare
	counted := s.get(ctx, url+"/v1/usable-share", &answer)
	if err := s.stands(ctx, l, url, answer.People, counted == nil); err != nil || counted != nil {
		return errors.Join(counted, err)
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
		if err := s.purpose(ctx, p, &answer); err != nil {
			return err
		}
	}
	return nil
}

// stands writes where a ledger stands.
func (s *Shares) stands(ctx context.Context, l *v1alpha1.ConsentLedger, url string, people *int64, counted bool) error {
	var at head
	if err := s.get(ctx, url+"/v1/head", &at); err != nil {
		return err
	}
	// A ledger of the version before has no checkpoints to show.
	checkpoint, err := s.read(ctx, url+"/v1/checkpoint")
	if err != nil || len(checkpoint) > maxCheckpoint {
		checkpoint = nil
	}
	return patchStatus(ctx, s.Client, l, func(l *v1alpha1.ConsentLedger) {
		l.Status.Epoch, l.Status.Position = at.Epoch, at.Position
		l.Status.Subscribers, l.Status.OldestStalenessSeconds = max(at.Subscribers, 0), int32(math.Ceil(min(max(at.OldestStalenessSeconds, 0), 1e9)))
		if counted {
			l.Status.People = enough(people)
		}
		if checkpoint != nil {
			l.Status.Checkpoint = string(checkpoint)
		}
	})
}

// purpose writes what a ledger counted for one purpose.
func (s *Shares) purpose(ctx context.Context, p *v1alpha1.DataPurpose, answer *usableShare) error {
	var headroom *int64
	for _, x := range answer.Purposes {
		if x.Purpose == p.Name {
			headroom = enough(x.Headroom)
		}
	}
	for _, x := range answer.Shares {
		if x.Purpose != p.Name || x.Processing != string(p.Spec.Processing[0]) {
			continue
		}
		u := v1alpha1.UsableShare{
			Share: x.Share, Fields: x.Fields, Permitted: enough(x.Permitted), Population: enough(x.Population), Processing: v1alpha1.Processing(x.Processing),
			Generation: answer.Generation, Position: answer.Position, ObservedAt: metav1.NewTime(s.Now()),
		}
		if u.Permitted == nil || u.Population == nil {
			u.Share, u.Fields = tooFew, "" // a percentage of a known number is a count
		}
		if had := p.Status.UsableShare; had != nil && equality.Semantic.DeepEqual(p.Status.OptUpHeadroom, headroom) {
			same := *had
			same.ObservedAt = u.ObservedAt
			if equality.Semantic.DeepEqual(same, u) {
				continue // the same edition
			}
		}
		if err := patchStatus(ctx, s.Client, p, func(p *v1alpha1.DataPurpose) { p.Status.UsableShare, p.Status.OptUpHeadroom = &u, headroom }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Shares) get(ctx context.Context, url string, into any) error {
	raw, err := s.read(ctx, url)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func (s *Shares) read(ctx context.Context, url string) ([]byte, error) {
	res, err := s.Ask(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the ledger answered %s", res.Status)
	}
	return io.ReadAll(io.LimitReader(res.Body, 4<<20))
}
