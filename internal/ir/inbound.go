package ir

// Inbound tells whether connections to the workload's own pods are governed, so that they have to come to the sidecar.
func (b *Bundle) Inbound() bool { return len(b.Provides) > 0 || len(b.Callbacks) > 0 }
