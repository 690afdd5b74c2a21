package account

import (
	"encoding/binary"
	"slices"

	"github.com/emersion/go-imap/v2"
)

// maxRuns bounds a set of UIDs that is kept with a job, in bytes. A set that has
// more gaps is not kept.
const maxRuns = 32 << 10

// readRuns reads what appendUIDs wrote, in any number of pieces, and how many UIDs it
// names; nothing if it is damaged.
func readRuns(data []byte) (set imap.UIDSet, count int) {
	var all []imap.UIDRange
	for len(data) > 0 {
		first, n := binary.Uvarint(data)
		if n <= 0 {
			return nil, 0
		}
		more, m := binary.Uvarint(data[n:])
		if m <= 0 || first == 0 || first > 1<<32-1 || more > 1<<32-1 || first+more > 1<<32-1 {
			return nil, 0
		}
		data = data[n+m:]
		all = append(all, imap.UIDRange{Start: imap.UID(first), Stop: imap.UID(first + more)})
	}
	slices.SortFunc(all, compareRanges)
	for _, one := range all {
		if last := len(set) - 1; last >= 0 && one.Start <= set[last].Stop {
			set[last].Stop = max(set[last].Stop, one.Stop)
			continue
		}
		set = append(set, one)
	}
	for _, one := range set {
		count += int(one.Stop-one.Start) + 1
	}
	return set, count
}

// joinRuns puts pieces of appendUIDs together, so that runs that follow each other
// are one.
func joinRuns(pieces ...[]byte) (joined []byte) {
	set, _ := readRuns(slices.Concat(pieces...))
	for i := 0; i < len(set); {
		end := i + 1
		for end < len(set) && set[end].Start == set[end-1].Stop+1 {
			end++
		}
		joined = binary.AppendUvarint(joined, uint64(set[i].Start))
		joined = binary.AppendUvarint(joined, uint64(set[end-1].Stop-set[i].Start))
		i = end
	}
	return joined
}
