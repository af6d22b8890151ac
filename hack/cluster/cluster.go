package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The addresses of the local cluster. They are private to the machine: the bridge holds the whole of podRange, so that a packet
// to a pod that is gone goes to the bridge and not to the machine's default route.
const (
	nodeName     = "optup-local"
	networkName  = "optup-local"
	bridgeName   = "optup0"
	nodeIP       = "10.201.255.1"
	podRange     = "10.201.0.0/16"
	podSubnet    = "10.201.0.0/24"
	podGateway   = "10.201.0.1"
	serviceRange = "10.202.0.0/16"
	// serviceIP is the address of the Service default/kubernetes: the first of serviceRange.
	serviceIP     = "10.202.0.1"
	apiPort       = "6443"
	clusterDomain = "cluster.local"
	serviceIssuer = "https://kubernetes.default.svc"
	registryAddr  = "127.0.0.1:5001"
	dnsReadyAddr  = "127.0.0.1:18181"
	pauseImage    = registryAddr + "/optup/pause:1"
	firewallTable = "optup_cluster"
	cgroupName    = "optup-cluster"
	volumeCount   = 8
)

// cluster holds where everything of the local cluster lives. All paths are absolute.
type cluster struct {
	// repo is the repository's root, module the folder of this Go module, bin where programs are built to.
	repo, module, bin string
	// state is what down removes; run holds sockets.
	state, run string
}

// locate finds the repository from the working folder, which is this module's folder under `go -C hack/cluster run .`.
func locate() (cluster, error) {
	dir, err := os.Getwd()
	if err != nil {
		return cluster{}, err
	}
	for ; ; dir = filepath.Dir(dir) {
		for _, module := range []string{dir, filepath.Join(dir, "hack", "cluster")} {
			if isOwnModule(module) {
				return clusterAt(filepath.Dir(filepath.Dir(module)), os.Getenv("OPTUP_CLUSTER_DIR"))
			}
		}
		if dir == filepath.Dir(dir) {
			return cluster{}, errors.New("run this inside the repository: go -C hack/cluster run . <command>")
		}
	}
}

func isOwnModule(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && strings.Contains(string(data), "module github.com/optup/optup/hack/cluster\n")
}

// clusterAt refuses a state folder that down could not remove without harm.
func clusterAt(repo, state string) (cluster, error) {
	if state == "" {
		state = "/var/lib/optup-cluster"
	}
	state = filepath.Clean(state)
	if !filepath.IsAbs(state) || strings.Count(state, "/") < 2 || strings.HasPrefix(repo+"/", state+"/") {
		return cluster{}, fmt.Errorf("OPTUP_CLUSTER_DIR=%s must be an absolute path below a top folder and not hold the repository, because down removes it", state)
	}
	return cluster{
		repo:   repo,
		module: filepath.Join(repo, "hack", "cluster"),
		bin:    filepath.Join(repo, "bin", "cluster"),
		state:  state,
		run:    "/run/optup-cluster",
	}, nil
}

// recorded is the cluster as the working copy that started it knows it: programs and notes are in that copy, which may be another
// one than this, and may be gone. Without a record it is c.
func (c cluster) recorded() cluster {
	data, err := os.ReadFile(c.record())
	if err != nil || !filepath.IsAbs(string(data)) {
		return c
	}
	other, err := clusterAt(filepath.Clean(string(data)), c.state)
	if err != nil {
		return c
	}
	other.run = c.run
	return other
}

// record holds the root of the working copy that started the cluster.
func (c cluster) record() string { return filepath.Join(c.run, "repository") }

func (c cluster) program(name string) string { return filepath.Join(c.bin, name) }
func (c cluster) in(parts ...string) string {
	return filepath.Join(append([]string{c.state}, parts...)...)
}
func (c cluster) pki(name string) string       { return c.in("pki", name) }
func (c cluster) config(name string) string    { return c.in("config", name) }
func (c cluster) logFile(name string) string   { return c.in("logs", name+".log") }
func (c cluster) pidFile(name string) string   { return c.in("pids", name) }
func (c cluster) socket(name string) string    { return filepath.Join(c.run, name+".sock") }
func (c cluster) kubeconfig(who string) string { return c.in(who + ".kubeconfig") }

// before is where up notes how it found the machine. It lies with the programs and not in the state, so that down can restore the
// machine even after somebody removed the state by hand.
func (c cluster) before(name string) string { return filepath.Join(c.bin, ".before", name) }

// server is the API server's URL.
func (c cluster) server() string { return "https://" + nodeIP + ":" + apiPort }
