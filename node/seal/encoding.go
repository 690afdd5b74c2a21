package seal

import (
	"bytes"
	"iter"
	"strconv"
	"time"
)

// Revocations are encoded one a line:
//
//	1796300000 4FZ3QKXUEMPQ7D5GEWWTQMTDHA
//
// the second since 1970 at which the seal expires, and the session's id. The order
// of lines says nothing. A line that is anything else is passed over, so that a
// later version may write others, and a file that was cut loses only its last one.

// maxSessionID is the longest id that is understood, in bytes.
const maxSessionID = 64

// AppendRevocation appends the encoding of a revoked session to data, nothing for
// an id that cannot be one.
func AppendRevocation(data []byte, sessionID string, until time.Time) []byte {
	if !validSessionID(sessionID) || until.Unix() <= 0 {
		return data
	}
	data = strconv.AppendInt(data, until.Unix(), 10)
	data = append(append(data, ' '), sessionID...)
	return append(data, '\n')
}

// revocations decodes data.
func revocations(data []byte) iter.Seq2[string, time.Time] {
	return func(yield func(string, time.Time) bool) {
		for line := range bytes.Lines(data) {
			line, complete := bytes.CutSuffix(line, []byte("\n"))
			second, id, ok := bytes.Cut(line, []byte(" "))
			at, err := strconv.ParseInt(string(second), 10, 64)
			if !complete || !ok || err != nil || at <= 0 || !validSessionID(string(id)) {
				continue
			}
			if !yield(string(id), time.Unix(at, 0)) {
				return
			}
		}
	}
}

// validSessionID holds for all ids that a node gives. Others come from nowhere.
func validSessionID(id string) bool {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return len(id) > 0 && len(id) <= maxSessionID
}
