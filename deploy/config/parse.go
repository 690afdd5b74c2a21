package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Problem is one mistake in a file.
type Problem struct {
	Line    int // from 1; 0 when it belongs to no line
	Key     string
	Message string
	Remedy  string
}

// Error lists what is wrong with a file.
type Error struct {
	File     string
	Problems []Problem
}

// Error gives a line for each problem: file, line, key, what is wrong, what to do.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, problem := range e.Problems {
		line := e.File
		if problem.Line > 0 {
			line += fmt.Sprintf(":%d", problem.Line)
		}
		if problem.Key != "" {
			line += ": " + problem.Key
		}
		line += ": " + problem.Message
		if problem.Remedy != "" {
			line += "; " + problem.Remedy
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

const (
	// maxFile bounds a file in bytes.
	maxFile = 1 << 20
	// maxProblems bounds what is told at once.
	maxProblems = 20
)

// Load reads a file. Errors: *Error for what is wrong in it.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the configuration cannot be read: %w", err)
	}
	return Parse(path, data)
}

// Parse reads the content of a file; relative paths in it start from the
// directory of name. Errors: *Error.
func Parse(name string, data []byte) (*Config, error) {
	r := &reading{config: defaults(), lines: map[string]int{}, failure: &Error{File: name}}
	r.config.File = name
	if len(data) > maxFile {
		r.add(0, "", "the file is larger than 1 MiB", "")
		return nil, r.failure
	}
	r.file(data)
	if len(r.failure.Problems) == 0 {
		r.config.check(func(key, message, remedy string) { r.add(r.lines[key], key, message, remedy) })
	}
	if len(r.failure.Problems) > 0 {
		return nil, r.failure
	}
	r.config.resolvePaths(filepath.Dir(name))
	return r.config, nil
}

func (c *Config) resolvePaths(dir string) {
	if c.Cluster.SecretsDir == "" {
		c.Cluster.SecretsDir = c.StateDir
	}
	paths := []*string{&c.StateDir, &c.Cluster.SecretsDir, &c.TLSCertificate, &c.TLSKey}
	for name, domain := range c.Domains {
		if domain.CAFile != "" && !filepath.IsAbs(domain.CAFile) {
			domain.CAFile = filepath.Join(dir, domain.CAFile)
			c.Domains[name] = domain
		}
	}
	for _, path := range paths {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
}

// reading is a file being read.
type reading struct {
	config  *Config
	lines   map[string]int // key → its line
	failure *Error
}

func (r *reading) add(line int, key, message, remedy string) {
	if len(r.failure.Problems) < maxProblems {
		r.failure.Problems = append(r.failure.Problems, Problem{line, key, message, remedy})
	}
}

func (r *reading) file(data []byte) {
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil {
			r.add(syntax.Token.Position.Line, "", syntax.Message, "this is not YAML")
		} else {
			r.add(0, "", "this is not YAML", "")
		}
		return
	}
	for _, document := range file.Docs {
		if document.Body == nil {
			continue
		}
		r.mapping(document.Body, "", func(name string) *key { return find(schema, name) }, names(schema))
	}
}

// mapping reads the keys of a mapping with the readers that lookup knows.
func (r *reading) mapping(node ast.Node, prefix string, lookup func(string) *key, known []string) {
	var pairs []*ast.MappingValueNode
	switch node := node.(type) {
	case *ast.MappingNode:
		pairs = node.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{node}
	default:
		r.add(line(node), strings.TrimSuffix(prefix, "."), "keys and values are expected here", "write key: value")
		return
	}
	for _, pair := range pairs {
		name := strings.Trim(pair.Key.String(), `"'`)
		full := prefix + name
		position := line(pair.Key)
		if first, twice := r.lines[full]; twice {
			r.add(position, full, fmt.Sprintf("the key is there already in line %d", first), "remove one of the two")
			continue
		}
		r.lines[full] = position
		reader := lookup(name)
		if reader == nil {
			remedy := "remove it"
			if nearest := nearest(name, known); nearest != "" {
				remedy = "did you mean " + prefix + nearest + "?"
			}
			r.add(position, full, "there is no such key", remedy)
			continue
		}
		r.value(pair.Value, position, full, reader)
	}
}

// value reads the value of a key.
func (r *reading) value(node ast.Node, position int, full string, reader *key) {
	switch {
	case reader.keys != nil:
		r.mapping(node, full+".", func(name string) *key { return find(reader.keys, name) }, names(reader.keys))
		return
	case reader.each != nil:
		r.mapping(node, full+".", func(name string) *key {
			return &key{name: name, keys: reader.each(r.config, name)}
		}, nil)
		return
	}
	values, isList, ok := scalars(node)
	switch {
	case !ok || len(values) == 0:
		r.add(position, full, "a value is missing or of the wrong kind", "")
	case isList && reader.list == nil:
		r.add(position, full, "a single value is expected, not a list", "")
	default:
		var err error
		if reader.list != nil {
			err = reader.list(r.config, values)
		} else {
			err = reader.text(r.config, values[0])
		}
		if err != nil {
			r.add(position, full, err.Error(), "")
		}
	}
}

// scalars returns the texts of a single value or of a sequence of them.
func scalars(node ast.Node) (values []string, isList, ok bool) {
	if sequence, isSequence := node.(*ast.SequenceNode); isSequence {
		for _, item := range sequence.Values {
			value, ok := scalar(item)
			if !ok {
				return nil, true, false
			}
			values = append(values, value)
		}
		return values, true, true
	}
	value, ok := scalar(node)
	return []string{value}, false, ok
}

func scalar(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return node.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return node.GetToken().Value, true
	default:
		return "", false
	}
}

func line(node ast.Node) int {
	if at := node.GetToken(); at != nil && at.Position != nil && at.Type != token.UnknownType {
		return at.Position.Line
	}
	return 0
}

func find(keys []key, name string) *key {
	for i := range keys {
		if keys[i].name == name {
			return &keys[i]
		}
	}
	return nil
}

func names(keys []key) []string {
	var all []string
	for _, k := range keys {
		all = append(all, k.name)
	}
	return all
}

// nearest returns the known name that a typing mistake most likely meant, empty
// when none is near.
func nearest(name string, known []string) string {
	best, least := "", len(name)/3+2
	if len(name) > 64 {
		return ""
	}
	for _, candidate := range known {
		if len(name) > 2 && strings.HasPrefix(candidate, strings.ToLower(name)) {
			return candidate
		}
		if d := distance(strings.ToLower(name), candidate); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance counts the letters to insert, remove or replace between two names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
