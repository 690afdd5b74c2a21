package settings

import (
	"fmt"
	"slices"
	"testing"
)

func TestByName(t *testing.T) {
	itself := func(name string) string { return name }
	for _, test := range []struct {
		language    string
		given, want []string
	}{
		{"", []string{"Zoë", "Émilie", "Fay", "eve", "Ana", "Ångström"}, []string{"Ana", "Ångström", "Émilie", "eve", "Fay", "Zoë"}},
		{"de", []string{"Zahn", "Öhm", "Ohm", "Ohr"}, []string{"Ohm", "Öhm", "Ohr", "Zahn"}},
		{"sv", []string{"Öhm", "Ångström", "Zahn", "Ana"}, []string{"Ana", "Zahn", "Ångström", "Öhm"}},
		{"en", []string{"ana", "Ana", "Ana Ruiz", "Ana-Lena", ""}, []string{"", "ana", "Ana", "Ana Ruiz", "Ana-Lena"}},
		{"no such tag\r\n", []string{"b", "É", "a"}, []string{"a", "b", "É"}},
		{"ar", []string{"نور", "محمد", "Ben", "أحمد"}, []string{"Ben", "أحمد", "محمد", "نور"}},
	} {
		if got := ByName(test.given, test.language, itself); !slices.Equal(got, test.want) {
			t.Errorf("in %q: %q, not %q", test.language, got, test.want)
		}
	}
	// The same names stay in the order in which they were made, from any beginning.
	type person struct {
		name string
		made int
	}
	var people []person
	for i := range 40 {
		people = append(people, person{[]string{"Ana", "ana", "Ána"}[i%3], i})
	}
	sorted := ByName(people, "", func(p person) string { return p.name })
	for i := 1; i < len(sorted); i++ {
		if a, b := sorted[i-1], sorted[i]; a.name == b.name && a.made > b.made {
			t.Fatalf("%v before %v", a, b)
		}
	}
	if again := ByName(sorted, "", func(p person) string { return p.name }); !slices.Equal(again, sorted) {
		t.Errorf("sorted again: %v", again)
	}
}

func BenchmarkByName(b *testing.B) {
	names := make([]string, 5000)
	for i := range names {
		names[i] = fmt.Sprintf("Émilie %d Øster-%d", i*7919%5000, i)
	}
	for b.Loop() {
		ByName(names, "de", func(name string) string { return name })
	}
}
