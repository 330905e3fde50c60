package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// node is one parsed YAML mapping.
type node = map[string]any

// bundler copies what a spec refers to in other files into that spec.
// kin-openapi's InternalizeRefs does not carry path items over with their
// names intact; this small walk does, and its output is stable.
type bundler struct {
	dir   string
	files map[string]node
	out   node
	open  map[string]bool // components that were copied or are being copied
}

// bundle returns the spec in file (a name in dir) with every reference local.
func bundle(dir, file string) (node, error) {
	b := &bundler{dir: dir, files: map[string]node{}, open: map[string]bool{}}
	root, err := b.load(file)
	if err != nil {
		return nil, err
	}
	b.out = node{"components": node{}}
	for _, key := range []string{"openapi", "info", "servers", "tags"} {
		if v, ok := root[key]; ok {
			b.out[key] = v
		}
	}
	components, _ := root["components"].(node)
	for kind, members := range components {
		for name := range members.(node) {
			if err := b.component(file, kind, name); err != nil {
				return nil, err
			}
		}
	}
	paths, _ := root["paths"].(node)
	out := make(node, len(paths))
	for path, item := range paths {
		var err error
		if out[path], err = b.pathItem(file, item); err != nil {
			return nil, err
		}
	}
	b.out["paths"] = out
	return b.out, nil
}

// pathItem makes a path's operations local. Those of another file carry its name as x-service: the gateway proxies them
// to that service.
func (b *bundler) pathItem(file string, item any) (any, error) {
	resolved, err := b.resolve(file, item)
	if err != nil {
		return nil, err
	}
	members, _ := item.(node)
	ref, _ := members["$ref"].(string)
	if target, _, _ := strings.Cut(ref, "#"); target != "" {
		resolved.(node)["x-service"] = strings.TrimSuffix(target, ".yaml")
	}
	return resolved, nil
}

// resolve returns v with each reference made local, relative to the file that v stands in.
func (b *bundler) resolve(file string, v any) (any, error) {
	switch v := v.(type) {
	case node:
		if ref, ok := v["$ref"].(string); ok {
			return b.reference(file, ref)
		}
		out := make(node, len(v))
		for key, value := range v {
			resolved, err := b.resolve(file, value)
			if err != nil {
				return nil, err
			}
			out[key] = resolved
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			resolved, err := b.resolve(file, value)
			if err != nil {
				return nil, err
			}
			out[i] = resolved
		}
		return out, nil
	default:
		return v, nil
	}
}

// reference makes one $ref local: components are copied, everything else is inlined.
func (b *bundler) reference(file, ref string) (any, error) {
	target, pointer, ok := strings.Cut(ref, "#/")
	if !ok {
		return nil, fmt.Errorf("%s: %q: only references with a pointer are allowed", file, ref)
	}
	if target == "" {
		target = file
	}
	parts := strings.Split(pointer, "/")
	for i, part := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	if len(parts) == 3 && parts[0] == "components" {
		if err := b.component(target, parts[1], parts[2]); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return node{"$ref": "#/components/" + parts[1] + "/" + parts[2]}, nil
	}
	value, err := b.lookup(target, parts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return b.resolve(target, value)
}

// component copies one component, and what it refers to, into the output.
func (b *bundler) component(file, kind, name string) error {
	key := kind + "/" + name
	if b.open[key] {
		return nil
	}
	b.open[key] = true
	value, err := b.lookup(file, []string{"components", kind, name})
	if err != nil {
		return err
	}
	// A component that only names another file's component of the same name is that component.
	if alias, ok := value.(node)["$ref"].(string); ok && strings.HasSuffix(alias, "/"+key) && !strings.HasPrefix(alias, "#") {
		b.open[key] = false
		target, _, _ := strings.Cut(alias, "#")
		return b.component(target, kind, name)
	}
	resolved, err := b.resolve(file, value)
	if err != nil {
		return err
	}
	members, ok := b.out["components"].(node)[kind].(node)
	if !ok {
		members = node{}
		b.out["components"].(node)[kind] = members
	}
	members[name] = resolved
	return nil
}

// lookup finds the value behind a pointer.
func (b *bundler) lookup(file string, parts []string) (any, error) {
	root, err := b.load(file)
	if err != nil {
		return nil, err
	}
	var at any = root
	for _, part := range parts {
		m, ok := at.(node)
		if !ok || m[part] == nil {
			return nil, fmt.Errorf("%s has no #/%s", file, strings.Join(parts, "/"))
		}
		at = m[part]
	}
	return at, nil
}

func (b *bundler) load(file string) (node, error) {
	if root, ok := b.files[file]; ok {
		return root, nil
	}
	text, err := os.ReadFile(filepath.Join(b.dir, file))
	if err != nil {
		return nil, err
	}
	root := node{}
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	b.files[file] = maps.Clone(root)
	return root, nil
}
