package server

import (
	"context"
	"fmt"

	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/distribute/configv1"
	"github.com/optup/optup/internal/ir"
)

// values are what one stream was sent of what bundles name and never hold.
type values struct {
	// wanted are those of the bundle with this hash.
	hash   string
	wanted []ir.Value
	sent   map[ir.Value]credential.Secret
}

// changed gives the values of a bundle that the stream was not sent yet as they are now. A value goes to nobody whose bundle has no use
// for it, and one that is gone is sent as empty.
func (v *values) changed(ctx context.Context, from Values, namespace string, p Published) ([]*configv1.Credential, error) {
	if v.hash != p.Hash {
		b, err := ir.Decode(p.Bundle)
		if err != nil {
			return nil, fmt.Errorf("the published bundle cannot be read: %w", err)
		}
		v.hash, v.wanted = p.Hash, ir.Values(b)
	}
	var out []*configv1.Credential
	now := make(map[ir.Value]credential.Secret, len(v.wanted))
	for _, name := range v.wanted {
		before, known := v.sent[name]
		value, err := from.Value(ctx, namespace, name)
		switch {
		case err != nil && known:
			now[name] = before
		case err == nil:
			now[name] = value
			if !known || !before.Equal(value) {
				out = append(out, &configv1.Credential{Service: name.Service, Id: name.ID, Value: []byte(value.Reveal())})
			}
		}
	}
	v.sent = now
	return out, nil
}
