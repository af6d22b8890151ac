// Command bench measures OptUp against its peers in one run: decisions, memory, the JSON filter, the sidecar as a proxy, and its start.
// It prints a table, writes the figures to a file, and exits with an error if a bound was missed. README.md says what each row measures
// and why the comparison is fair.
package main
