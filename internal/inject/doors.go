package inject

import "fmt"

// DoorsLabel of a namespace opens the doors of its sidecars, at which decisions are asked for by whoever enforces them without the proxy.
// Without it, and with any value that is none of these, they are closed.
const (
	DoorsLabel    = "consent.optup.dev/doors"
	DoorsAuthZEN  = "authzen"
	DoorsExtAuthz = "ext-authz"
	DoorsAll      = "all"
)

// AuthZENPort and ExtAuthzPort are where doors open, on the loopback of the pod: they ask for no token.
const (
	AuthZENPort  = 15021
	ExtAuthzPort = 15022
)

// doorFlags are those of the sidecar for its doors.
func doorFlags(ns Namespace) []string {
	var out []string
	v := ns.Labels[DoorsLabel]
	if v == DoorsAuthZEN || v == DoorsAll {
		out = append(out, "--authzen", fmt.Sprintf("127.0.0.1:%d", AuthZENPort))
	}
	if v == DoorsExtAuthz || v == DoorsAll {
		out = append(out, "--ext-authz", fmt.Sprintf("127.0.0.1:%d", ExtAuthzPort))
	}
	return out
}
