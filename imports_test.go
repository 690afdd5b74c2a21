package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowedImports holds, for each of our packages, which others of ours it may
// import directly. It is the house plan of ARCHITECTURE.md.
var allowedImports = map[string][]string{
	"": {"*"},

	"frontend":      {"frontend/page", "node/api", "node/api/transport", "ring"},
	"frontend/page": {"node/api"},
	"ring":          {},

	"node/api":           {},
	"node/api/transport": {"node/api"},
	"node":               {"node/account", "node/imapconn", "node/seal", "node/throttle", "node/api", "cache", "mime", "sandbox", "share"},
	"node/account":       {"node/api", "node/imapconn", "node/search", "node/settings", "node/submit", "cache", "mime", "mime/compose"},
	"node/imapconn":      {"node/imapconn/wire"},
	"node/imapconn/wire": {},
	"node/submit":        {"mime", "mime/compose"},
	"node/settings":      {"node/api", "node/imapconn"},
	"node/seal":          {},
	"node/throttle":      {},
	"node/search":        {},
	"node/unsubscribe":   {"node/api"},

	"cache":        {},
	"mime":         {},
	"mime/browser": {},
	"mime/compose": {"mime"},
	"sandbox":      {},
	"share":        {},

	"bench":                 {"bench/fill", "bench/imapuser", "bench/inventory", "bench/load", "bench/meter", "bench/profile", "bench/script", "bench/stats", "bench/webuser"},
	"bench/fill":            {"bench/inventory", "bench/testbed/mailgen"},
	"bench/imapuser":        {"bench/inventory", "bench/load", "bench/profile", "bench/script", "cache", "node/account", "node/api", "node/imapconn"},
	"bench/inventory":       {},
	"bench/load":            {},
	"bench/meter":           {},
	"bench/sidebyside":      {"bench", "bench/fill", "bench/inventory", "bench/load", "bench/meter", "bench/profile", "bench/script", "bench/stats", "bench/testbed", "bench/testbed/mailgen", "bench/webuser"},
	"bench/profile":         {"bench/load"},
	"bench/script":          {"bench/inventory", "bench/profile"},
	"bench/stats":           {},
	"bench/webuser":         {"bench/inventory", "bench/load", "bench/profile", "bench/script"},
	"bench/testbed":         {"node/imapconn", "bench/testbed/mailgen", "bench/testbed/memimap", "bench/testbed/port"},
	"bench/testbed/mailgen": {},
	"bench/testbed/memimap": {},
	"bench/testbed/need":    {"bench/testbed"},
	"bench/testbed/port":    {},

	"deploy":         {},
	"deploy/config":  {},
	"deploy/sweeper": {"deploy/config"},
}

// unreachable holds what a tree of packages must not reach, even through
// others.
var unreachable = map[string][]string{
	"frontend": {
		"alphamail/node/account", "alphamail/node/imapconn", "alphamail/node/seal",
		"alphamail/cache", "alphamail/mime", "alphamail/sandbox", "github.com/emersion/go-imap/v2",
	},
	"node": {"alphamail/ring"},
}

// libraryHomes holds where a library that shapes a design may be imported.
var libraryHomes = map[string][]string{
	"github.com/valyala/fasthttp":               {"frontend", "node/api/transport", "bench"},
	"github.com/hashicorp/memberlist":           {"ring"},
	"github.com/buraksezer/consistent":          {"ring"},
	"github.com/emersion/go-imap/v2":            {"node/account", "node/imapconn", "node/settings", "bench"},
	"github.com/emersion/go-imap/v2/imapclient": {"bench"},
	"github.com/emersion/go-imap/v2/imapserver": {"bench"},
}

type listedPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// TestImports holds the house plan: imports run one way.
func TestImports(t *testing.T) {
	for _, pkg := range listPackages(t) {
		name := shortName(pkg.ImportPath)
		allowed, known := allowedImports[name]
		if !known {
			t.Errorf("package %q has no place in the house plan", name)
			continue
		}
		for _, imported := range pkg.Imports {
			if ours(imported) && !slices.Contains(allowed, "*") && !slices.Contains(allowed, shortName(imported)) {
				t.Errorf("%s must not import %s", name, shortName(imported))
			}
			for library, homes := range libraryHomes {
				if imported == library && !slices.ContainsFunc(homes, func(home string) bool { return within(name, home) }) {
					t.Errorf("%s must not import %s", name, library)
				}
			}
		}
		for tree, forbidden := range unreachable {
			for _, dependency := range pkg.Deps {
				if within(name, tree) && slices.Contains(forbidden, dependency) {
					t.Errorf("%s must not reach %s", name, dependency)
				}
			}
		}
	}
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []listedPackage
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var pkg listedPackage
		err := decoder.Decode(&pkg)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, pkg)
	}
}

const modulePath = "alphamail"

func ours(path string) bool { return path == modulePath || strings.HasPrefix(path, modulePath+"/") }

func shortName(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, modulePath), "/")
}

func within(name, tree string) bool { return name == tree || strings.HasPrefix(name, tree+"/") }
