//go:build tools

// Package runc pins the commands of the local cluster.
package runc

import (
	_ "github.com/opencontainers/runc"
)
