// Package manifest reads the API's objects, namespaces and workloads from YAML: what controllers gather in a cluster, the command
// line and the tests gather from files.
//
// It is strict, so that a mistyped field is a problem and not a silent change of meaning; it finds all problems of all documents,
// and it remembers where everything stands, so that whoever finds something later can say the line. Values mean what they mean to
// kubectl. Input is not trusted: whatever the bytes, the result is objects and problems, in time that grows with the input.
//
// It does not judge values; internal/schema does so as the API server would. Output goes to internal/translate.
package manifest
