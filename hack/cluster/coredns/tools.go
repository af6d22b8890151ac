//go:build tools

// Package coredns pins the commands of the local cluster.
package coredns

import (
	_ "github.com/coredns/coredns"
)
