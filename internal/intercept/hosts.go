package intercept

import (
	"slices"
	"strings"

	"github.com/optup/optup/internal/ir"
)

// Hosts are those that a bundle needs leaves for, sorted: the hosts of ports that are intercepted, and, so that applications can read why,
// those of ports where TLS is refused. None if nothing is intercepted at all. Hosts that another namespace closes, and nobody here refers to,
// are not among them: who may declare services elsewhere makes no authorities here, of which there are so many that older ones go.
func Hosts(b *ir.Bundle) []string {
	var out []string
	some := false
	for i := range b.Services {
		s := &b.Services[i]
		tls, intercepted := false, false
		for _, p := range s.Ports {
			intercepted = intercepted || p.Intercept
			tls = tls || p.Protocol == "HTTPS"
		}
		some = some || intercepted
		if !intercepted && len(s.Endpoints) == 0 && !strings.HasPrefix(s.Name, b.Namespace+"/") {
			continue
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
