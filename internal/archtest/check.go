package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// graph is the import graph of the module and all that it imports: path of the package -> paths of what it imports, tests left
// out. Paths of this module are relative to it.
type graph map[string][]string

// checkImports returns one plain-English line for every import that breaks a rule of layers.go, sorted.
func checkImports(g graph, own []string) []string {
	var broken []string
	for _, pkg := range own {
		broken = append(broken, checkName(pkg)...)
		if below(pkg, testOnly...) {
			continue
		}
		at := layerOf(pkg)
		if at < 0 {
			broken = append(broken, fmt.Sprintf("%s stands in no layer; enter it in internal/archtest/layers.go, in the lowest one that "+
				"it fits", pkg))
			continue
		}
		broken = append(broken, checkDirection(pkg, at, g[pkg])...)
		broken = append(broken, checkPurity(pkg, g[pkg])...)
		broken = append(broken, checkClosedList(pkg, g[pkg])...)
		broken = append(broken, checkReach(g, pkg)...)
	}
	slices.Sort(broken)
	return broken
}

// checkTests finds tests that import Kubernetes libraries where the package must not link any: a test that needs them tests another
// package's work.
func checkTests(tests graph) []string {
	var broken []string
	rule := unreachable[kubernetes]
	for pkg, imports := range tests {
		for _, imported := range imports {
			if below(pkg, rule.pkgs...) && !below(pkg, testOnly...) && below(imported, rule.targets...) {
				broken = append(broken, fmt.Sprintf("a test of %s imports %s: %s", pkg, imported, rule.because))
			}
		}
	}
	slices.Sort(broken)
	return broken
}

// checkName finds package names that say nothing.
func checkName(pkg string) []string {
	for _, part := range strings.Split(pkg, "/") {
		if slices.Contains(vagueNames, part) {
			return []string{fmt.Sprintf("%s: %q says nothing about what is inside; a helper lives with its only caller, and with three "+
				"callers it gets a package named by a noun", pkg, part)}
		}
	}
	return nil
}

// checkDirection finds imports that go up, imports of leaves and imports of what is for tests.
func checkDirection(pkg string, at int, imports []string) []string {
	var broken []string
	for _, imported := range imports {
		switch to := layerOf(imported); {
		case below(imported, testOnly...):
			broken = append(broken, fmt.Sprintf("%s imports %s, which is for tests only", pkg, imported))
		case to > at:
			broken = append(broken, fmt.Sprintf("%s (%s, %s) imports %s (%s, %s): imports go one way only, from L4 down to L0; move what is "+
				"shared down, or pass it in as a value", pkg, layers[at].name, layers[at].what, imported, layers[to].name, layers[to].what))
		case at < len(layers)-1 && below(imported, leaves...) && owner(imported, leaves) != owner(pkg, leaves):
			broken = append(broken, fmt.Sprintf("%s imports %s, which only the binaries import; move what is shared to a package of its own",
				pkg, imported))
		}
	}
	return broken
}

// checkPurity finds imports that bring the outside world into a pure package.
func checkPurity(pkg string, imports []string) []string {
	if !below(pkg, pure...) {
		return nil
	}
	var broken []string
	for _, imported := range imports {
		if instead, found := impure[imported]; found {
			broken = append(broken, fmt.Sprintf("%s imports %s, but is pure: %s", pkg, imported, instead))
		}
	}
	return broken
}

// checkClosedList finds imports from outside that a package with a closed list does not name.
func checkClosedList(pkg string, imports []string) []string {
	var broken []string
	for _, rule := range onlyFor {
		if !below(pkg, rule.pkg) {
			continue
		}
		for _, imported := range imports {
			if external(imported) && !below(imported, rule.allowed...) {
				broken = append(broken, fmt.Sprintf("%s imports %s: %s", pkg, imported, rule.because))
			}
			if rule.alone && below(imported, "internal") && !below(imported, rule.pkg) {
				broken = append(broken, fmt.Sprintf("%s imports %s: %s", pkg, imported, rule.because))
			}
		}
	}
	return broken
}

// checkReach finds what a package must not link and by which road it does. It names the first target of each rule only.
func checkReach(g graph, pkg string) []string {
	var broken []string
	for _, rule := range unreachable {
		if !below(pkg, rule.pkgs...) {
			continue
		}
		if road := g.road(pkg, rule.targets); road != nil {
			broken = append(broken, fmt.Sprintf("%s links %s: %s. The road: %s", pkg, road[len(road)-1], rule.because,
				strings.Join(road, " -> ")))
		}
	}
	return broken
}

// road returns a shortest chain of imports from a package to one of the targets, both included, or nil.
func (g graph) road(from string, targets []string) []string {
	cameFrom := map[string]string{from: ""}
	queue := []string{from}
	for len(queue) > 0 {
		pkg := queue[0]
		queue = queue[1:]
		if pkg != from && below(pkg, targets...) {
			var road []string
			for ; pkg != ""; pkg = cameFrom[pkg] {
				road = append(road, pkg)
			}
			slices.Reverse(road)
			return road
		}
		for _, imported := range g[pkg] {
			if _, seen := cameFrom[imported]; !seen {
				cameFrom[imported] = pkg
				queue = append(queue, imported)
			}
		}
	}
	return nil
}

// layerOf returns the index of the package's layer, or -1.
func layerOf(pkg string) int {
	return slices.IndexFunc(layers, func(l layer) bool { return below(pkg, l.packages...) })
}

// below reports whether the package is one of the roots or lies below one. "." has nothing below it.
func below(pkg string, roots ...string) bool {
	return owner(pkg, roots) != ""
}

// owner returns the root that the package is or lies below, or "".
func owner(pkg string, roots []string) string {
	for _, root := range roots {
		if pkg == root || strings.HasPrefix(pkg, root+"/") {
			return root
		}
	}
	return ""
}

// external reports whether the path belongs to another module: its first element is a host name.
func external(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".") && path != "."
}
