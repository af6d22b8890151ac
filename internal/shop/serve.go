package shop

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// Serve serves handlers by address (host:port) until the context ends or one of them fails, and then lets open requests finish
// for up to 5 seconds. It returns nil after an ordinary end.
func Serve(ctx context.Context, handlers map[string]http.Handler) error {
	return ServeTLS(ctx, handlers, "", "", "")
}

// ServeTLS is Serve with TLS at one of the addresses, with a certificate and its key from files (PEM).
func ServeTLS(ctx context.Context, handlers map[string]http.Handler, secure, certificate, key string) error {
	failed := make(chan error, len(handlers))
	servers := make([]*http.Server, 0, len(handlers))
	for address, h := range handlers {
		s := &http.Server{Addr: address, Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
		servers = append(servers, s)
		go func() {
			if address == secure {
				failed <- s.ListenAndServeTLS(certificate, key)
				return
			}
			failed <- s.ListenAndServe()
		}()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, s := range servers {
		err = errors.Join(err, s.Shutdown(end))
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// healthy adds the probe that says the program is up.
func healthy(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
}
