//go:build !race

package facts

import (
	"golang.org/x/sys/cpu"

	"github.com/optup/optup/internal/consent"
)

// vectors tells that the processor has what lookup needs, which asks for it.
var vectors = cpu.X86.HasAVX2 && cpu.X86.HasBMI2 //nolint:unused // by lookup

// lookup gives the state of a tag. The race detector cannot see what it reads, so that it is not part of what is built for it.
//
//go:noescape
func lookup(t *Table, tag *consent.Tag) State
