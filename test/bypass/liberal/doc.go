// Package liberal is a service that reads requests as generously as real ones do, and answers in every way that it is asked for.
//
// It stands for what an application behind a sidecar may be: it decodes paths twice, follows overriding headers, takes the last of two
// values, reads JSON with comments, compresses, cuts ranges and compares validators. The same service is written three times, each with
// the server of its language: for Go here, for Node in servers/node.mjs, for Python in servers/server.py. It knows no permission and no
// sidecar, and tells whom it would send mail to.
package liberal
