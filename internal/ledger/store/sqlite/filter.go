package sqlite

import (
	"errors"
	"sync"

	"github.com/bits-and-blooms/bloom/v3"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
)

const (
	// leastRoom and mostRoom bound the keys that a filter is made for: at ten bits a key, 80 KiB and 40 MiB. One that holds more says less.
	leastRoom = 1 << 16
	mostRoom  = 1 << 25
	// falsely is how many keys that are not in the index a full filter takes to be there.
	falsely = 0.01
)

// keyFilter is a Bloom filter of the keys in their index, so that it is not searched for nearly all that were never used. It is read in while the
// ledger works, and is the appender's.
type keyFilter struct {
	// scan shows all keys of the index, as it is at a moment after scan was called, until it is stopped.
	scan func(stop <-chan struct{}, show func(key []byte)) error
	// filter holds every key of the index; nil while it is not known. Held is how many it has, and room for how many it is.
	filter     *bloom.BloomFilter
	held, room int
	// coming is where a filter that is read in comes from, or nothing if that fails; nil if none is. Since are the keys that went into the index
	// since that began.
	coming chan *bloom.BloomFilter
	stop   chan struct{}
	since  []journal.KeyID
	// failed tells that reading it in failed, which is tried again after more keys went into the index.
	failed bool
	work   sync.WaitGroup
}

// lacks tells that a key is not in the index. It may be that it is not there otherwise, too.
func (f *keyFilter) lacks(id journal.KeyID) bool { return f.filter != nil && !f.filter.Test(id[:]) }

// add takes a key that goes into the index.
func (f *keyFilter) add(id journal.KeyID) {
	f.failed = false
	if f.filter != nil {
		f.filter.Add(id[:])
		f.held++
	}
	if f.coming != nil {
		f.since = append(f.since, id)
	}
}

// prepare takes the filter that was read in, and begins to read one in where there is none, or none that is large enough. There are about so many
// keys in the index.
func (f *keyFilter) prepare(keys int64) {
	if f.coming != nil {
		select {
		case came := <-f.coming:
			f.take(came)
		default:
			return
		}
	}
	if f.failed || (f.filter != nil && (f.held <= f.room || f.room == mostRoom)) {
		return
	}
	f.room, f.held = int(min(leastRoom+keys+keys/2, mostRoom)), int(keys)
	coming, stop, room := make(chan *bloom.BloomFilter, 1), make(chan struct{}), uint(f.room)
	f.coming, f.stop = coming, stop
	f.work.Go(func() {
		all := bloom.NewWithEstimates(room, falsely)
		if err := f.scan(stop, func(key []byte) { all.Add(key) }); err != nil {
			all = nil
		}
		coming <- all
	})
}

func (f *keyFilter) take(came *bloom.BloomFilter) {
	if f.failed = came == nil; !f.failed {
		for _, id := range f.since {
			came.Add(id[:])
		}
		f.held += len(f.since)
		f.filter = came
	}
	f.coming, f.stop, f.since = nil, nil, nil
}

// forget forgets what the index has, because somebody else may have put keys there.
func (f *keyFilter) forget() {
	if f.stop != nil {
		close(f.stop)
	}
	f.filter, f.coming, f.stop, f.since, f.failed = nil, nil, nil, nil, false
}

// close ends what is read in.
func (f *keyFilter) close() {
	f.forget()
	f.work.Wait()
}

// indexedKeys scans the index of a database, on a connection of its own.
func indexedKeys(path string) func(stop <-chan struct{}, show func(key []byte)) error {
	return func(stop <-chan struct{}, show func(key []byte)) (err error) {
		c, err := openReading(path)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.Close()) }()
		s, err := c.Prepare(`SELECT key FROM hashed_keys`)
		if err != nil {
			return err
		}
		return each(s, func() error {
			select {
			case <-stop:
				return store.ErrClosed
			default:
				show(s.Blob(0))
				return nil
			}
		})
	}
}
