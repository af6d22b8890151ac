package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// maxManifest is more than any manifest takes; the OCI distribution specification asks registries to accept 4 MiB.
const maxManifest = 4 << 20

var manifestPath = regexp.MustCompile(`^/v2/.+/manifests/[^/]+$`)

// storedManifest is one accepted upload of a manifest, as it was sent.
type storedManifest struct {
	Path        string `json:"path"`
	ContentType string `json:"contentType"`
	Body        []byte `json:"body"`
}

// lastingRegistry is an image registry that survives a restart. The library keeps blobs on disk but manifests only in memory, so
// accepted manifests are written down here and sent again at the start.
type lastingRegistry struct {
	inner http.Handler
	dir   string
}

// newRegistry opens the registry kept in dir. The handler is safe for concurrent use.
func newRegistry(dir string, logger *log.Logger) (http.Handler, error) {
	r := lastingRegistry{dir: filepath.Join(dir, "manifests")}
	for _, folder := range []string{r.dir, filepath.Join(dir, "blobs")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
	}
	r.inner = registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(filepath.Join(dir, "blobs"))), registry.Logger(logger))
	return r, r.replay()
}

func (r lastingRegistry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	changes := request.Method == http.MethodPut || request.Method == http.MethodDelete
	if !changes || !manifestPath.MatchString(request.URL.Path) {
		r.inner.ServeHTTP(w, request)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxManifest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	r.inner.ServeHTTP(answer, request)
	if answer.Code < 300 {
		err := r.keep(request.Method, storedManifest{Path: request.URL.Path, ContentType: request.Header.Get("Content-Type"), Body: body})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// keep writes by rename, so that a start never reads half a manifest.
func (r lastingRegistry) keep(method string, m storedManifest) error {
	sum := sha256.Sum256([]byte(m.Path))
	file := filepath.Join(r.dir, hex.EncodeToString(sum[:])+".json")
	if method == http.MethodDelete {
		if err := os.Remove(file); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// replay sends the stored manifests until no further one is accepted: an index is refused before the images it lists.
func (r lastingRegistry) replay() error {
	files, err := filepath.Glob(filepath.Join(r.dir, "*.json"))
	if err != nil {
		return err
	}
	var waiting []storedManifest
	for _, file := range files {
		var m storedManifest
		data, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(data, &m)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		waiting = append(waiting, m)
	}
	for progress := true; progress && len(waiting) > 0; {
		progress = false
		var refused []storedManifest
		for _, m := range waiting {
			request := httptest.NewRequest(http.MethodPut, m.Path, bytes.NewReader(m.Body))
			request.Header.Set("Content-Type", m.ContentType)
			answer := httptest.NewRecorder()
			if r.inner.ServeHTTP(answer, request); answer.Code < 300 {
				progress = true
			} else {
				refused = append(refused, m)
			}
		}
		waiting = refused
	}
	return nil
}

// serveRegistry runs until the context ends. It listens on loopback only: whoever can push decides what pods run.
func serveRegistry(ctx context.Context, dir string) error {
	handler, err := newRegistry(dir, log.New(os.Stderr, "", log.LstdFlags))
	if err != nil {
		return err
	}
	server := &http.Server{Addr: registryAddr, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
