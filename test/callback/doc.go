// Package callback runs a ledger and a sidecar as processes, with an application and a mail service around them, and has the mail service
// call the application as the real one does: what people do at the mail service has to hold for the very next mail.
package callback
