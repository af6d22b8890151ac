package archtest

// module is the path of the root module; all paths in the tables below are relative to it.
const module = "github.com/optup/optup"

// A path in these tables names a package and everything below it. "." is the manager's main package alone.

// layer is one level of the import order. A package imports from its own layer and from those before it, never from a later one.
type layer struct {
	name     string
	what     string
	packages []string
}

// layers is the import order, from the contracts at the bottom to the binaries at the top.
var layers = []layer{
	{"L0", "plain contracts", []string{"internal/ir", "internal/policy", "internal/consent", "internal/defence"}},
	{"L1", "pure functions", []string{
		"internal/compile", "internal/decide", "internal/facts", "internal/jsonfilter", "internal/csvfilter", "internal/formfilter",
		"internal/enforce", "internal/callback", "internal/pods", "internal/ledger/wire", "internal/ledger/proof", "internal/ledger/touchpoint", "internal/ledger/signal",
	}},
	{"L2", "terms of the outside: Kubernetes types and their translation, tokens, stores", []string{
		"api", "config/crd", "internal/translate", "internal/manifest", "internal/openapi", "internal/schema", "internal/scenario",
		"internal/explain", "internal/inject", "internal/credential", "internal/workload", "internal/identity",
		"internal/ledger/store",
	}},
	{"L3", "parts that run", []string{
		"controllers", "internal/webhook", "internal/distribute", "internal/uses", "internal/otlp", "internal/metrics", "internal/roots", "internal/intercept", "internal/peer", "internal/proxy", "internal/doors", "internal/capture", "internal/ledger",
		"internal/certificates", "internal/shop", "internal/standalone", "internal/cli",
	}},
	{"L4", "binaries and their wiring", []string{".", "cmd", "internal/manager"}},
}

// testOnly lists what only tests and other programs for testing import. It stands outside the layers and may import anything.
var testOnly = []string{
	"internal/testkit", "internal/archtest", "internal/ledger/storetest", "internal/doors/doorstest", "internal/ledger/ledgertest", "config/samples", "config/catalogue", "docs/guides", "hack/reference", "test",
}

// closedList says which modules and packages outside the standard library a package may import. Packages of this module are not
// meant; the layers rule those, except for a package that stands alone.
type closedList struct {
	pkg     string
	allowed []string
	// alone tells that the package imports nothing of this module's internal packages but its own.
	alone   bool
	because string
}

// onlyFor are the closed lists.
var onlyFor = []closedList{
	{pkg: "internal/ir", because: "it is a contract that anything may read, so it rests on the standard library alone"},
	{pkg: "internal/policy", because: "it is a contract that anything may fill, so it rests on the standard library alone"},
	{
		pkg: "internal/consent", allowed: []string{"golang.org/x/net/idna"},
		because: "it is the domain of the ledger, so it rests on the standard library alone, but for the tables of domain names",
	},
	{pkg: "internal/defence", because: "it is nothing but constants"},
	{
		pkg: "internal/compile", allowed: []string{"golang.org/x/net/publicsuffix"},
		because: "it is pure and runs in the operator, the command line and the tests alike; which names are public is a table",
	},
	{pkg: "internal/decide", because: "it is pure and sits in the path of every request"},
	{pkg: "internal/enforce", because: "it sits in the path of every request"},
	{pkg: "internal/callback", because: "it decides who sent what comes from outside of the cluster"},
	{pkg: "internal/pods", because: "it sits in the path of every connection"},
	{pkg: "internal/csvfilter", because: "it sits in the path of every request"},
	{pkg: "internal/formfilter", because: "it sits in the path of every request"},
	{
		pkg: "internal/facts", allowed: []string{"golang.org/x/sys/cpu"},
		because: "it sits in the path of every request and needs to know what the processor can do",
	},
	{pkg: "internal/ledger/signal", because: "what a header says is a pure question"},
	{pkg: "internal/ledger/touchpoint", because: "whom one may ask is a pure question, which the ledger, the command line and the tests ask alike"},
	{pkg: "internal/ledger/wire", because: "it is a contract between the ledger and whoever follows it"},
	{
		pkg: "internal/ledger/proof", allowed: []string{"github.com/transparency-dev/merkle", "golang.org/x/mod/sumdb/note"},
		because: "whoever checks a receipt should have little to trust",
	},
	{
		pkg: "internal/jsonfilter", allowed: []string{"golang.org/x/sys/cpu"},
		because: "it sits in the path of every request and needs to know what the processor can do, and nothing else",
	},
	{
		pkg: "api", allowed: []string{"k8s.io/apimachinery", "k8s.io/api", "k8s.io/apiextensions-apiserver/pkg/apis"}, alone: true,
		because: "clients import the types, and should not have to link a controller library with them",
	},
	{pkg: "internal/shop", alone: true, because: "it stands for applications that know nothing of OptUp"},
}

// pure lists the packages whose functions take time and every other input as values.
var pure = concat(layers[0].packages, layers[1].packages)

// impure lists what would bring the outside world into a pure package, each with what to do instead. Only the named package is
// meant, not those below it; net/url and net/netip are fine.
var impure = map[string]string{
	"context":       "a pure function ends by itself; there is nothing to cancel",
	"log":           "return findings or errors and let the caller log",
	"log/slog":      "return findings or errors and let the caller log",
	"net":           "take addresses as values (net/netip) and leave the network to layer L3",
	"net/http":      "take what is needed of a request as values",
	"os":            "take contents as values or an fs.FS",
	"os/exec":       "take results as values",
	"os/signal":     "leave signals to the binaries",
	"syscall":       "leave the system to layer L3",
	"math/rand":     "take random values as arguments",
	"math/rand/v2":  "take random values as arguments",
	"crypto/rand":   "take random values as arguments",
	"database/sql":  "leave databases to internal/ledger",
	"testing":       "keep tests in _test.go files",
	"unsafe":        "leave memory to the compiler",
	"runtime/debug": "take build information as a value",
}

// clockReads lists the functions of package time that read or follow the wall clock. Pure packages take `now` as a value.
var clockReads = map[string]bool{
	"Now": true, "Since": true, "Until": true, "After": true, "AfterFunc": true, "NewTimer": true, "NewTicker": true, "Sleep": true,
	"Tick": true,
}

// kubernetes is the place of the rule about Kubernetes libraries, which holds for tests as well.
const kubernetes = 0

// unreachable lists what must not be linked into a package, by itself or by anything it imports.
var unreachable = []struct {
	pkgs    []string
	targets []string
	because string
}{
	{
		concat(pure, []string{
			"internal/proxy", "internal/doors", "internal/uses", "internal/capture", "internal/identity", "internal/ledger", "internal/distribute/client",
			"internal/distribute/configv1", "internal/shop", "cmd/sidecar", "cmd/ledger", "cmd/shop",
		}),
		[]string{"k8s.io", "sigs.k8s.io"},
		"the core, the sidecar and the ledger link no Kubernetes library: they are small, start fast and run anywhere",
	},
	{
		[]string{"internal/proxy", "internal/doors", "internal/uses", "internal/ledger/client", "cmd/sidecar"},
		[]string{"modernc.org/sqlite", "github.com/jackc/pgx", "internal/ledger/store"},
		"the sidecar knows the ledger by its stream only and links no database driver",
	},
	{
		[]string{"cmd/sidecar"},
		[]string{"google.golang.org/grpc", "google.golang.org/genproto", "google.golang.org/protobuf/proto", "google.golang.org/protobuf/reflect", "google.golang.org/protobuf/runtime", "connectrpc.com", "github.com/prometheus", "github.com/spf13", "go.opentelemetry.io/otel/sdk", "github.com/go-json-experiment"},
		"the sidecar is in every pod, and each of these takes more of its memory than what is used of it: see internal/metrics, internal/otlp and internal/jsonfilter",
	},
	{
		[]string{".", "cmd", "internal/manager"},
		testOnly,
		"programs for testing are no part of a binary",
	},
}

// leaves are packages that only the layer of the binaries imports: nothing may come to depend on them.
var leaves = []string{"controllers", "internal/webhook", "internal/standalone", "internal/cli"}

// vagueNames are package names that say nothing about what is inside.
var vagueNames = []string{"util", "utils", "common", "helper", "helpers", "misc", "pkg"}

func concat(lists ...[]string) []string {
	var all []string
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}
