package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A path that another file serves carries that file's name, for the gateway's proxy; one of its own carries none. What
// paths refer to is local afterwards.
func TestPathItem(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"door.yaml": "openapi: 3.0.3\ninfo: {}\npaths:\n  /own: {get: {operationId: own}}\n  /other: {$ref: \"shop.yaml#/paths/~1other\"}\n",
		"shop.yaml": "paths:\n  /other:\n    get: {parameters: [{$ref: \"#/components/parameters/Size\"}], x: {$ref: \"#/paths/~1plain\"}}\n" +
			"  /plain: {get: {operationId: plain}}\ncomponents: {parameters: {Size: {name: size, in: query}}}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	spec, err := bundle(dir, "door.yaml")
	if err != nil {
		t.Fatal(err)
	}
	paths := spec["paths"].(node)
	if other := paths["/other"].(node); other["x-service"] != "shop" {
		t.Errorf("x-service of another file's path: %v", other["x-service"])
	}
	if own := paths["/own"].(node); own["x-service"] != nil {
		t.Errorf("x-service of its own path: %v", own["x-service"])
	}
	get := paths["/other"].(node)["get"].(node)
	if inlined := get["x"].(node); inlined["x-service"] != nil || inlined["get"] == nil {
		t.Errorf("what a path refers to: %v", inlined)
	}
	if ref := get["parameters"].([]any)[0].(node)["$ref"]; ref != "#/components/parameters/Size" || spec["components"].(node)["parameters"].(node)["Size"] == nil {
		t.Errorf("the parameter is at %v", ref)
	}
}
