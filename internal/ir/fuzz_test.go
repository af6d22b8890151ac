package ir_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/testkit/arbitrary"
)

// FuzzDecode: whatever comes over the wire, decoding ends; what it accepts is valid and has one encoding.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"schema":1,"mode":"Enforce","ungoverned":{"action":"Deny"},"freshnessBoundMillis":30000}`))
	f.Add([]byte(`{"schema":1,"critical":["unheard"]}`))
	for i := range 16 {
		source := arbitrary.From(bytes.Repeat([]byte{byte(17 * i), byte(31 * i), 3, byte(i)}, 400))
		for _, b := range compile.Compile(source.Snapshot()).Bundles {
			f.Add(b.Encoded)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ir.Decode(data)
		if err != nil {
			if !errors.Is(err, ir.ErrBundle) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		if err := ir.Validate(b); err != nil {
			t.Fatalf("it is accepted and not valid: %v", err)
		}
		encoded, err := ir.Encode(b)
		if err != nil {
			if plain, _ := json.Marshal(b); len(plain) > ir.MaxBundleBytes/2 {
				return // one encoding may be longer than another
			}
			t.Fatal(err)
		}
		again, err := ir.Decode(encoded)
		if err != nil {
			t.Fatalf("what it encodes it does not decode: %v", err)
		}
		if twice, err := ir.Encode(again); err != nil || !bytes.Equal(twice, encoded) {
			t.Fatalf("two encodings of one bundle: %v\n%s\n%s", err, encoded, twice)
		}
	})
}
