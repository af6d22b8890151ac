// Command reference writes what the CRDs say about every field for people and for editors: a page and a JSON Schema per kind.
//
//	reference CRD_FOLDER DOCS_FOLDER
//
// It reads the CRDs that controller-gen makes from the comments in api/v1alpha1 and knows nothing of the types themselves, so that pages
// and schemas cannot say anything else than the API server does. make generate runs it.
package main
