package appends

import (
	"context"
	"encoding/json"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

const (
	// tesseraInterval is the smallest interval of checkpoints that the driver takes.
	tesseraInterval = 100 * time.Millisecond
	// tesseraPoll is how often the awaiter looks for a new checkpoint.
	tesseraPoll = time.Millisecond
	// tesseraFull is how long the first of a batch waits for others where many write. A batch is complete, and waits no longer, once every
	// writer is in it. This is the best of 1, 3, 10 and 50 ms with batches of 64 to 1,024.
	tesseraFull = 10 * time.Millisecond
	// tesseraSoon is the same where an entry is to be published soon.
	tesseraSoon = time.Millisecond
)

// log is a log of tessera's.
type log struct {
	add     tessera.AddFn
	awaiter *tessera.PublicationAwaiter
	stop    func() error
}

// openLog opens a log in an empty folder. Nothing is looked for twice, nothing is collected, nobody witnesses.
func openLog(ctx context.Context, dir string, age time.Duration) (*log, error) {
	key, _, err := note.GenerateKey(nil, "benchmark.example/log")
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(key)
	if err != nil {
		return nil, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).WithBatching(writers, age).WithCheckpointInterval(tesseraInterval).WithPushback(1<<20).
		WithGarbageCollectionInterval(0))
	if err != nil {
		cancel()
		return nil, err
	}
	return &log{
		add: appender.Add, awaiter: tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, tesseraPoll),
		stop: func() error { defer cancel(); return shutdown(ctx) },
	}, nil
}

func entry(n uint64) (*tessera.Entry, error) {
	tag, e, key := event(n)
	text, err := json.Marshal(struct {
		Person any
		Key    string
		Event  any
	}{tag[:], key, e})
	return tessera.NewEntry(text), err
}

// append returns once the entry is durable.
func (l *log) append(ctx context.Context, n uint64) error {
	e, err := entry(n)
	if err != nil {
		return err
	}
	_, err = l.add(ctx, e)()
	return err
}

// publish returns once there is a checkpoint that commits to the entry.
func (l *log) publish(ctx context.Context, n uint64) error {
	e, err := entry(n)
	if err != nil {
		return err
	}
	_, _, err = l.awaiter.Await(ctx, l.add(ctx, e))
	return err
}
