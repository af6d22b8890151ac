package store

import (
	"context"

	"github.com/optup/optup/internal/consent"
)

// Histories tells what the log holds about a person (GDPR Art. 15).
type Histories interface {
	// History gives the newest events that name an identity of a person whom any of the tags names, at positions below before (0 for
	// all), the newest first. Who is linked by a weak identity alone is another person. What was erased is left out.
	History(ctx context.Context, tags []consent.Tag, before consent.Position, limit int) ([]Logged, error)
}
