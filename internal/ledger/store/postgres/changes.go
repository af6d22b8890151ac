package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/klauspost/compress/s2"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// What a change says in its first byte.
const (
	flagHashed = 1 << iota
	flagRoot
	// flagPacked stands alone, in front of changes that are packed.
	flagPacked = 1 << 7
)

// teller puts together what commits tell the other replicas, in memory that one uses after the other.
type teller struct {
	// packs tells whether it is packed.
	packs       bool
	raw, packed []byte
	records     encoder
}

// maxUnpacked bounds what packed changes may come to, in bytes.
const maxUnpacked = 1 << 30

func (t *teller) body(d *journal.Delta, records *encoder) (body []byte, err error) {
	if t.raw, err = encodeChanges(t.raw[:0], d.Changes, d.Events, records); err != nil || !t.packs || len(t.raw) > maxUnpacked {
		return t.raw, err
	}
	t.packed = pack(t.packed[:0], t.raw)
	return t.packed, nil
}

// pack appends changes, packed: they say the same words for each event, and the database would keep and copy all of them.
func pack(out, changes []byte) []byte {
	at := len(out) + 1
	out = append(slices.Grow(out, 1+s2.MaxEncodedLen(len(changes))), flagPacked)
	return out[:at+len(s2.Encode(out[at:cap(out)], changes))]
}

func unpack(packed []byte) ([]byte, error) {
	if n, err := s2.DecodedLen(packed); err != nil || n > maxUnpacked {
		return nil, fmt.Errorf("%w: changes", errDamaged)
	}
	changes, err := s2.Decode(nil, packed)
	if err != nil {
		return nil, fmt.Errorf("%w: changes", errDamaged)
	}
	return changes, nil
}

// encodeChanges appends what Watch shows of a commit, as the other replicas read it: for each change whether it is hashed, its root if it has
// one, its event as the entry in the log has it, and its people with group, type, tags and record. What has a length stands behind it.
func encodeChanges(out []byte, changes []store.Change, events []journal.Event, records *encoder) ([]byte, error) {
	for i := range changes {
		c := &changes[i]
		flags := byte(0)
		if c.Hashed {
			flags |= flagHashed
		}
		if c.Root != (proof.Hash{}) {
			flags |= flagRoot
		}
		if out = append(out, flags); flags&flagRoot != 0 {
			out = append(out, c.Root[:]...)
		}
		event := eventOf(events[i].Entry)
		out = append(append(binary.AppendUvarint(out, uint64(len(event)+1)), event...), '}')
		out = binary.AppendUvarint(out, uint64(len(c.People)))
		for j := range c.People {
			p := &c.People[j]
			record, err := records.record(p.Record)
			if err != nil {
				return out, err
			}
			out = binary.AppendUvarint(out, uint64(p.Group))
			out = sized(out, []byte(p.Type))
			out = binary.AppendUvarint(out, uint64(len(p.Tags)))
			for k := range p.Tags {
				out = append(out, p.Tags[k][:]...)
			}
			out = sized(out, record)
		}
	}
	return out, nil
}

// eventOf is an entry up to its identities and without the bracket that closes it: whose tags they are stands beside the people. What is written
// within a string has its quotes escaped, so that the first such member is the one.
func eventOf(entry []byte) []byte {
	if at := bytes.Index(entry, []byte(`,"identities":`)); at >= 0 {
		return entry[:at]
	}
	return entry[:max(len(entry)-1, 0)]
}

func sized(dst, b []byte) []byte { return append(binary.AppendUvarint(dst, uint64(len(b))), b...) }

// decodeChanges reads what encodeChanges wrote, packed or not.
func decodeChanges(body []byte) (out []store.Change, err error) {
	if len(body) > 0 && body[0] == flagPacked {
		if body, err = unpack(body[1:]); err != nil {
			return nil, err
		}
	}
	r := reader{rest: body}
	for len(r.rest) > 0 && !r.short {
		flags := r.take(1)[0]
		c := store.Change{Hashed: flags&flagHashed != 0}
		if flags&flagRoot != 0 {
			copy(c.Root[:], r.take(len(c.Root)))
		}
		entry, err := store.DecodeEntry([]byte(r.sized()))
		if err != nil {
			return nil, fmt.Errorf("%w: changes", errDamaged)
		}
		c.Event = entry.Event
		for n := r.number(); n > 0 && !r.short; n-- {
			p := store.Person{Group: int64(r.number()), Type: consent.IdentifierType(r.sized())}
			for tags := r.number(); tags > 0 && !r.short; tags-- {
				var t consent.Tag
				copy(t[:], r.take(len(t)))
				p.Tags = append(p.Tags, t)
			}
			if p.Record, err = journal.DecodeRecord([]byte(r.sized())); err != nil {
				return nil, fmt.Errorf("%w: changes", errDamaged)
			}
			c.People = append(c.People, p)
		}
		out = append(out, c)
	}
	if r.short {
		return nil, fmt.Errorf("%w: changes", errDamaged)
	}
	return out, nil
}

// reader takes what is in front; short tells that there was less.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) string {
	if r.short = r.short || n < 0 || n > len(r.rest); r.short {
		return ""
	}
	out := string(r.rest[:n])
	r.rest = r.rest[n:]
	return out
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if r.short = r.short || size <= 0; r.short {
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) sized() string { return r.take(int(min(r.number(), 1<<31))) }
