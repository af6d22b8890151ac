package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/roots"
)

// trustTime is how long an application's start waits for authorities that a manager does not send.
const trustTime = time.Minute

// interception is what the manager sends to end TLS with, and what applications trust because of it.
type interception struct {
	leaves *intercept.Leaves
	// dir is the folder that applications read what they trust from; empty where they read none.
	dir string
	// private is a folder with authorities that applications trust besides the public ones; empty for none.
	private string
	mu      sync.Mutex
	own     [][]byte
	written atomic.Bool
	late    *time.Timer
}

func newInterception(dir, private string) (*interception, error) {
	leaves, err := intercept.NewLeaves()
	if err != nil {
		return nil, err
	}
	x := &interception{leaves: leaves, dir: dir, private: private}
	if dir == "" {
		return x, nil
	}
	own, written := intercept.ReadTrust(dir) // by a sidecar before this one, in the same pod
	x.own = own
	x.written.Store(written)
	return x, nil
}

// ready tells whether applications may start: they read what to trust once, when they do.
func (x *interception) ready() bool { return x.dir == "" || x.written.Load() }

// trusted are the ids of what applications trust.
func (x *interception) trusted() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]string, 0, len(x.own))
	for _, der := range x.own {
		out = append(out, intercept.ID(der))
	}
	return out
}

// take brings into force what came with an update. What cannot be used leaves TLS refused, and holds up no bundle.
func (x *interception) take(u client.Update) {
	if u.Interception != nil {
		err := x.leaves.Take(u.Interception.Leaves)
		if err == nil {
			x.trust(u.Interception.Authorities)
			return
		}
		slog.Error("the certificates to end TLS with cannot be used; TLS is refused", "error", err)
	}
	switch {
	case u.Bundle == nil || x.ready():
	case len(intercept.Hosts(u.Bundle)) == 0:
		x.trust(nil)
	default:
		x.startLate()
	}
}

// startLate has the application start without an authority where none comes.
func (x *interception) startLate() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.late != nil {
		return
	}
	x.late = time.AfterFunc(trustTime, func() {
		if !x.ready() {
			slog.Warn("the manager sends no authority for interception; the application starts and does not trust one")
			x.trust(nil)
		}
	})
}

// trust adds authorities to those that applications trust. None is taken away: applications that run go on with what they have read.
func (x *interception) trust(authorities [][]byte) {
	if x.dir == "" {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	own := slices.Clone(x.own)
	for _, der := range authorities {
		if !slices.ContainsFunc(own, func(had []byte) bool { return bytes.Equal(had, der) }) {
			own = append(own, der)
		}
	}
	if x.written.Load() && len(own) == len(x.own) {
		return
	}
	if err := intercept.WriteTrust(x.dir, x.dir, slices.Concat(roots.All(), x.others()), own); err != nil {
		slog.Error("what applications trust could not be written", "error", err)
		return
	}
	x.own = own
	x.written.Store(true)
}

// others are the authorities of the namespace. A file that cannot be read is told of and left out: the application may need none of them.
func (x *interception) others() (out [][]byte) {
	if x.private == "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(x.private, "*"))
	if err != nil {
		return nil
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // the folders with which the kubelet changes files
		}
		found := false
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			if _, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
				found, out = true, append(out, block.Bytes)
			}
		}
		if !found {
			slog.Warn("a file of private authorities holds no certificate", "file", filepath.Base(f))
		}
	}
	return out
}
