// Package manifest reads the API's objects, namespaces and workloads from YAML files: what controllers gather in a cluster, the
// command line and the tests gather from a folder.
//
// It is strict, so that a mistyped field is an error and not a silent change of meaning. It validates nothing that the API server
// would. Output goes to internal/translate.
package manifest
