package server

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/optup/optup/internal/identity"
)

// ClusterKeys are the keys that the cluster signs service account tokens with. They are fetched regularly; a failed fetch leaves
// the last ones in force, and before the first there are none.
type ClusterKeys struct {
	// Fetch gives the JWKS document.
	Fetch func(context.Context) ([]byte, error)
	// Failed is told of fetches that failed; it may be nil.
	Failed func(error)

	keys atomic.Pointer[identity.StaticKeys]
	raw  atomic.Pointer[[]byte]
}

// Key implements identity.KeySource.
func (k *ClusterKeys) Key(id string) (jose.JSONWebKey, bool) {
	if s := k.keys.Load(); s != nil {
		return s.Key(id)
	}
	return jose.JSONWebKey{}, false
}

// JWKS gives the document that was fetched last; nil before the first.
func (k *ClusterKeys) JWKS() []byte {
	if p := k.raw.Load(); p != nil {
		return *p
	}
	return nil
}

// Refresh fetches once.
func (k *ClusterKeys) Refresh(ctx context.Context) error {
	raw, err := k.Fetch(ctx)
	if err != nil {
		return err
	}
	keys, err := identity.KeysFromBytes(raw)
	if err != nil {
		return err
	}
	k.keys.Store(keys)
	k.raw.Store(&raw)
	return nil
}

// Start fetches every five minutes, and every five seconds while there are no keys, until ctx ends.
func (k *ClusterKeys) Start(ctx context.Context) error {
	for {
		if err := k.Refresh(ctx); err != nil && k.Failed != nil {
			k.Failed(err)
		}
		pause := 5 * time.Minute
		if k.keys.Load() == nil {
			pause = 5 * time.Second
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// NeedLeaderElection tells that every replica needs the keys.
func (k *ClusterKeys) NeedLeaderElection() bool { return false }
