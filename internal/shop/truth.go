package shop

// Allowed is who may be used for what. Addresses are as People spells them.
type Allowed struct {
	// Newsletter holds who may be sent the newsletter, ProfileView whom the dashboard may show.
	Newsletter, ProfileView map[string]bool
}

// Truth gives who of the first n people of a seed may be used for what. It rests on what stories.go says in so many words about
// each kind of person: no rule is applied and no event is read, so that it can prove a wrong rule wrong.
func Truth(seed uint64, n int) Allowed {
	allowed := Allowed{Newsletter: map[string]bool{}, ProfileView: map[string]bool{}}
	for i, c := range People(seed, n) {
		s := storyOf(seed, i)
		if s.newsletter {
			allowed.Newsletter[c.Email] = true
		}
		if s.profile {
			allowed.ProfileView[c.Email] = true
		}
	}
	return allowed
}
