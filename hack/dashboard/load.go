package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// load makes the traffic of the shop's programs for a while, and what goes wrong and changes meanwhile.
type load struct {
	w      *world
	emails []string
	begun  time.Time
	length time.Duration
}

func newLoad(ctx context.Context, w *world, length time.Duration) (*load, error) {
	text, err := w.output(ctx, "shop", "list", "--people", people)
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		return nil, err
	}
	l := &load{w: w, length: length}
	for _, r := range rows[1:] {
		l.emails = append(l.emails, r[0])
	}
	return l, nil
}

// at is which part of the run has passed, 0 to 1.
func (l *load) at() float64 { return float64(time.Since(l.begun)) / float64(l.length) }

func (l *load) run(ctx context.Context) error {
	l.begun = time.Now()
	ctx, cancel := context.WithTimeout(ctx, l.length)
	defer cancel()
	var all sync.WaitGroup
	// each does something so many times a second while the run is in its part.
	each := func(rate, from, to float64, do func() *http.Request) {
		all.Go(func() {
			tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					if at := l.at(); at >= from && at < to {
						all.Go(func() { _, _ = send(http.DefaultClient, do().WithContext(ctx)) }) // what became of it is in the metrics
					}
				}
			}
		})
	}
	w := l.w
	each(8, 0, 1, func() *http.Request { return l.mail(w.toMail["campaign"], "d-newsletter", 10) })
	each(15, 0, 1, func() *http.Request { return l.mail(w.toMail["invoice"], "d-invoice", 1) })
	each(4, 0.25, 0.6, func() *http.Request { return l.mail(w.toMail["invoice"], "d-spring-sale", 1) })
	each(6, 0, 1, func() *http.Request {
		return ask(w.toRegister["dashboard"] + fmt.Sprintf("/v1/customers?page=%d&per_page=50", 1+rand.IntN(20)))
	})
	each(2, 0.4, 0.9, func() *http.Request { return ask(w.toRegister["dashboard"] + "/v1/clicks?page=1&per_page=20") })
	each(1, 0.2, 0.5, func() *http.Request { return ask(w.toRegister["dashboard"] + "/v1/export") })
	each(10, 0, 1, func() *http.Request {
		return ask(w.toRegister["scoring"] + fmt.Sprintf("/v1/customers/c-%05d", 1+rand.IntN(1000)))
	})
	each(2, 0.3, 1, func() *http.Request { return ask(w.toRegister["scoring"] + "/v1/clicks?page=1&per_page=20") })
	each(5, 0.65, 0.9, func() *http.Request { return l.event("withdrawn", "newsletter") })
	each(1, 0.5, 0.95, func() *http.Request { return l.event("objected", "") })
	each(2, 0.05, 1, func() *http.Request { return l.event("asked", "newsletter") })
	all.Go(func() { l.operate(ctx) })
	var failed [2]error
	all.Go(func() { failed[0] = l.away(ctx, 0.32, 8*time.Second, &w.ledgerProcess, w.startLedger) })
	all.Go(func() { failed[1] = l.away(ctx, 0.76, 4*time.Second, &w.mailer, w.startMail) })
	all.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// operate gives the operator something to do: a policy that changes, and pods that are asked about.
func (l *load) operate(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if n%4 == 0 {
				_ = l.w.edit(ctx, n) // at the end of the run it is cut
			}
			for _, path := range []string{"/mutate-pods", "/validate-pods"} {
				_, _ = send(untrusting, l.w.review(path).WithContext(ctx))
			}
		}
	}
}

// away stops a program at some part of the run, and starts it again after a while.
func (l *load) away(ctx context.Context, part float64, how time.Duration, p **process, start func(context.Context) (*process, error)) (err error) {
	time.Sleep(time.Duration(part * float64(l.length)))
	(*p).stop()
	time.Sleep(how)
	*p, err = start(context.WithoutCancel(ctx))
	return err
}

func (l *load) mail(base, template string, people int) *http.Request {
	type mailbox struct {
		Email string `json:"email"`
	}
	type personalization struct {
		To []mailbox `json:"to"`
	}
	to := make([]personalization, people)
	for i := range to {
		to[i].To = []mailbox{{l.anybody()}}
	}
	return post(base+"/v3/mail/send", map[string]any{
		"personalizations": to, "from": mailbox{"post@gartenhaus.example"}, "subject": "Spring", "template_id": template,
		"content": []map[string]string{{"type": "text/plain", "value": "Spring"}},
	})
}

// event is something that a person says to the ledger.
func (l *load) event(kind, purpose string) *http.Request {
	event := map[string]string{"type": kind, "purpose": purpose}
	if purpose == "" {
		event = map[string]string{"type": kind, "scope": "all"}
	}
	r := post(l.w.ledger+"/v1/events", map[string]any{
		"identifiers": []map[string]string{{"type": "email", "value": l.anybody()}}, "event": event,
	})
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func (l *load) anybody() string { return l.emails[rand.IntN(len(l.emails))] }

func post(url string, body any) *http.Request {
	text, _ := json.Marshal(body) //nolint:errchkjson // only strings and lists of them
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(string(text)))
	if err != nil {
		panic(err) // the address is this program's own
	}
	r.Header.Set("Content-Type", "application/json")
	return r
}

func ask(url string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		panic(err) // the address is this program's own
	}
	return r
}

// send gives the status of the answer, after all of it was read.
func send(c *http.Client, r *http.Request) (int, error) {
	res, err := c.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}
