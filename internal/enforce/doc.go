// Package enforce turns a plan into what is sent and what comes back: it finds the people of a request, has each of them judged, and
// gives the bodies that may go out; the same for answers.
//
// It is the one place where decisions (internal/decide) and bodies (internal/jsonfilter, csvfilter, formfilter) meet, so that the sidecar and whoever tries
// policies out without one (internal/scenario) cannot differ. It is pure: it knows no network, no clock and no ledger; who may be used
// is told by its caller. Requests come from internal/proxy and internal/scenario and go back there.
package enforce
