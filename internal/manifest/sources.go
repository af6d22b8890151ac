package manifest

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/optup/optup/internal/policy"
)

// source is the node of one object and where its text begins.
type source struct {
	file string
	// before is the number of lines before the text that the nodes count from.
	before int
	node   *yaml.Node
}

func (s source) position(n *yaml.Node) Position {
	return Position{File: s.file, Line: n.Line + s.before, Column: n.Column}
}

// at finds the place of a field: of its key in an object, of its value in a list. Of a field that is not there, it is the place of
// the nearest object or list around it.
func (s source) at(field string) Position {
	place, n := s.node, s.node
	for field != "" && n != nil {
		key, value, rest := child(n, field)
		if key == nil {
			break
		}
		place, n, field = key, value, rest
	}
	return s.position(place)
}

// child finds the first step of a path among the children of a node: where it stands, its value, and the rest of the path.
func child(n *yaml.Node, path string) (place, value *yaml.Node, rest string) {
	n = resolved(n)
	if n.Kind == yaml.SequenceNode {
		i, rest, ok := index(path)
		if !ok || i >= len(n.Content) {
			return nil, nil, ""
		}
		return n.Content[i], n.Content[i], rest
	}
	longest := -1
	members(n, 0, func(k, v *yaml.Node) {
		name, _ := keyName(k)
		if after, ok := step(path, name); ok && len(name) > longest {
			place, value, rest, longest = k, v, after, len(name)
		}
	})
	return place, value, rest
}

// step takes one key off a path: "a.b" and ".a.b" begin with a, and so do "[a].b", `["a"].b` and "['a'].b". A key may hold dots and
// brackets itself.
func step(path, key string) (rest string, ok bool) {
	if inner, found := strings.CutPrefix(path, "["); found {
		for _, quote := range []string{"", `"`, "'"} {
			if rest, ok = strings.CutPrefix(inner, quote+key+quote+"]"); ok {
				return rest, true
			}
		}
		return "", false
	}
	rest, ok = strings.CutPrefix(strings.TrimPrefix(path, "."), key)
	return rest, ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func index(path string) (i int, rest string, ok bool) {
	inner, ok := strings.CutPrefix(path, "[")
	number, rest, closed := strings.Cut(inner, "]")
	i, err := strconv.Atoi(number)
	return i, rest, ok && closed && err == nil && i >= 0
}

// maxMerges is how deep merged objects may lie in each other.
const maxMerges = 16

// members calls with each member of an object, those that it merges after its own.
func members(n *yaml.Node, depth int, call func(key, value *yaml.Node)) {
	n = resolved(n)
	if n.Kind != yaml.MappingNode || depth > maxMerges {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !merges(n.Content[i]) {
			call(n.Content[i], n.Content[i+1])
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if merges(n.Content[i]) {
			from := resolved(n.Content[i+1])
			members(from, depth+1, call)
			if from.Kind == yaml.SequenceNode {
				for _, one := range from.Content {
					members(one, depth+1, call)
				}
			}
		}
	}
}

func merges(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && key.ShortTag() == "!!merge"
}

func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// Sources tells where objects and their fields stand. It may be read by several goroutines.
type Sources struct {
	objects map[policy.Ref]source
}

// At gives the position of a field of an object, for example "spec.rules[0].purpose" or "metadata.labels[app.kubernetes.io/name]";
// the object itself for an empty path. Where the field is left out, it is the nearest object or list around it that is there. It
// reports false for an object that no file holds.
func (s Sources) At(ref policy.Ref, field string) (Position, bool) {
	o, ok := s.objects[ref]
	if !ok {
		return Position{}, false
	}
	return o.at(field), true
}
