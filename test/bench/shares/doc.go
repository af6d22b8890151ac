// Package shares measures what it costs to know for how many people data may be used: the first count of everybody, and to keep it right.
package shares
