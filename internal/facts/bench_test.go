package facts

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/optup/optup/internal/consent"
)

// OPTUP_BENCH_PEOPLE is how many identifiers there are; 1 million if it is not set.
func benchSize() int {
	if n, err := strconv.Atoi(os.Getenv("OPTUP_BENCH_PEOPLE")); err == nil {
		return n
	}
	return 1_000_000
}

var sink uint64

func BenchmarkLookup(b *testing.B) {
	table, tags := filled(b, benchSize(), 3000)
	b.ReportMetric(float64(table.Stats().Bytes)/float64(len(tags)), "B/id")
	r := rand.New(rand.NewPCG(5, 6))
	random := make([]consent.Tag, 1<<22)
	for i := range random {
		random[i] = tags[r.IntN(len(tags))]
	}
	out := make([]State, 1000)
	b.Run("table", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			sink += uint64(table.Lookup(random[i&(1<<22-1)]))
		}
	})
	// Alone: each question follows from the answer before, as a request waits for its own decision only.
	b.Run("table alone", func(b *testing.B) {
		last := 0
		for i := range b.N {
			last = int(table.Lookup(random[(i+last&1)&(1<<22-1)]))
		}
		sink += uint64(last)
	})
	b.Run("batch", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i += 1000 {
			at := i % (1<<22 - 1000)
			table.LookupBatch(random[at:at+1000], out)
		}
	})
	b.Run("unknown", func(b *testing.B) {
		unknown := make([]consent.Tag, 1<<22)
		for i := range unknown {
			unknown[i] = quick(r)
		}
		b.ResetTimer()
		for i := range b.N {
			sink += uint64(table.Lookup(unknown[i&(1<<22-1)]))
		}
	})
	peer := make(map[consent.Tag]uint32, len(tags))
	for i := range tags {
		peer[tags[i]] = uint32(table.Lookup(tags[i]))
	}
	b.Run("map alone", func(b *testing.B) {
		last := 0
		for i := range b.N {
			last = int(peer[random[(i+last&1)&(1<<22-1)]])
		}
		sink += uint64(last)
	})
	b.Run("map", func(b *testing.B) {
		for i := range b.N {
			sink += uint64(peer[random[i&(1<<22-1)]])
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	for range b.N {
		filled(b, benchSize(), 3000)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchSize()), "ns/id")
}
