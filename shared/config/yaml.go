package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	yamlv3 "go.yaml.in/yaml/v3"
)

// strictYAML refuses what the parser would pass over in silence: a second
// document, whose keys would count for nothing.
type strictYAML struct{ *yaml.YAML }

// Unmarshal reads one document whose root is a mapping.
func (p strictYAML) Unmarshal(body []byte) (map[string]any, error) {
	tree, err := p.YAML.Unmarshal(body)
	if err != nil {
		return nil, asSyntax(err)
	}
	decoder := yamlv3.NewDecoder(bytes.NewReader(body))
	var first, second yamlv3.Node
	if err := decoder.Decode(&first); err != nil && !errors.Is(err, io.EOF) {
		return nil, asSyntax(err)
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, syntaxError{second.Line, "a second document: a config is one"}
	} else if !errors.Is(err, io.EOF) {
		return nil, asSyntax(err)
	}
	return tree, nil
}

// syntaxError is one problem of the text. Line counts from 1; 0 is unknown.
type syntaxError struct {
	line    int
	message string
}

func (e syntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.message) }

var (
	yamlLine  = regexp.MustCompile(`line (\d+): (.*)`)
	yamlValue = regexp.MustCompile("`[^`]*`")
	// Of the two stages of yaml/v3, the scanner counts lines from 1 and the
	// parser from 0 (and leaves out 0); these are the parser's messages.
	yamlFromZero = regexp.MustCompile(`^(did not find expected (<|node content|'-'|key$|',')|found undefined tag handle)`)
)

// asSyntax takes line and message out of the parser's error, which may have
// several lines, and quotes values: those stay out, one may be a secret.
func asSyntax(err error) syntaxError {
	message, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: "), "\n")
	line := 0
	if found := yamlLine.FindStringSubmatch(err.Error()); found != nil {
		message = found[2]
		if n, err := strconv.Atoi(found[1]); err == nil {
			line = n
		}
	}
	if yamlFromZero.MatchString(message) {
		line++
	}
	if strings.Contains(message, "cannot unmarshal") {
		message = "must be keys with values"
	}
	return syntaxError{line, yamlValue.ReplaceAllString(message, "a value")}
}
