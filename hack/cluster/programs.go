package main

// program is one program that build makes.
type program struct {
	name string
	// module is the folder below hack/cluster whose go.mod pins the program; "." for the programs of this module.
	module string
	// pkg is the Go package of the program's main function.
	pkg     string
	ldflags string
	tags    string
	// cgo needs a C compiler and the headers that prerequisites.go lists.
	cgo bool
}

// own tells whether the source lies in this module, so that only the Go tool can say whether the program is up to date.
func (p program) own() bool { return p.module == "." }

const (
	stripped = "-s -w"
	// Kubernetes refuses clients and nodes of a server whose version it cannot read, so its version is set as its own build does.
	kubernetesVersion = stripped + " -X k8s.io/component-base/version.gitVersion=v1.37.2" +
		" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37"
)

func kubernetesProgram(name string) program {
	return program{name: name, module: "kubernetes", pkg: "k8s.io/kubernetes/cmd/" + name, ldflags: kubernetesVersion}
}

func containerdProgram(name string) program {
	return program{name: name, module: "containerd", pkg: "github.com/containerd/containerd/v2/cmd/" + name, ldflags: stripped}
}

func ownProgram(name, pkg string) program {
	return program{name: name, module: ".", pkg: pkg, ldflags: stripped}
}

// apiServerPrograms serve as KUBEBUILDER_ASSETS for suites that need an API server and no node.
var apiServerPrograms = []program{
	{name: "etcd", module: "etcd", pkg: "go.etcd.io/etcd/server/v3", ldflags: stripped},
	kubernetesProgram("kubectl"),
	kubernetesProgram("kube-apiserver"),
}

// toolPrograms are this module's own: the pod sandbox's program, the smoke test's, and this tool for its detached children.
var toolPrograms = []program{
	ownProgram("pause", "./pause"),
	ownProgram("probe", "./probe"),
	ownProgram("optup-cluster", "."),
}

// allPrograms is everything that up starts or puts in an image.
var allPrograms = join(apiServerPrograms, []program{
	{name: "runc", module: "runc", pkg: "github.com/opencontainers/runc", ldflags: stripped, tags: "seccomp", cgo: true},
	containerdProgram("containerd"),
	containerdProgram("containerd-shim-runc-v2"),
	containerdProgram("ctr"),
	kubernetesProgram("kube-controller-manager"),
	kubernetesProgram("kube-scheduler"),
	kubernetesProgram("kubelet"),
	kubernetesProgram("kube-proxy"),
	{name: "coredns", module: "coredns", pkg: "github.com/coredns/coredns", ldflags: stripped},
}, toolPrograms)

func join(lists ...[]program) []program {
	var all []program
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}
