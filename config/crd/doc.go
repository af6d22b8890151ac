// Package crd holds the CustomResourceDefinitions, which are generated from api, as the files that they are, for programs that judge
// objects without an API server. Nothing is added to them here.
package crd
