// Package cores binds whole processes to processors, as taskset does, so that whoever asks and whoever answers do not share one.
package cores
