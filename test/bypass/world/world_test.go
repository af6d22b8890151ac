package world

import (
	"testing"

	"github.com/optup/optup/test/bypass/liberal"
)

// TestInside starts a world of every language that the machine has; it is ready when people with permission come through.
func TestInside(t *testing.T) {
	var languages []string
	for _, l := range []string{Go, Node, Python} {
		if Available(l) {
			languages = append(languages, l)
		}
	}
	w, err := Inside(t.Context(), 1, languages, func(liberal.Mail) {})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	}()
	s, err := w.SidecarInside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}
