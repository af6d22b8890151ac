package jsonfilter

// eventState is what is known of the event that is read.
type eventState struct{ begun bool }

func (m *machine) events() error { return nil }
func (m *machine) head(*piece)   {}
