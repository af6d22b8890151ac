package proxy

import (
	"maps"
	"sync"
	"sync/atomic"
)

// maxCached bounds a cache. Keys are names of resources and reasons, so it is never reached unless bundles change without end.
const maxCached = 16384

// cache keeps what was made for a key. Reading takes no lock and allocates nothing; the zero value is empty.
type cache[K comparable, V any] struct {
	mu  sync.Mutex
	all atomic.Pointer[map[K]V]
}

// get gives what was made for k, and makes it the first time.
func (c *cache[K, V]) get(k K, build func() V) V {
	if m := c.all.Load(); m != nil {
		if v, ok := (*m)[k]; ok {
			return v
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.all.Load()
	if old != nil {
		if v, ok := (*old)[k]; ok {
			return v
		}
	}
	v := build()
	next := map[K]V{}
	if old != nil && len(*old) < maxCached {
		next = maps.Clone(*old)
	}
	next[k] = v
	c.all.Store(&next)
	return v
}
