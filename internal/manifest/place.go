package manifest

import "github.com/optup/optup/internal/translate"

// Place puts objects that name no namespace into one, as kubectl would.
func Place(o *translate.Objects, namespace string) {
	fill := func(s *string) {
		if *s == "" {
			*s = namespace
		}
	}
	for i := range o.Services {
		fill(&o.Services[i].Namespace)
	}
	for i := range o.Policies {
		fill(&o.Policies[i].Namespace)
	}
	for i := range o.Ledgers {
		fill(&o.Ledgers[i].Namespace)
	}
	for i := range o.Workloads {
		fill(&o.Workloads[i].Namespace)
	}
}
