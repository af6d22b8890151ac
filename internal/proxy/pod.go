package proxy

import (
	"net/netip"
	"time"

	"github.com/optup/optup/internal/pods"
)

// namesOf gives the declared names that an address belongs to, and the pod that it is of governed services. Certain is false if it has no
// name and may be that of one nevertheless: name servers are silent, or not all pods could be told.
func (s *State) namesOf(to netip.AddrPort) (names []string, pod pods.Pod, certain bool) {
	var known *pods.Table
	if s.pods != nil {
		known = s.pods.Load()
	}
	if pod = known.Of(to, time.Now()).Where(s.Index.Governs); len(pod) > 0 {
		return pod.Hosts(), pod, true
	}
	names, certain = s.resolver.namesOf(to.Addr())
	return names, nil, len(names) > 0 || certain && known.Complete()
}

// portOf gives the port of a host that was dialled, which is another one than that of the connection where a pod takes it on a port of its
// own. A port of a pod that is none of the service's stays what it is.
func (s *State) portOf(host string, dialled uint16, pod pods.Pod) int {
	for _, port := range pod.Ports(host, dialled) {
		if s.Index.Service(host, int(port)) != nil {
			return int(port)
		}
	}
	return int(dialled)
}
