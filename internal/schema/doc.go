// Package schema judges objects by the CustomResourceDefinitions as the API server judges them when they are created, with the API
// server's own libraries: structure, formats, list types, object metadata, and the rules in CEL. The messages are the API server's.
//
// It knows one object at a time: nothing of other objects, of what an object was before, of files, and of what a field means.
// Rules about changes are therefore skipped, as the API server skips them for a new object. Definitions come from config/crd; what
// is found goes to internal/cli, which knows where it stands.
package schema
