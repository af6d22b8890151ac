package stream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

// Contradiction is a checkpoint that this ledger signed, and that is not of its log: the log has forgotten something, or there are two.
type Contradiction struct {
	Epoch string
	// Position is the size of the checkpoint, Head that of the log when it was seen.
	Position, Head consent.Position
	Seen           time.Time
}

// Error says what happened and what to do.
func (c *Contradiction) Error() string {
	return fmt.Sprintf("the log contradicts a checkpoint of position %d that this ledger signed (epoch %s, head %d): it was restored from an older copy, "+
		"or there is another copy that goes on. Nothing is streamed until an operator has compared them and adopts this one with `optup-ledger adopt`",
		c.Position, c.Epoch, c.Head)
}

// notary signs and opens checkpoints. Opened ones are kept, because everybody shows the same few.
type notary struct {
	signer *keys.Signer

	mu     sync.Mutex
	opened map[string]proof.Checkpoint
}

// maxOpened bounds the opened checkpoints.
const maxOpened = 256

func newNotary(signer *keys.Signer) *notary {
	return &notary{signer: signer, opened: map[string]proof.Checkpoint{}}
}

func (n *notary) sign(epoch string, at consent.Position, root [32]byte) (string, error) {
	raw, err := n.signer.Checkpoint(epoch, at, root)
	return string(raw), err
}

// open verifies that a checkpoint was signed by this ledger.
func (n *notary) open(text string) (proof.Checkpoint, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c, ok := n.opened[text]; ok {
		return c, nil
	}
	c, err := proof.OpenCheckpoint([]byte(text), n.signer.PublicKey())
	if err != nil {
		return c, err
	}
	if len(n.opened) >= maxOpened {
		clear(n.opened)
	}
	n.opened[text] = c
	return c, nil
}

// checkpoint signs that of a head that was read.
func (s *Server) checkpoint(h store.Head) (string, error) {
	if s.notary == nil || h.Root == ([32]byte{}) {
		return "", nil
	}
	return s.notary.sign(h.Epoch, h.Position, h.Root)
}

// compare tells whether a checkpoint is of the log that has a head. It gives the size of one that is, 0 for one of another epoch or that
// nobody signed, and a Contradiction for one that this ledger signed for this epoch and that is not of its log.
func (s *Server) compare(ctx context.Context, text string, h store.Head) (consent.Position, error) {
	if text == "" || s.notary == nil {
		return 0, nil
	}
	c, err := s.notary.open(text)
	if err != nil || c.Epoch() != h.Epoch {
		return 0, nil //nolint:nilerr // what anybody may have written proves nothing, and contradicts nothing
	}
	contradiction := &Contradiction{Epoch: h.Epoch, Position: c.Size, Head: h.Position, Seen: s.Now()}
	if c.Size > h.Position {
		return 0, contradiction
	}
	root := h.Root
	if c.Size < h.Position {
		if root, err = s.Store.RootAt(ctx, c.Size); err != nil {
			return 0, fmt.Errorf("the root at %d cannot be read: %w", c.Size, err)
		}
	}
	if root != c.Root {
		return 0, contradiction
	}
	return c.Size, nil
}

// Contradicted is what keeps the ledger from serving streams; nil for nothing. It ends once the log has another epoch.
func (s *Server) Contradicted(ctx context.Context) error {
	c := s.contradiction.Load()
	if c == nil {
		return nil
	}
	if h, err := s.Store.Head(ctx); err == nil && h.Epoch != c.Epoch {
		s.contradiction.CompareAndSwap(c, nil)
		s.Logger.Warn("the log was adopted; streams are served again", "epoch", h.Epoch, "position", h.Position)
		s.Hub.follow(h.Epoch)
		return nil
	}
	return c
}

// contradict stops serving streams.
func (s *Server) contradict(c *Contradiction) {
	if s.contradiction.CompareAndSwap(nil, c) {
		s.Logger.Error("the ledger stops serving streams", "error", c, "position", c.Position, "head", c.Head, "epoch", c.Epoch)
		s.Hub.disband()
	}
}
