package standalone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/server"
	"github.com/optup/optup/internal/ledger/stream"
	"github.com/optup/optup/internal/policy"
)

// ledger is the running ledger of one controller.
type ledger struct {
	*server.Ledger
	controller, url string
	http            *http.Server
	bundle          atomic.Pointer[ir.Bundle]
}

// openLedgers starts a ledger for each controller that has a ConsentLedger and no running one yet. Ledgers run until the end, so
// that an object that is away for a moment costs no consent.
func (x *Instance) openLedgers(ctx context.Context, p *policies) error {
	for _, l := range p.snapshot.Ledgers {
		if x.ledgerOf(l.Controller) != nil {
			continue
		}
		opened, err := x.openLedger(ctx, l)
		if err != nil {
			return fmt.Errorf("the ledger %s/%s: %w", l.Namespace, l.Name, err)
		}
		x.mu.Lock()
		x.ledgers = append(x.ledgers, opened)
		x.mu.Unlock()
	}
	return nil
}

func (x *Instance) openLedger(ctx context.Context, l policy.Ledger) (*ledger, error) {
	dir := filepath.Join(x.data, l.Namespace+"."+l.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	keyFile := filepath.Join(dir, "root.key")
	if err := keys.CreateRoot(keyFile); err != nil && !errors.Is(err, keys.ErrExists) {
		return nil, err
	}
	root, err := keys.ReadRoot(keyFile)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]any{"controller": l.Controller, "population": x.o.People})
	if err != nil {
		return nil, err
	}
	configFile := filepath.Join(dir, "config.json")
	if err := os.WriteFile(configFile, config, 0o600); err != nil {
		return nil, err
	}
	guard, err := access.Open(access.Options{ConfigFile: configFile, Every: access.EveryNow, DevToken: x.token, Now: time.Now, Logger: x.o.Logger})
	if err != nil {
		return nil, err
	}
	listener, err := x.servicePorts.listen(ctx)
	if err != nil {
		return nil, err
	}
	opened, err := server.Open(ctx, server.Options{Data: dir, Root: root, Guard: guard, Now: time.Now, Logger: x.o.Logger})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	out := &ledger{Ledger: opened, controller: l.Controller, url: "http://" + listener.Addr().String()}
	out.http = opened.Server(server.Served{Bundle: out.bundle.Load})
	x.group.Go(func() error { return ended(out.http.Serve(stream.Listener(listener))) })
	return out, nil
}

// close ends streams and requests, and then closes the database.
func (l *ledger) close(ctx context.Context) error {
	return errors.Join(l.http.Shutdown(ctx), l.Close())
}

func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// ledgerOf gives the ledger of a controller; nil if there is none.
func (x *Instance) ledgerOf(controller string) *ledger {
	x.mu.Lock()
	defer x.mu.Unlock()
	if i := slices.IndexFunc(x.ledgers, func(l *ledger) bool { return l.controller == controller }); i >= 0 {
		return x.ledgers[i]
	}
	return nil
}

// followed gives the ledgers of a bundle, at the addresses where they are here.
func (x *Instance) followed(b *ir.Bundle) []ir.Ledger {
	var out []ir.Ledger
	for _, named := range b.Ledgers {
		l := x.ledgerOf(named.Controller)
		if l == nil {
			continue
		}
		if here := (ir.Ledger{Controller: named.Controller, URL: l.url}); !slices.Contains(out, here) {
			out = append(out, here)
		}
	}
	return out
}

// inform gives each ledger the purposes and notices of its controller.
func (x *Instance) inform(p *policies) {
	for _, declared := range p.snapshot.Ledgers {
		i := slices.IndexFunc(p.result.Ledgers, func(b compile.LedgerBundle) bool {
			return b.Ledger.Namespace == declared.Namespace && b.Ledger.Name == declared.Name
		})
		if l := x.ledgerOf(declared.Controller); l != nil && i >= 0 {
			l.bundle.Store(p.result.Ledgers[i].Bundle)
		}
	}
}
