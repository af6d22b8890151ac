//go:build !linux

package client

import "time"

var started = time.Now()

// bootTime is the time since the program started. Outside Linux it is for development: it may not count suspend.
func bootTime() time.Duration { return time.Since(started) }
