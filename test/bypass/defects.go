package main

// allDefects are the builds that lack one defence each: the tag is "defect_" and the name. See internal/defence.
func allDefects() []string {
	return []string{
		"path", "query", "override", "endpoint", "names", "charset", "lists", "coding", "types", "ranges", "telling", "fields", "identifiers", "absent",
		"each", "nameless",
	}
}
