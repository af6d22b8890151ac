package journal

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// Reader decodes rows one by one, with no memory for each. It is for one goroutine, and ends with Close.
type Reader struct {
	d    *decoder
	kind consent.IdentifierType // of the one before
	tags []consent.Tag
}

// NewReader returns a reader.
func NewReader() *Reader {
	d := decoders.Get().(*decoder)
	d.lent = &consent.Record{}
	return &Reader{d: d}
}

// Close ends the reader.
func (r *Reader) Close() {
	r.d.lent = nil
	decoders.Put(r.d)
}

// Alone gives the person of an identity that is linked with no other. It is for the time until the next call.
func (r *Reader) Alone(row Row) (store.Person, error) {
	record, err := r.d.decode(row.Record)
	if err != nil {
		return store.Person{}, err
	}
	r.tags = appendTags(r.tags[:0], row.Tags)
	if string(row.Type) != string(r.kind) {
		r.kind = consent.IdentifierType(r.d.word(row.Type))
	}
	return store.Person{Group: row.ID, Tags: r.tags, Type: r.kind, Record: record}, nil
}
