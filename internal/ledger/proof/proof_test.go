package proof_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
)

// kept is what a store keeps of a log.
type kept struct {
	leaves []proof.Hash
	nodes  map[int][]proof.Hash
	reads  int
}

func (k *kept) Leaves(first consent.Position, n int) ([]proof.Hash, error) {
	return k.cut(k.leaves, uint64(first-1), n)
}

func (k *kept) Nodes(level int, first uint64, n int) ([]proof.Hash, error) {
	return k.cut(k.nodes[level], first, n)
}

func (k *kept) cut(hashes []proof.Hash, first uint64, n int) ([]proof.Hash, error) {
	k.reads++
	if n < 1 || n > 256 || first%256 != 0 || first+uint64(n) > uint64(len(hashes)) {
		return nil, fmt.Errorf("%d hashes from %d of %d", n, first, len(hashes))
	}
	return hashes[first : first+uint64(n)], nil
}

// add keeps what a store would and fails if a node does not follow the one before it.
func (k *kept) add(t testing.TB, nodes []proof.Node, leaves ...proof.Hash) {
	k.leaves = append(k.leaves, leaves...)
	for _, n := range nodes {
		if n.Level%8 != 0 || n.Level == 0 || n.Index != uint64(len(k.nodes[n.Level])) {
			t.Fatalf("node %d of level %d after %d", n.Index, n.Level, len(k.nodes[n.Level]))
		}
		k.nodes[n.Level] = append(k.nodes[n.Level], n.Hash)
	}
}

func leafAt(i int) proof.Hash {
	var entry [8]byte
	binary.BigEndian.PutUint64(entry[:], uint64(i))
	return proof.Leaf(proof.Salt{byte(i)}, entry[:])
}

// grow makes a log of n leaves, in batches of random sizes, and the reference beside it.
func grow(t testing.TB, n int) (*kept, proof.Frontier, *testonly.Tree) {
	k, want := &kept{nodes: map[int][]proof.Hash{}}, testonly.New(rfc6962.DefaultHasher)
	var f proof.Frontier
	random := rand.New(rand.NewPCG(1, uint64(n)))
	for done := 0; done < n; {
		batch := make([]proof.Hash, min(n-done, 1+random.IntN(700)))
		for i := range batch {
			batch[i] = leafAt(done + i)
			want.Append(batch[i][:])
		}
		done += len(batch)
		before := f
		var nodes []proof.Node
		f, nodes = f.Append(batch...)
		k.add(t, nodes, batch...)
		if again, _ := before.Append(batch...); !again.Equal(f) {
			t.Fatal("appending changed the frontier that was appended to")
		}
		if root := f.Root(); !bytes.Equal(root[:], want.Hash()) || f.Size() != consent.Position(done) {
			t.Fatalf("another root at %d", done)
		}
	}
	return k, f, want
}

func same(t *testing.T, what string, got []proof.Hash, want [][]byte, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !slices.EqualFunc(got, want, func(a proof.Hash, b []byte) bool { return bytes.Equal(a[:], b) }) {
		t.Fatalf("%s: another proof than the reference has", what)
	}
}

func TestLeafIsThatOfTheStandard(t *testing.T) {
	salt := proof.Salt{1, 2, 3}
	got := proof.Leaf(salt, []byte("entry"))
	if want := rfc6962.DefaultHasher.HashLeaf(append(salt[:], "entry"...)); !bytes.Equal(got[:], want) {
		t.Fatal("another hash")
	}
	if empty := proof.Empty(); !bytes.Equal(empty[:], rfc6962.DefaultHasher.EmptyRoot()) || (proof.Frontier{}).Root() != empty {
		t.Fatal("another root of an empty log")
	}
}

// Every size of a small log, every position in it and every earlier size.
func TestSmallLogsAreThoseOfTheReference(t *testing.T) {
	k, _, want := grow(t, 40)
	for size := range consent.Position(41) {
		root, err := proof.RootAt(k, size)
		if err != nil || !bytes.Equal(root[:], want.HashAt(uint64(size))) {
			t.Fatalf("another root at %d, %v", size, err)
		}
		for p := consent.Position(1); p <= size; p++ {
			check(t, k, want, p, size)
		}
		if size == 0 {
			check(t, k, want, 0, size)
		}
	}
}

// check compares and verifies both proofs.
func check(t *testing.T, k *kept, want *testonly.Tree, p, size consent.Position) {
	t.Helper()
	root, older := proof.Hash(want.HashAt(uint64(size))), proof.Hash(want.HashAt(uint64(p)))
	got, err := proof.Consistency(k, p, size)
	ref, refErr := want.ConsistencyProof(uint64(p), uint64(size))
	same(t, fmt.Sprintf("from %d to %d", p, size), got, ref, err, refErr, proof.VerifyConsistency(p, size, got, older, root))
	if p == 0 {
		return
	}
	k.reads = 0
	got, err = proof.Inclusion(k, p, size)
	ref, refErr = want.InclusionProof(uint64(p-1), uint64(size))
	same(t, fmt.Sprintf("%d in %d", p, size), got, ref, err, refErr, proof.VerifyInclusion(p, size, k.leaves[p-1], got, root))
	if k.reads > 6 {
		t.Fatalf("%d reads for one proof", k.reads)
	}
}

// Sizes beyond one tile, two levels of tiles and their edges.
func TestLargeLogsAreThoseOfTheReference(t *testing.T) {
	const most = 3*65536 + 300
	k, f, want := grow(t, most)
	if len(k.nodes[8]) != most/256 || len(k.nodes[16]) != 3 || len(k.nodes[24]) != 0 {
		t.Fatalf("%d and %d nodes", len(k.nodes[8]), len(k.nodes[16]))
	}
	sizes := []consent.Position{255, 256, 257, 511, 512, 513, 65535, 65536, 65537, 65536 + 256, 131071, 131072, most - 300, most - 1, most}
	random := rand.New(rand.NewPCG(2, 3))
	for range 200 {
		sizes = append(sizes, 1+consent.Position(random.IntN(most)))
	}
	for _, size := range sizes {
		for _, p := range []consent.Position{0, 1, size, max(1, size/2), max(1, size-1), 1 + consent.Position(random.IntN(int(size)))} {
			check(t, k, want, p, size)
		}
		if at, err := proof.FrontierAt(k, size); err != nil || at.Root() != proof.Hash(want.HashAt(uint64(size))) || at.Equal(f) != (size == most) {
			t.Fatalf("another frontier at %d, %v", size, err)
		}
	}
}

func TestProofsOfOtherThingsDoNotHold(t *testing.T) {
	k, f, _ := grow(t, 1000)
	path, err := proof.Inclusion(k, 300, 1000)
	older, errOlder := proof.RootAt(k, 700)
	chain, errChain := proof.Consistency(k, 700, 1000)
	if err := errors.Join(err, errOlder, errChain); err != nil {
		t.Fatal(err)
	}
	root, leaf := f.Root(), k.leaves[299]
	bent := func(hashes []proof.Hash) []proof.Hash {
		hashes = slices.Clone(hashes)
		hashes[len(hashes)/2][5] ^= 1
		return hashes
	}
	for name, err := range map[string]error{
		"another position":         proof.VerifyInclusion(301, 1000, leaf, path, root),
		"another size":             proof.VerifyInclusion(300, 1025, leaf, path, root),
		"another leaf":             proof.VerifyInclusion(300, 1000, k.leaves[300], path, root),
		"another root":             proof.VerifyInclusion(300, 1000, leaf, path, older),
		"a path that was bent":     proof.VerifyInclusion(300, 1000, leaf, bent(path), root),
		"a path that was cut":      proof.VerifyInclusion(300, 1000, leaf, path[1:], root),
		"a path that goes on":      proof.VerifyInclusion(300, 1000, leaf, append(slices.Clone(path), root), root),
		"position 0":               proof.VerifyInclusion(0, 1000, leaf, path, root),
		"a position behind":        proof.VerifyInclusion(1001, 1000, leaf, path, root),
		"another older root":       proof.VerifyConsistency(700, 1000, chain, root, root),
		"another newer root":       proof.VerifyConsistency(700, 1000, chain, older, older),
		"another older size":       proof.VerifyConsistency(701, 1000, chain, older, root),
		"a chain that was bent":    proof.VerifyConsistency(700, 1000, bent(chain), older, root),
		"sizes the wrong way":      proof.VerifyConsistency(1000, 700, chain, root, older),
		"an empty log with a root": proof.VerifyConsistency(0, 1000, nil, older, root),
		"two logs of one size":     proof.VerifyConsistency(700, 700, nil, older, root),
	} {
		if !errors.Is(err, proof.ErrProof) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
	for _, bad := range []func() ([]proof.Hash, error){
		func() ([]proof.Hash, error) { return proof.Inclusion(k, 0, 10) },
		func() ([]proof.Hash, error) { return proof.Inclusion(k, 11, 10) },
		func() ([]proof.Hash, error) { return proof.Consistency(k, 11, 10) },
	} {
		if _, err := bad(); !errors.Is(err, proof.ErrRange) {
			t.Errorf("err = %v", err)
		}
	}
	// A store that lost something says so instead of proving something else.
	if _, err := proof.Inclusion(k, 1, 1001); err == nil {
		t.Error("a proof in a log that is larger than what is kept")
	}
	k.nodes[8] = k.nodes[8][:1]
	if _, err := proof.Inclusion(k, 1, 1000); err == nil {
		t.Error("a proof without the nodes for it")
	}
}

func TestFrontiersHaveOneEncoding(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 255, 256, 257, 1000} {
		_, f, _ := grow(t, n)
		b, err := f.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		again, err := proof.ParseFrontier(b)
		if err != nil || !again.Equal(f) || again.Root() != f.Root() {
			t.Fatalf("%d: another frontier, %v", n, err)
		}
		for name, bad := range map[string][]byte{"cut": b[:len(b)-1], "longer": append(slices.Clone(b), 0), "another size": append([]byte{1}, b[1:]...)} {
			if _, err := proof.ParseFrontier(bad); !errors.Is(err, proof.ErrFrontier) {
				t.Errorf("%d %s: err = %v", n, name, err)
			}
		}
	}
	if f, err := proof.ParseFrontier(nil); err != nil || !f.Equal(proof.Frontier{}) {
		t.Errorf("no bytes: %v, %v", f, err)
	}
}

func FuzzFrontier(f *testing.F) {
	f.Add([]byte{}, []byte("x"))
	f.Add(bytes.Repeat([]byte{7}, 8+32*3), []byte("y"))
	f.Add(append([]byte{0, 0, 0, 0, 0, 0, 0, 3}, bytes.Repeat([]byte{7}, 64)...), []byte("z"))
	f.Fuzz(func(t *testing.T, b, entry []byte) {
		a, err := proof.ParseFrontier(b)
		if err != nil {
			return
		}
		again, _ := a.MarshalBinary()
		if len(b) > 0 && !bytes.Equal(again, b) {
			t.Fatal("two encodings of one frontier")
		}
		leaf := proof.Leaf(proof.Salt{}, entry)
		next, _ := a.Append(leaf)
		if next.Size() != a.Size()+1 || next.Root() == a.Root() {
			t.Fatal("an append that changes nothing")
		}
	})
}

// FuzzProofs compares proofs in logs of any size with the reference, and verifies nothing else with them.
func FuzzProofs(f *testing.F) {
	f.Add(uint16(300), uint16(7), uint16(299))
	f.Add(uint16(512), uint16(256), uint16(257))
	f.Add(uint16(1025), uint16(1), uint16(1024))
	f.Fuzz(func(t *testing.T, n, p, other uint16) {
		size := 1 + int(n)%2000
		k, fr, want := grow(t, size)
		position, wrong := 1+consent.Position(p)%consent.Position(size), 1+consent.Position(other)%consent.Position(size)
		check(t, k, want, position, consent.Position(size))
		path, err := proof.Inclusion(k, position, consent.Position(size))
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.VerifyInclusion(wrong, consent.Position(size), k.leaves[position-1], path, fr.Root()); (err == nil) != (wrong == position) {
			t.Fatalf("the proof of %d holds for %d: %v", position, wrong, err)
		}
	})
}
