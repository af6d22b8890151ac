// Package configv1 is the wire between the manager, which hands out bundles, and the sidecars and ledgers that obey them. It is
// generated from config.proto, knows no Kubernetes, and grows by addition only.
package configv1
