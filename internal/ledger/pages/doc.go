// Package pages serves what people see of a ledger: their own page, the confirmation of a double opt-in, withdrawal by a mailed link,
// and a form that a shop puts on a page of its own. Pages are rendered here, in German and English; they need no script, set cookies
// only for whoever opened a mailed link, and ask nothing of any other origin.
//
// Three things always hold. GET changes nothing, because mail programs and scanners fetch whatever link they find. A token of a mailed
// link leaves the address bar at once: it moves to a cookie, and the page that shows a button is at an address without it. And who a
// person is, or whether the ledger knows anybody, is in no address, no log, and in no answer to somebody who has not shown that the
// mailbox is theirs.
//
// The package renders and keeps browsers honest. What it shows and does comes through Links, Desk and Forms, which the ledger implements.
package pages
