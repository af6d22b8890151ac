// Package browser drives a real Chromium for tests: by keyboard, as a person would, with scripts of pages off unless a test is about them.
// It watches what every page makes the browser do: each request, each report of a content security policy, each error in the console.
//
// Chromium comes from the system's packages, the accessibility checks (axe-core) from a lock file in the folder axe. Where either is
// missing, tests that need them are skipped with a word about how to get them; with CI set they fail.
package browser
