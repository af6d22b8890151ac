// Package workload tells which workload a pod belongs to, and how the SidecarConfig of a workload is called.
//
// It is pure: it reads objects that somebody else fetched. The sidecar never says what it is; this package does, from the pod.
package workload
