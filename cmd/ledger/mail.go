package main

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"github.com/optup/optup/internal/ledger/confirm"
	"github.com/optup/optup/internal/ledger/smtp"
	"github.com/optup/optup/internal/ledger/store"
)

// mailFlags are those of the mail server by which people are asked to confirm.
type mailFlags struct{ server, from, tls, trust, credentials string }

func (f *mailFlags) add(v *pflag.FlagSet) {
	v.StringVar(&f.server, "smtp-server", "", "mail server, host:port, by which people are asked to confirm and get links to their page; empty for none")
	v.StringVar(&f.from, "smtp-from", "", `sender of these mails, for example "Shop <consent@shop.example>"`)
	v.StringVar(&f.tls, "smtp-tls", string(smtp.StartTLS), "starttls, tls, or none for a server on this machine; there is no mode that goes on without")
	v.StringVar(&f.trust, "smtp-trust", "", "file with the authorities (PEM) of the mail server; those of the system if left out")
	v.StringVar(&f.credentials, "smtp-credentials", "", `file with "user:password" for the mail server; read again for each mail`)
}

// sender gives the mail server; nil for none. Public is the address that mails link to.
func (f *mailFlags) sender(public string) (*smtp.Server, error) {
	if f.server == "" {
		if f.from != "" || f.trust != "" || f.credentials != "" {
			return nil, errors.New("--smtp-from, --smtp-trust and --smtp-credentials need --smtp-server")
		}
		return nil, nil
	}
	if public == "" {
		return nil, errors.New("--smtp-server needs --public-url: mails link to the pages there")
	}
	return smtp.New(smtp.Options{Server: f.server, From: f.from, TLS: smtp.TLS(f.tls), Authorities: f.trust, Credentials: f.credentials})
}

// outbox gives what sends mails until its context ends, together with numbers about them, never about people; nil without a mail server.
func (f *mailFlags) outbox(public string, s *confirm.Service, vault store.Vault, r prometheus.Registerer) (*confirm.Outbox, error) {
	sender, err := f.sender(public)
	if err != nil || sender == nil {
		return nil, err
	}
	mails := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "optup_ledger_mails_total",
		Help: "Mails by what became of them: sent, refused for good, failed and tried again, postponed, or moot because the person had answered.",
	}, []string{"outcome"})
	for _, o := range []confirm.Outcome{confirm.Sent, confirm.Refused, confirm.Failed, confirm.Postponed, confirm.Moot} {
		mails.WithLabelValues(string(o))
	}
	backlog := func() (b store.Backlog, now time.Time, ok bool) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		now = time.Now()
		b, err := vault.Backlog(ctx, store.KindMail, now)
		return b, now, err == nil
	}
	r.MustRegister(mails,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "optup_ledger_mails_waiting", Help: "Mails that wait to be sent, of all replicas."}, func() float64 {
			b, _, ok := backlog()
			if !ok {
				return -1
			}
			return float64(b.Waiting)
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "optup_ledger_mails_oldest_seconds", Help: "For how long the oldest mail has waited; 0 for none.",
		}, func() float64 {
			b, now, ok := backlog()
			switch {
			case !ok:
				return -1
			case b.Oldest.IsZero():
				return 0
			default:
				return now.Sub(b.Oldest).Seconds()
			}
		}))
	return &confirm.Outbox{Service: s, Sender: sender, Observe: func(o confirm.Outcome) { mails.WithLabelValues(string(o)).Inc() }}, nil
}
