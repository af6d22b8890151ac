package proof_test

import (
	"testing"

	"github.com/optup/optup/internal/ledger/proof"
)

// Of a whole batch, as one commit appends it.
func BenchmarkAppend256(b *testing.B) {
	_, f, _ := grow(b, 1000)
	leaves := make([]proof.Hash, 256)
	for i := range leaves {
		leaves[i] = leafAt(i)
	}
	b.ReportAllocs()
	for b.Loop() {
		next, _ := f.Append(leaves...)
		_ = next.Root()
	}
}

func BenchmarkInclusion(b *testing.B) {
	k, _, _ := grow(b, 200_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := proof.Inclusion(k, 77_777, 200_000); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyInclusion(b *testing.B) {
	k, f, _ := grow(b, 200_000)
	path, err := proof.Inclusion(k, 77_777, 200_000)
	if err != nil {
		b.Fatal(err)
	}
	root := f.Root()
	b.ReportAllocs()
	for b.Loop() {
		if err := proof.VerifyInclusion(77_777, 200_000, k.leaves[77_776], path, root); err != nil {
			b.Fatal(err)
		}
	}
}
