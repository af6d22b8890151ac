package stream

import "github.com/optup/optup/internal/ledger/store"

// Rekey goes by the keys that a log is in, as read from its head. Where sidecars have to be told of another key, all streams end: whoever
// comes back reads a snapshot with tags of that key, and goes by what it has until then, for as long as its bound allows. Where this process
// lacks the key, nobody is answered any more, so that the facts of those who follow it grow too old to permit anything.
func (s *Server) Rekey(now store.Scheme) error {
	again, err := s.Keys.Follow(now)
	switch {
	case err != nil:
		s.Logger.Error("the ledger's key has changed, and this process does not have it: start it with --root-key or --next-root-key", "error", err)
		s.Hub.disband()
	case again:
		s.Logger.Info("sidecars are told of another key", "number", now.Current)
		s.Hub.disband()
	}
	return err
}
