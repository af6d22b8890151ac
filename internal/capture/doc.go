// Package capture brings a pod's outgoing connections, and if asked for those to the pod, to the sidecar, and tells where they were going.
//
// It needs Linux, and NET_ADMIN for the rules only. It decides nothing; connections go to internal/proxy. Its rules let pass what
// the sidecar's own user sends and what stays on the loopback interface, and redirect every other TCP connection, in IPv4 and IPv6
// alike. A sidecar that does not run leaves a closed port behind: nothing gets around it.
package capture
