package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readFile sets the keys of one YAML document whose root is a mapping. Its error
// is one that leaves nothing to read; all others go into problems.
func readFile(keys *schema, path string, problems *Errors) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("config file: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(body))
	var root, second yaml.Node
	if err := decoder.Decode(&root); errors.Is(err, io.EOF) {
		return nil // nothing but comments
	} else if err != nil {
		return syntaxError(path, err)
	}
	if err := decoder.Decode(&second); err == nil {
		return fmt.Errorf("%s: line %d: a second document: a config is one", path, second.Line)
	} else if !errors.Is(err, io.EOF) {
		return syntaxError(path, err)
	}
	top := root.Content[0]
	if top.Kind != yaml.MappingNode {
		return fmt.Errorf("%s: line %d: must be keys with values", path, top.Line)
	}
	readSection(keys, "", top, problems)
	return nil
}

// readSection sets the keys of one mapping. `key:` with nothing behind it says
// nothing, for it is what is left of a section whose keys are commented out.
func readSection(keys *schema, path string, section *yaml.Node, problems *Errors) {
	seen := map[string]int{}
	for key, value := range entries(section) {
		full, line := join(path, key.Value), fmt.Sprintf("line %d", key.Line)
		if first, twice := seen[key.Value]; twice {
			problems.at(full, line, fmt.Errorf("is there already, in line %d", first))
			continue
		}
		seen[key.Value] = key.Line
		_, below := keys.sections[full]
		switch target, known := keys.leaves[full]; {
		case strings.Contains(key.Value, "."):
			problems.at(full, line, errors.New("unknown key: nest the parts, a key has no dots"))
		case !known && !below:
			problems.at(full, line, errors.New("unknown key"+nearest(full, keys.leaves)))
		case value.Tag == "!!null":
		case known:
			problems.at(full, line, target.setNode(value))
		case value.Kind != yaml.MappingNode:
			problems.at(full, line, errors.New("is a section: must hold keys"))
		default:
			readSection(keys, full, value, problems)
		}
	}
}

// entries are the keys and values of a mapping, with each alias as what it stands for.
func entries(mapping *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			if !yield(resolved(mapping.Content[i]), resolved(mapping.Content[i+1])) {
				return
			}
		}
	}
}

func resolved(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// setNode sets a key by a YAML value: a scalar by its text as it stands there, so
// that 0123 keeps its zero.
func (l leaf) setNode(value *yaml.Node) error {
	switch {
	case value.Kind == yaml.ScalarNode:
		return l.setText(value.Value)
	case !l.isList():
		return mustBe(l.value.Type())
	case value.Kind != yaml.SequenceNode:
		return errors.New("must be a list")
	}
	items := make([]string, len(value.Content))
	for i, item := range value.Content {
		item = resolved(item)
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			return fmt.Errorf("item %d: %w", i+1, mustBe(l.value.Type().Elem()))
		}
		items[i] = item.Value
	}
	return l.setList(items)
}

// parserLine is the message of the second of yaml/v3's two stages, which counts
// lines from 0 (and leaves 0 out); the first one, the scanner, counts from 1.
var parserLine = regexp.MustCompile(`^(?:line (\d+): )?((?:did not find expected (?:<|node content|'-'|key$|',')|found undefined tag handle).*)`)

// syntaxError puts the parser's message behind the file's name. It shows no value.
func syntaxError(path string, err error) error {
	message, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: "), "\n")
	if found := parserLine.FindStringSubmatch(message); found != nil {
		line, _ := strconv.Atoi(found[1]) // digits, or none
		message = fmt.Sprintf("line %d: %s", line+1, found[2])
	}
	if strings.HasPrefix(message, "unknown anchor") { // whose name may be a password that begins with *
		message = "unknown anchor: quote a text that begins with *"
	}
	return fmt.Errorf("%s: %s", path, message)
}
