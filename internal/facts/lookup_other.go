//go:build !amd64 || race

package facts

import "github.com/optup/optup/internal/consent"

// vectors tells that the processor has what lookup needs: it is written for one kind only.
var vectors = false

func lookup(t *Table, tag *consent.Tag) State { return lookupWords(t, tag) }
