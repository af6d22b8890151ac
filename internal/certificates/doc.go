// Package certificates makes the manager's authority, and the certificates that manager and ledgers serve with.
//
// The authority lives in a Secret and is rotated by itself, by cert-manager's library; certificates are renewed without a restart.
// Who trusts it is the business of package controllers, which hands out the authorities, old and new.
package certificates
