package client

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/pods"
)

// podsFile keeps where pods are, beside the bundle: a sidecar that starts again while no manager can be reached knows no less than before.
const podsFile = "pods.json"

// podsWire is a set as it comes and as it is stored.
type podsWire struct {
	Host   string `json:"host"`
	Groups []struct {
		Addresses []byte     `json:"addresses,omitempty"`
		Ports     []portWire `json:"ports,omitempty"`
		Shared    bool       `json:"shared,omitempty"`
	} `json:"groups,omitempty"`
	Incomplete bool `json:"incomplete,omitempty"`
}

type portWire struct {
	Port   uint16 `json:"port"`
	Target uint16 `json:"target"`
}

func (w *podsWire) set() (pods.Set, error) {
	out := pods.Set{Host: w.Host, Incomplete: w.Incomplete}
	for _, g := range w.Groups {
		addresses, err := pods.Unpack(g.Addresses)
		if err != nil {
			return out, err
		}
		x := pods.Group{Addresses: addresses, Shared: g.Shared}
		for _, p := range g.Ports {
			x.Ports = append(x.Ports, pods.Port(p))
		}
		out.Groups = append(out.Groups, x)
	}
	return out, nil
}

func sets(all []podsWire) ([]pods.Set, error) {
	out := make([]pods.Set, 0, len(all))
	for i := range all {
		s, err := all[i].set()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// takePods brings into force where pods are. It holds even where the bundle that came with it is refused.
func (c *client) takePods(all []podsWire, now state) {
	if len(all) == 0 {
		return
	}
	u := Update{Generation: now.generation, Hash: now.hash}
	var err error
	if u.Pods, err = sets(all); err == nil {
		err = c.Apply(u)
	}
	if err != nil {
		c.Logger.Error("where the pods of services are was refused; what was known before counts", "error", err)
		return
	}
	if c.placed == nil {
		c.placed = map[string]podsWire{}
	}
	for _, w := range all {
		c.placed[w.Host] = w
	}
	c.storePods()
}

// keepPods forgets hosts that a bundle has no more.
func (c *client) keepPods(b *ir.Bundle) {
	hosts, had := pods.Hosts(b), len(c.placed)
	maps.DeleteFunc(c.placed, func(h string, _ podsWire) bool { return !slices.Contains(hosts, h) })
	if len(c.placed) != had {
		c.storePods()
	}
}

func (c *client) storePods() {
	if c.StateDir == "" {
		return
	}
	all := make([]podsWire, 0, len(c.placed))
	for _, h := range slices.Sorted(maps.Keys(c.placed)) {
		all = append(all, c.placed[h])
	}
	data, err := json.Marshal(all)
	if err == nil {
		err = replace(c.StateDir, podsFile, data)
	}
	if err != nil {
		c.Logger.Warn("where pods are is in force but could not be stored for the next start", "error", err)
	}
}

// loadPods gives what was stored; nothing if that was damaged.
func (c *client) loadPods() []pods.Set {
	data, err := os.ReadFile(filepath.Join(c.StateDir, podsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var all []podsWire
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	var out []pods.Set
	if err == nil {
		out, err = sets(all)
	}
	if err != nil {
		c.Logger.Warn("where pods are was stored and cannot be read; waiting for the manager", "error", err)
		return nil
	}
	c.placed = map[string]podsWire{}
	for _, w := range all {
		c.placed[w.Host] = w
	}
	return out
}
