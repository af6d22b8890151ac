package uses

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// errFull reports a spool without room. What is in it is older, and stays.
var errFull = errors.New("the spool of use records is full")

const (
	lanePrefix  = "ledger-"
	batchSuffix = ".json"
	partSuffix  = ".part"
)

// spool keeps the batches for one ledger in their order, in a folder or, where dir is empty, in memory. It is safe for concurrent use.
type spool struct {
	dir string
	max int64

	mu    sync.Mutex
	queue []batch
	bytes int64
	last  int64
}

type batch struct {
	name string
	size int64
	data []byte // only in memory
}

// openSpool takes up what is in a folder.
func openSpool(dir string, max int64) (*spool, error) {
	s := &spool{dir: dir, max: max}
	if dir == "" {
		return s, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir) // sorted by name, which begins with the time
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), partSuffix) {
			_ = os.Remove(filepath.Join(dir, e.Name())) // a process was killed over it
			continue
		}
		if info, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), batchSuffix) {
			s.queue = append(s.queue, batch{name: e.Name(), size: info.Size()})
			s.bytes += info.Size()
		}
	}
	return s, nil
}

// put appends a copy of a batch. It never overwrites one.
func (s *spool) put(id string, raw []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes+int64(len(raw)) > s.max {
		return errFull
	}
	s.last = max(s.last+1, time.Now().UnixNano())
	b := batch{name: order(s.last) + "-" + id + batchSuffix, size: int64(len(raw))}
	if s.dir == "" {
		b.data = slices.Clone(raw)
	} else if err := s.write(b.name, raw); err != nil {
		return err
	}
	s.queue = append(s.queue, b)
	s.bytes += b.size
	return nil
}

// write makes the file appear whole. It is not synced: the folder is as lasting as the pod, and a machine that fails takes both.
func (s *spool) write(name string, raw []byte) error {
	tmp := filepath.Join(s.dir, name+partSuffix)
	if err := os.WriteFile(tmp, raw, 0o600); err != nil {
		_ = os.Remove(tmp)
		return err
	}
	return os.Rename(tmp, filepath.Join(s.dir, name))
}

// order is a number of 19 digits, so that names sort by it.
func order(n int64) string {
	digits := []byte("0000000000000000000")
	for i := len(digits) - 1; n > 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return string(digits)
}

// oldest gives the oldest batch; false if there is none.
func (s *spool) oldest() (name string, raw []byte, ok bool, err error) {
	s.mu.Lock()
	if len(s.queue) == 0 {
		s.mu.Unlock()
		return "", nil, false, nil
	}
	b := s.queue[0]
	s.mu.Unlock()
	if s.dir == "" {
		return b.name, b.data, true, nil
	}
	raw, err = os.ReadFile(filepath.Join(s.dir, b.name))
	return b.name, raw, true, err
}

// drop takes a batch out.
func (s *spool) drop(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.queue, func(b batch) bool { return b.name == name }); i >= 0 {
		s.bytes -= s.queue[i].size
		s.queue = slices.Delete(s.queue, i, i+1)
	}
	if s.dir == "" {
		return nil
	}
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *spool) size() (int, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue), s.bytes
}

// laneDir is the folder for a controller within dir, and laneOf the other way round.
func laneDir(dir, controller string) string {
	return filepath.Join(dir, lanePrefix+url.PathEscape(controller))
}

func laneOf(folder string) (string, bool) {
	name, ok := strings.CutPrefix(folder, lanePrefix)
	if !ok {
		return "", false
	}
	controller, err := url.PathUnescape(name)
	return controller, err == nil
}
