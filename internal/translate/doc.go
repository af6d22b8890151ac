// Package translate turns the objects of the API into the plain policy that the compiler takes, and the compiler's findings into
// conditions.
//
// It decides nothing and reads nothing: controllers and the command line gather the objects. Input comes from controllers and
// internal/manifest, output goes to internal/compile and, for conditions, back to controllers.
package translate
