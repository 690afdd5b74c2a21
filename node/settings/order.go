package settings

import (
	"bytes"
	"cmp"
	"slices"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

// ByName returns what has names in the order in which a language lists them (UTS
// 10); in that of most languages if the tag is empty or not known. Whoever asks again
// gets the same order: names that are listed alike come by their bytes, and what has
// the same name stays as it was.
func ByName[T any](all []T, tag string, name func(T) string) []T {
	if len(all) < 2 {
		return all
	}
	type entry struct {
		key  []byte
		name string
		one  T
	}
	collator, buffer := collate.New(language.Make(tag)), &collate.Buffer{}
	entries := make([]entry, len(all))
	for i, one := range all {
		entries[i] = entry{collator.KeyFromString(buffer, name(one)), name(one), one}
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(bytes.Compare(a.key, b.key), cmp.Compare(a.name, b.name))
	})
	sorted := make([]T, len(all))
	for i, one := range entries {
		sorted[i] = one.one
	}
	return sorted
}
