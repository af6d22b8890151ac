package proxy

import (
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/jsonfilter"
)

// programKey is what a program depends on. Documents tells that it is for the documents of a sequence, one by one.
type programKey struct {
	plan      *decide.Plan
	documents bool
}

type compiled struct {
	program *jsonfilter.Program
	err     error
}

// program gives what is done to the answers of a plan. It is made once for a plan that is kept, and each time for any other.
func (s *State) program(p *decide.Plan, documents bool) (*jsonfilter.Program, error) {
	build := func() compiled {
		m := p.Endpoint.Response
		if documents {
			m = ofOneDocument(m)
		}
		program, err := jsonfilter.Compile(m, p.Category, p.Redaction)
		return compiled{program, err}
	}
	if !p.Remembers() {
		c := build()
		return c.program, c.err
	}
	c := s.programs.get(programKey{p, documents}, build)
	return c.program, c.err
}
