// Package evidence says what proves that a person did something (GDPR Art. 7(1), UWG §7a): which evidence each proof needs, and what has to
// be in it. It is checked here before an event that permits something is appended, and kept encrypted with the event.
//
// It is pure: it reads and checks values, knows no store and no network, and looks at nothing that evidence refers to.
package evidence
