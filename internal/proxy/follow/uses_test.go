package follow_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/decide"
	config "github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/proxy"
	"github.com/optup/optup/internal/proxy/follow"
	"github.com/optup/optup/internal/uses"
)

// TestRecordsReachTheLedgerByTokenAndGrant: from a record in the sidecar to the person's uses in a real ledger. Records wait until the
// grant is there.
func TestRecordsReachTheLedgerByTokenAndGrant(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append(anna, ledgertest.Given("newsletter"))
	ctx, cancel := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	defer func() {
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	}()
	current := &proxy.Current{}
	quiet := slog.New(slog.DiscardHandler)
	f := follow.New(ctx, group, current, follow.Options{
		Token: func() (string, error) { return l.Token(ledgertest.Sidecar, "pod-1", time.Hour), nil }, Granted: true, Logger: quiet,
	})
	r, err := uses.New(uses.Options{Dir: t.TempDir(), Send: f.SendUses, Linger: 5 * time.Millisecond, Retry: 5 * time.Millisecond, MaxRetry: 20 * time.Millisecond, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	group.Go(func() error {
		return r.Run(ctx, func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Second)
		})
	})
	b := ledgertest.NewBundle("newsletter")
	b.Ledgers = []ir.Ledger{{Controller: ledgertest.Controller, URL: l.URL}}
	grant := l.Grant(ledgertest.Sidecar, "pod-1", time.Hour, "newsletter")
	if err := f.Apply(config.Update{Generation: 1, Bundle: b, Grant: grant}); err != nil {
		t.Fatal(err)
	}
	knows(t, current, "newsletter")
	_, feeds := f.InForce()
	u := r.Begin(time.Now())
	u.About(uses.About{Controller: ledgertest.Controller, Purpose: "newsletter", Service: "shop/esp", Mode: ir.ModeEnforce, Generation: 1})
	for _, feed := range feeds {
		tag, err := feed.Tag(ledgertest.Email(anna))
		if err != nil {
			t.Fatal(err)
		}
		u.Person(tag, true, &decide.Verdict{Reason: decide.OKConsent, Grant: 1})
	}
	u.End(decide.Permit, "", false)
	tags, err := l.Keys.Tags(ledgertest.Email(anna))
	if err != nil {
		t.Fatal(err)
	}
	var got []store.Use
	for end := time.Now().Add(30 * time.Second); len(got) == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got, err = l.Store.UsesOf(t.Context(), tags, [16]byte{}, 10); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 1 || got[0].Decision.ID != u.ID() || got[0].Decision.Workload != "Deployment/mailer" || got[0].Grant != 1 {
		t.Fatalf("%+v", got)
	}
	if strings.Contains(l.Log.String(), "anna") {
		t.Error("the ledger's log names a person")
	}
}
