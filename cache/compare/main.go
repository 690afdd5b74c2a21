// Command compare measures the store of package cache beside two others, in one
// run, each in a process of its own so that its memory can be told: otter (W-TinyLFU)
// and fastcache (rings of chunks outside the heap). All hold the same values,
// compressed in the same way. It is a module of its own, so that what is
// compared never enters the product. See README.md for what it found.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
)

const mebibyte = 1 << 20

// target is the memory that every store may use, measured.
const target = 64 * mebibyte

func main() {
	log.SetFlags(0)
	store := flag.String("store", "", "measure one store in this process")
	budget := flag.Int64("budget", target, "its budget in bytes")
	operations := flag.Int("operations", 500_000, "questions to ask")
	all := flag.Bool("all", false, "measure more than memory")
	flag.Parse()
	if *store != "" {
		if err := json.NewEncoder(os.Stdout).Encode(measure(*store, *budget, *operations, *all)); err != nil {
			log.Fatal(err)
		}
		return
	}
	compareStores(*operations)
	compareCollectors(*operations)
}

// compareStores gives each store the budget with which it uses the target.
func compareStores(operations int) {
	fmt.Printf("At %d MiB of memory, measured:\n\n", target/mebibyte)
	fmt.Println("| store | budget, MiB | memory, MiB | hits | µs an operation | ns a hit, decoded | modest owners' hits |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, name := range storeNames {
		budget := int64(target)
		for range 2 {
			budget = int64(float64(budget) * target / float64(child(name, budget, operations, false).Settled))
		}
		r := child(name, budget, operations, true)
		fmt.Printf("| %s | %.0f | %.0f | %.1f %% | %.1f | %.0f | %.1f %% |\n", name, mib(budget), mib(r.Settled),
			100*r.HitRatio, r.OperationTime/1000, r.DecodedTime, 100*r.ModestHits)
	}
}

// compareCollectors shows what the garbage collector adds to a budget.
func compareCollectors(operations int) {
	fmt.Printf("\nMemory of package cache with a budget of %d MiB, while values come and go:\n\n", target/mebibyte)
	fmt.Println("| setting | highest resident set, MiB | after a collection, MiB | µs an operation |")
	fmt.Println("|---|---|---|---|")
	for _, setting := range []string{"GOGC=100", "GOGC=50", "GOGC=25", "GOMEMLIMIT=128MiB", "GOMEMLIMIT=104MiB"} {
		r := child(own, target, operations, false, setting)
		fmt.Printf("| %s | %.0f | %.0f | %.1f |\n", setting, mib(r.Highest), mib(r.Settled), r.OperationTime/1000)
	}
}

func mib(bytes int64) float64 { return float64(bytes) / mebibyte }

func child(store string, budget int64, operations int, all bool, environment ...string) result {
	command := exec.Command(os.Args[0], "-store", store, "-budget", fmt.Sprint(budget), "-operations", fmt.Sprint(operations), fmt.Sprintf("-all=%v", all))
	command.Env = append(os.Environ(), environment...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		log.Fatalf("%s: %v", store, err)
	}
	var r result
	if err := json.Unmarshal(out, &r); err != nil {
		log.Fatalf("%s: %v", store, err)
	}
	return r
}
