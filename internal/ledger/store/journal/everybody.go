package journal

import (
	"errors"
	"runtime"
	"sync"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// Row is an identity as it is read, with its tags joined and its record as it is kept. Who is linked with others has Links. The bytes may be
// used again.
type Row struct {
	ID, Cluster        int64
	Type, Tags, Record []byte
	Links              []int64
}

// chunkRows is about how many rows a worker gets at once.
const chunkRows = 256

// errStopped ends the reading when somebody else has failed.
var errStopped = errors.New("the reading was stopped")

// Everybody decodes rows on all processors and visits the people in them one at a time, in no order; the identities of one person follow
// each other. Read hands on rows, those of a cluster one after the other; it runs besides, and has ended when Everybody returns.
func Everybody(read func(add func(Row) error) error, visit func(store.Person) error) error {
	e := &everybody{in: make(chan *chunk, 2), out: make(chan decoded, 2), stop: make(chan struct{})}
	go func() {
		e.read = e.fill(read)
		close(e.in)
	}()
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			d := decoders.Get().(*decoder)
			defer decoders.Put(d)
			defer d.expect(0)
			for c := range e.in {
				people, err := c.decode(d)
				chunks.Put(c)
				e.out <- decoded{people, err}
			}
		})
	}
	go func() {
		workers.Wait()
		close(e.out)
	}()
	err := e.visit(visit)
	if err == nil {
		err = e.read // it was written before the channels were closed
	}
	return err
}

type everybody struct {
	in   chan *chunk
	out  chan decoded
	stop chan struct{}
	read error
}

type decoded struct {
	people []store.Person
	err    error
}

// fill makes chunks of whole clusters.
func (e *everybody) fill(read func(add func(Row) error) error) error {
	c := empty()
	send := func() error {
		select {
		case e.in <- c:
			c = empty()
			return nil
		case <-e.stop:
			return errStopped
		}
	}
	err := read(func(r Row) error {
		if n := len(c.rows); n >= chunkRows && c.rows[n-1].cluster != r.Cluster {
			if err := send(); err != nil {
				return err
			}
		}
		c.add(r)
		return nil
	})
	if err == nil && len(c.rows) > 0 {
		err = send()
	}
	return err
}

// visit visits until something fails, and waits until nobody works any more.
func (e *everybody) visit(visit func(store.Person) error) (failed error) {
	stop := sync.OnceFunc(func() { close(e.stop) })
	for d := range e.out {
		if failed == nil {
			failed = d.err
		}
		for i := 0; i < len(d.people) && failed == nil; i++ {
			failed = visit(d.people[i])
		}
		if failed != nil {
			stop()
		}
	}
	return failed
}

// chunk is some rows, whose bytes stand one after the other: type, tags and record of each.
type chunk struct {
	rows  []place
	bytes []byte
	links []consent.Link
	tags  int // of all rows
}

type place struct {
	id, cluster int64
	// Where each of them ends.
	kind, tags, bytes, links int
}

// chunks are used again.
var chunks = sync.Pool{New: func() any { return &chunk{} }}

func empty() *chunk {
	c := chunks.Get().(*chunk)
	c.rows, c.bytes, c.links, c.tags = c.rows[:0], c.bytes[:0], c.links[:0], 0
	return c
}

// add appends a row; one that is there already has more links.
func (c *chunk) add(r Row) {
	for _, p := range r.Links {
		c.links = append(c.links, consent.Link{ID: r.ID, Position: consent.Position(p)})
	}
	if n := len(c.rows); n > 0 && c.rows[n-1].id == r.ID {
		c.rows[n-1].links = len(c.links)
		return
	}
	p := place{id: r.ID, cluster: r.Cluster, links: len(c.links)}
	c.bytes = append(c.bytes, r.Type...)
	p.kind = len(c.bytes)
	c.bytes = append(c.bytes, r.Tags...)
	p.tags = len(c.bytes)
	c.tags += len(r.Tags) / len(consent.Tag{})
	c.bytes = append(c.bytes, r.Record...)
	p.bytes = len(c.bytes)
	c.rows = append(c.rows, p)
}

func (c *chunk) decode(d *decoder) ([]store.Person, error) {
	out, tags := make([]store.Person, 0, len(c.rows)), make([]consent.Tag, 0, c.tags)
	d.expect(len(c.rows))
	var cluster Loaded
	from, links := 0, 0
	for i := range c.rows {
		p := &c.rows[i]
		first := len(tags)
		tags = appendTags(tags, c.bytes[p.kind:p.tags])
		id := Identity{
			ID: p.id, Cluster: p.cluster, Type: consent.IdentifierType(d.word(c.bytes[from:p.kind])), Tags: tags[first:len(tags):len(tags)],
		}
		var err error
		if id.Record, err = d.decode(c.bytes[p.tags:p.bytes]); err != nil {
			return nil, err
		}
		from = p.bytes
		cluster.Identities = append(cluster.Identities, id)
		if i+1 < len(c.rows) && c.rows[i+1].cluster == p.cluster {
			continue
		}
		if len(cluster.Identities) == 1 {
			out = append(out, store.Person{Group: id.ID, Tags: id.Tags, Type: id.Type, Record: id.Record})
		} else {
			cluster.Links = c.links[links:p.links]
			out = append(out, cluster.People()...)
		}
		cluster.Identities, links = cluster.Identities[:0], p.links
	}
	return out, nil
}
