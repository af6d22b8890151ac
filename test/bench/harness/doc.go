// Package harness runs benchmark rows against peers, judges them and writes what came out.
//
// A suite measures rows that share preparations. Sides of a row are measured in turns (A-B-A-B), so that what else the machine does
// meets both. A ratio is taken within each round; the median over all rounds is judged, and the spread between quartiles is shown. The
// package knows nothing of what is measured: suites come from the other packages of this module, results go to a table and a file.
package harness
