package credential

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/optup/optup/internal/ir"
)

// Store holds the values that are in force. It is safe for concurrent use; a nil Store holds nothing.
type Store struct {
	mu     sync.Mutex
	values atomic.Pointer[map[ir.Value]Secret]
}

// Get gives a value of a service; false where there is none.
func (s *Store) Get(service, id string) (Secret, bool) {
	if s == nil {
		return Secret{}, false
	}
	if m := s.values.Load(); m != nil {
		v, ok := (*m)[ir.Value{Service: service, ID: id}]
		return v, ok
	}
	return Secret{}, false
}

// Put takes values into force. An empty one means that there is none any more.
func (s *Store) Put(values map[ir.Value]Secret) {
	s.change(func(m map[ir.Value]Secret) {
		for name, v := range values {
			if v.Empty() {
				delete(m, name)
			} else {
				m[name] = v
			}
		}
	})
}

// Keep forgets what is not wanted.
func (s *Store) Keep(wanted []ir.Value) {
	s.change(func(m map[ir.Value]Secret) {
		maps.DeleteFunc(m, func(v ir.Value, _ Secret) bool { return !slices.Contains(wanted, v) })
	})
}

func (s *Store) change(with func(map[ir.Value]Secret)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[ir.Value]Secret{}
	if m := s.values.Load(); m != nil {
		maps.Copy(next, *m)
	}
	with(next)
	s.values.Store(&next)
}
