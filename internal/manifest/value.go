package manifest

import (
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v4"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	// maxDepth is how deep values may lie in each other. The deepest kind has about fifteen levels.
	maxDepth = 100
	// maxExpanded is how many values the aliases of one file may stand for. A few lines of aliases of aliases stand for billions.
	maxExpanded = 200_000
)

// tree makes the values of JSON from the nodes of one document: map[string]any, []any, string, int64, float64, bool and nil.
type tree struct {
	// report takes what is wrong with a node.
	report func(n *yaml.Node, path *field.Path, message string)
	// expanded counts the values that aliases of the file stood for.
	expanded *int
	open     map[*yaml.Node]bool
	// aliases is how many aliases lie around the present node, depth how many values.
	aliases, depth int
	// broken is set when the document is given up.
	broken bool
}

// value gives the value of a node. It means nothing once the document is broken.
func (t *tree) value(n *yaml.Node, path *field.Path) any {
	if t.broken {
		return nil
	}
	if n.Kind == yaml.AliasNode {
		return t.alias(n, path)
	}
	if t.aliases > 0 {
		if *t.expanded++; *t.expanded > maxExpanded {
			return t.giveUp(n, path, fmt.Sprintf("the aliases of this file stand for more than %d values", maxExpanded))
		}
	}
	if t.depth++; t.depth > maxDepth {
		return t.giveUp(n, path, fmt.Sprintf("values lie more than %d deep in each other", maxDepth))
	}
	defer func() { t.depth-- }()
	switch n.Kind {
	case yaml.MappingNode:
		return t.object(n, path)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for i, one := range n.Content {
			list = append(list, t.value(one, path.Index(i)))
		}
		return list
	default:
		v, wrong := scalar(n)
		if wrong != "" {
			t.report(n, path, wrong)
		}
		return v
	}
}

func (t *tree) giveUp(n *yaml.Node, path *field.Path, message string) any {
	t.broken = true
	t.report(n, path, message)
	return nil
}

func (t *tree) alias(n *yaml.Node, path *field.Path) any {
	if t.open[n.Alias] {
		return t.giveUp(n, path, "the alias stands for something that it is part of")
	}
	if t.open == nil {
		t.open = map[*yaml.Node]bool{}
	}
	t.open[n.Alias] = true
	t.aliases++
	v := t.value(n.Alias, path)
	t.aliases--
	delete(t.open, n.Alias)
	return v
}

func (t *tree) object(n *yaml.Node, path *field.Path) any {
	out := make(map[string]any, len(n.Content)/2)
	var first map[string]int
	for i := 0; i+1 < len(n.Content) && !t.broken; i += 2 {
		key := n.Content[i]
		if merges(key) {
			continue
		}
		name, wrong := keyName(key)
		if wrong != "" {
			t.report(key, path, wrong)
			continue
		}
		inner := member(path, name)
		if _, had := out[name]; had {
			if first == nil {
				first = firstLines(n)
			}
			// The difference of lines, since this knows nothing of the documents before.
			t.report(key, inner, fmt.Sprintf("is given twice; the first time %s", ago(key.Line-first[name])))
			continue
		}
		out[name] = t.value(n.Content[i+1], inner)
	}
	for i := 0; i+1 < len(n.Content) && !t.broken; i += 2 {
		if merges(n.Content[i]) {
			t.merge(out, n.Content[i+1], path)
		}
	}
	return out
}

// merge adds members of other objects that the object does not have itself.
func (t *tree) merge(out map[string]any, n *yaml.Node, path *field.Path) {
	list := []*yaml.Node{n}
	if from := resolved(n); from.Kind == yaml.SequenceNode {
		list = from.Content
	}
	for _, one := range list {
		if resolved(one).Kind != yaml.MappingNode {
			t.report(one, path, "<< merges objects only")
			continue
		}
		t.aliases++
		from, _ := t.value(one, path).(map[string]any)
		t.aliases--
		for k, v := range from {
			if _, had := out[k]; !had {
				out[k] = v
			}
		}
	}
}

func firstLines(n *yaml.Node) map[string]int {
	out := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, _ := keyName(n.Content[i])
		if _, had := out[name]; !had {
			out[name] = n.Content[i].Line
		}
	}
	return out
}

func ago(lines int) string {
	switch lines {
	case 0:
		return "on this line"
	case 1:
		return "on the line before"
	default:
		return fmt.Sprintf("%d lines before", lines)
	}
}

// keyName gives the name of a member. JSON has text only; kubectl takes numbers and booleans as such.
func keyName(n *yaml.Node) (name, wrong string) {
	n = resolved(n)
	if n.Kind != yaml.ScalarNode {
		return "", "the name of a member is a list or an object"
	}
	v, wrong := scalar(n)
	if wrong != "" {
		return "", wrong
	}
	if v == nil {
		return "", "the name of a member is null"
	}
	return fmt.Sprint(v), ""
}

var plainName = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$-]*$`)

// member is the path of a member whose type is not known: names of fields after a dot, other keys in brackets.
func member(path *field.Path, name string) *field.Path {
	if plainName.MatchString(name) && len(name) <= maxName {
		return path.Child(name)
	}
	return path.Key(shown(name))
}
