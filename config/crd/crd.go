package crd

import "embed"

// Bases holds one definition a file, "bases/<group>_<plural>.yaml".
//
//go:embed bases/*.yaml
var Bases embed.FS
