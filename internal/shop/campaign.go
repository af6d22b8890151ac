package shop

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Sending is one run through an addressee list.
type Sending struct {
	// ESP is the base URL of the mail provider.
	ESP string
	// Key is the shop's API key; without one none is sent.
	Key string
	// Template is the provider's template, Subject the line above the mail.
	Template, Subject string
	// Batch is how many people one request names, each in a mail of their own, 1 to 1000.
	Batch int
	// Workers is how many requests are under way at once, at least 1.
	Workers int
	// Patience is how long all requests together may wait for another try, after answers with 5xx or 429 or none.
	Patience time.Duration
}

// Summary is what became of a run.
type Summary struct {
	Template   string `json:"template"`
	Requests   int    `json:"requests"`
	Addressees int    `json:"addressees"`
	// Accepted and Denied count requests by their last answer; Failed those that found none, or only 5xx and 429.
	Accepted int `json:"accepted"`
	Denied   int `json:"denied"`
	Failed   int `json:"failed"`
	// Reasons counts the requests that were not accepted by what the answers said.
	Reasons map[string]int `json:"reasons"`
}

// Answered tells whether every request found an answer, be it a refusal.
func (s Summary) Answered() bool { return s.Failed == 0 }

// Campaign is the newsletter: 100 people a request.
func Campaign(esp string, patience time.Duration) Sending {
	return Sending{
		ESP: esp, Template: TemplateNewsletter, Subject: "Neues aus dem Gartenhaus", Batch: 100, Workers: 1, Patience: patience,
	}
}

// Invoices are one request for each customer.
func Invoices(esp string, patience time.Duration) Sending {
	return Sending{ESP: esp, Template: TemplateInvoice, Subject: "Ihre Rechnung", Batch: 1, Workers: 4, Patience: patience}
}

// Run sends to the whole list, in its order where there is one worker. It ends early only with the context; what was not sent then
// counts as failed.
func (s Sending) Run(ctx context.Context, list []Addressee) Summary {
	sum := Summary{Template: s.Template, Addressees: len(list), Reasons: map[string]int{}}
	m := newMailer(s.ESP, s.Key, s.Patience)
	batches := make(chan []Addressee)
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range max(1, s.Workers) {
		workers.Go(func() {
			for batch := range batches {
				a := m.send(ctx, s.mail(batch))
				mu.Lock()
				sum.count(a)
				mu.Unlock()
			}
		})
	}
	for batch := range slices.Chunk(list, min(max(1, s.Batch), maxPersonalizations)) {
		batches <- batch
	}
	close(batches)
	workers.Wait()
	return sum
}

func (s Sending) mail(batch []Addressee) *sendRequest {
	m := &sendRequest{
		Personalizations: make([]personalization, len(batch)), From: shopMailbox, Subject: s.Subject, TemplateID: s.Template,
		Content: []content{{Type: "text/plain", Value: s.Subject}},
	}
	for i, a := range batch {
		m.Personalizations[i].To = []mailbox{{Email: a.Email}}
	}
	return m
}

func (s *Summary) count(a answer) {
	s.Requests++
	switch {
	case a.accepted():
		s.Accepted++
		return
	case a.final():
		s.Denied++
	default:
		s.Failed++
	}
	s.Reasons[a.reason]++
}
