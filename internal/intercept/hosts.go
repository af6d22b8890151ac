package intercept

import (
	"slices"

	"github.com/optup/optup/internal/ir"
)

// Hosts are those that a bundle needs leaves for, sorted: the hosts of ports that are intercepted, and, so that applications can read why,
// those of ports where TLS is refused. None if nothing is intercepted at all.
func Hosts(b *ir.Bundle) []string {
	var out []string
	some := false
	for i := range b.Services {
		s := &b.Services[i]
		tls := false
		for _, p := range s.Ports {
			some = some || p.Intercept
			tls = tls || p.Protocol == "HTTPS"
		}
		for _, h := range s.Hosts {
			if tls && Interceptable(h) {
				out = append(out, h)
			}
		}
	}
	if !some {
		return nil
	}
	slices.Sort(out)
	return slices.Compact(out)
}
