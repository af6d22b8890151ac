package world

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/optup/optup/test/bypass/liberal"
	"github.com/optup/optup/test/bypass/market"
)

// World is everything but the sidecar, which can be exchanged.
type World struct {
	Market *market.Market
	// Languages of the services, in order.
	Languages []string

	dir      string
	services *services
	ledger   string // URL
	token    string
	bundle   []byte
	stop     []func() error
}

// Sidecar is a running sidecar.
type Sidecar struct {
	// Addresses of its listeners, by the language of the service behind.
	Addresses map[string]string

	stop func() error
}

// Stop ends the sidecar.
func (s *Sidecar) Stop() error { return s.stop() }

// token is what ledgers of a world ask for.
const token = "development-token-of-the-bypass-fuzzer"

// open starts the services, compiles the policy for their ports, and has a ledger started that is told of everybody.
func open(ctx context.Context, seed uint64, languages []string, sent func(liberal.Mail), ledger func(context.Context, *World) error) (_ *World, err error) {
	w := &World{Market: market.New(seed), Languages: languages, token: token}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Stop())
		}
	}()
	if w.dir, err = os.MkdirTemp("", "optup-bypass-"); err != nil {
		return nil, err
	}
	w.stop = append(w.stop, func() error { return os.RemoveAll(w.dir) })
	if w.services, err = startServices(ctx, w.dir, w.Market, languages, sent); err != nil {
		return nil, err
	}
	w.stop = append(w.stop, w.services.close)
	var ports []int
	for _, l := range languages {
		ports = append(ports, w.services.ports[l])
	}
	if _, w.bundle, err = bundle(ports); err != nil {
		return nil, err
	}
	if err := ledger(ctx, w); err != nil {
		return nil, fmt.Errorf("the ledger: %w", err)
	}
	return w, w.tell(ctx)
}

// Direct gives the address of a service itself.
func (w *World) Direct(language string) string {
	return fmt.Sprintf("127.0.0.1:%d", w.services.ports[language])
}

// Stop ends services and ledger, and takes the files away.
func (w *World) Stop() error {
	var err error
	for i := len(w.stop) - 1; i >= 0; i-- {
		err = errors.Join(err, w.stop[i]())
	}
	w.stop = nil
	return err
}

// tell imports who agreed to what, once the ledger answers.
func (w *World) tell(ctx context.Context) error {
	rows, err := w.Market.Consents(time.Now())
	if err != nil {
		return err
	}
	return soon(ctx, "the ledger did not take the import", func() error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.ledger+"/v1/imports", bytes.NewReader(rows))
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+w.token)
		r.Header.Set("Content-Type", "text/csv; charset=utf-8")
		r.Close = true
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return err
		}
		var out struct{ Appended, Refused int }
		if err := json.Unmarshal(body, &out); err != nil || res.StatusCode != http.StatusOK || out.Refused > 0 {
			return fmt.Errorf("%s: %.300s", res.Status, body)
		}
		return nil
	})
}

// ready waits until people with permission come through each listener, which shows that the facts have arrived.
func (w *World) ready(ctx context.Context, s *Sidecar) error {
	p := w.Market.Permitted[len(w.Market.Permitted)-1]
	for _, language := range w.Languages {
		err := soon(ctx, "the sidecar shows nobody of the service for "+language, func() error {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addresses[language]+"/v1/people/"+p.Mail, http.NoBody)
			if err != nil {
				return err
			}
			r.Close = true
			r.Header.Set("Accept-Encoding", "identity")
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				return err
			}
			defer func() { _ = res.Body.Close() }()
			body, err := io.ReadAll(res.Body)
			if err == nil && !strings.Contains(string(body), p.Mail) {
				err = fmt.Errorf("%s: %.300s", res.Status, body)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// soon tries until something works, for half a minute.
func soon(ctx context.Context, what string, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// write puts a file into the world's directory.
func (w *World) write(name, text string) (string, error) {
	file := filepath.Join(w.dir, name)
	return file, os.WriteFile(file, []byte(text), 0o600)
}
