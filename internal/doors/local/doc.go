// Package local is the doors of a sidecar: whoever enforces decisions in the pod itself (the application, a mesh's proxy) asks here what
// the proxy beside would decide.
//
// It decides nothing. Answers come from internal/proxy, by the bundle, the facts and the freshness in force, and are recorded there like
// requests. Callers are whoever reaches the loopback of the pod, so nothing is said that the application may not learn: reasons about requests,
// and about people that they may not be used. It knows no Kubernetes.
package local
