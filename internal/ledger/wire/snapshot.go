package wire

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/optup/optup/internal/consent"
)

const tagSize = len(consent.Tag{})

// AppendFacts appends a combination of facts, as facts.Encode made it, to the payload of a frame of TypeFacts.
func AppendFacts(dst, combination []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(combination))), combination...)
}

// EachFacts visits the combinations of a payload. What it hands out is valid for the call only.
func EachFacts(payload []byte, visit func(combination []byte) error) error {
	for len(payload) > 0 {
		n, size := binary.Uvarint(payload)
		if size <= 0 || n > uint64(len(payload)-size) {
			return fmt.Errorf("%w: combinations of facts", ErrFrame)
		}
		if err := visit(payload[size : size+int(n)]); err != nil {
			return err
		}
		payload = payload[size+int(n):]
	}
	return nil
}

// AppendPerson appends a person with the combination of a number to the payload of a frame of TypePeople.
func AppendPerson(dst []byte, number uint32, tags []consent.Tag) []byte {
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(number)), uint64(len(tags)))
	for i := range tags {
		dst = append(dst, tags[i][:]...)
	}
	return dst
}

// Tags are the people of a frame, one entry for each tag. They are used again for the next frame.
type Tags struct {
	Tags    []consent.Tag
	Numbers []uint32
}

// Read reads the payload of a frame of TypePeople. Each person has a tag at least.
func (p *Tags) Read(payload []byte) error {
	p.Tags, p.Numbers = p.Tags[:0], p.Numbers[:0]
	for len(payload) > 0 {
		number, size := binary.Uvarint(payload)
		if size <= 0 || number > math.MaxUint32 {
			return fmt.Errorf("%w: people", ErrFrame)
		}
		payload = payload[size:]
		n, size := binary.Uvarint(payload)
		if size <= 0 || n == 0 || n > uint64((len(payload)-size)/tagSize) {
			return fmt.Errorf("%w: people", ErrFrame)
		}
		payload = payload[size:]
		for range n {
			p.Tags = append(p.Tags, consent.Tag(payload[:tagSize]))
			p.Numbers = append(p.Numbers, uint32(number))
			payload = payload[tagSize:]
		}
	}
	return nil
}
