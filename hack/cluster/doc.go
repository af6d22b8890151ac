// Command cluster is the local Kubernetes of this repository: a whole cluster on one Linux machine, built from source by the
// Go tool chain, without a container engine and without downloading images or programs.
//
// It builds etcd, Kubernetes, containerd, runc and CoreDNS from the pinned modules beside it, starts them as processes on a
// private bridge, and takes them away again. The way through the files is the way of a start: programs.go and build.go make the
// programs, prerequisites.go says what the machine lacks, pki.go and render.go write the settings, network.go lays the bridge,
// components.go names the processes in starting order, up.go starts them, down.go and cleanup.go remove every trace.
//
// It knows nothing of the operator: no API group, no chart, no image of it. Whoever tests the operator gets a kubeconfig, an
// image registry on loopback, and a StorageClass, and the same commands work on kind or on a cluster that exists already
// (--cluster, or the variable CLUSTER).
//
// Settings come from three variables: OPTUP_CLUSTER_DIR (state, default /var/lib/optup-cluster), OPTUP_INSTALL=1 (install
// missing Debian packages), OPTUP_REGISTRY (where images for an existing cluster are pushed).
package main
