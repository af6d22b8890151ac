package api

import (
	"net/http"
	"time"

	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/audit"
)

// writePart is how long one part of an export may take to be sent; a whole one may take hours.
const writePart = 30 * time.Second

// export answers GET /v1/export with the whole log up to now.
func (a *API) export(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	h, err := a.Store.Head(r.Context())
	if err != nil {
		return err
	}
	to := &slowly{w: w, control: http.NewResponseController(w)}
	x := audit.Exported{Controller: a.Guard.Config().Controller, KeyID: a.Keys.ID(), Epoch: h.Epoch, Size: h.Position}
	if h.Scheme != store.First {
		all, err := a.Store.RootKeys(r.Context())
		if err != nil {
			return err
		}
		// A key that is introduced right now is not one of the log as it was read.
		x.Scheme, x.RootKeys = h.Scheme, all[:min(len(all), h.Scheme.Newest()-1)]
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	if err := audit.Export(r.Context(), to, x, h.Root, a.Store, a.Signer); err != nil {
		if r.Context().Err() == nil {
			a.Logger.Error("an export broke off", "request", w.Header().Get(requestHeader), "error", err)
		}
		// The signature at the end is missing then, and the connection ends within the answer: nobody takes it for whole.
		panic(http.ErrAbortHandler)
	}
	return nil
}

// slowly gives each part of an answer its own deadline.
type slowly struct {
	w       http.ResponseWriter
	control *http.ResponseController
	until   time.Time
}

// Write implements io.Writer.
func (s *slowly) Write(b []byte) (int, error) {
	if now := time.Now(); s.until.Sub(now) < writePart/2 {
		s.until = now.Add(writePart)
		if err := s.control.SetWriteDeadline(s.until); err != nil {
			return 0, err
		}
	}
	return s.w.Write(b)
}
