package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"time"
	"unicode/utf8"
)

// Document holds fields by their names. A Document that was handed out is never
// changed.
type Document map[string]Field

// Field is a value and when it was written.
type Field struct {
	// Value is compact JSON; empty for a field that was deleted.
	Value json.RawMessage `json:"value,omitempty"`
	// Time is in milliseconds since 1970 in UTC.
	Time int64 `json:"time"`
}

// Bounds of a document. What is larger is not written, and not understood when it
// is read.
const (
	maxFields = 60_000
	maxName   = 400      // bytes of a field's name
	maxValue  = 64 << 10 // bytes of a field's value
	maxTime   = 1 << 53  // exact in every JSON reader
	// maxJSON bounds a document as it is written, in bytes.
	maxJSON = 3 << 20
)

// tombstoneAge is how long it is remembered that a field was deleted. A copy of
// the field that nobody merged for so long would bring it back.
const tombstoneAge = 180 * 24 * time.Hour

// ErrTooLarge is returned when there would be more than a document holds.
var ErrTooLarge = errors.New("settings: more than a document may hold")

// wins tells which of two fields of one name stays: the later one; of two that
// were written in the same millisecond the one whose value comes later in the
// order of bytes, so that everybody decides alike.
func (f Field) wins(other Field) bool {
	if f.Time != other.Time {
		return f.Time > other.Time
	}
	return bytes.Compare(f.Value, other.Value) > 0
}

// deleted tells that the field is a tombstone.
func (f Field) deleted() bool { return len(f.Value) == 0 }

// Merge returns what two documents hold together.
func Merge(a, b Document) Document {
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(b) == 0 {
		return a
	}
	merged := maps.Clone(a)
	for name, field := range b {
		if known, ok := merged[name]; !ok || field.wins(known) {
			merged[name] = field
		}
	}
	return merged
}

// Prune forgets tombstones that are too old to matter, collected addresses beyond
// those that are kept, and jobs that ended long ago.
func Prune(d Document, now time.Time) Document {
	oldest := now.Add(-tombstoneAge).UnixMilli()
	pruned := maps.Clone(d)
	maps.DeleteFunc(pruned, func(name string, field Field) bool {
		if field.deleted() {
			return field.Time < oldest
		}
		// What is left of a record that was deleted goes with its tombstone.
		record, isPart := recordOf(name)
		mark, marked := d[record]
		return isPart && marked && mark.deleted() && mark.Time < oldest
	})
	for _, one := range surplus(pruned) {
		delete(pruned, one)
	}
	pruneJobs(pruned, now)
	return pruned
}

// recordOf returns the name of the field that says that a record exists, for the
// name of another field of it.
func recordOf(name string) (string, bool) {
	kind, rest, _ := strings.Cut(name, "/")
	id, _, isPart := strings.Cut(rest, "/")
	return kind + "/" + id, isPart && kind != kindAddress && kind != kindImageSender
}

// changes collects fields to be written over a document.
type changes struct {
	known   Document
	now     int64
	written Document
}

func newChanges(known Document, now time.Time) *changes {
	return &changes{known, now.UnixMilli(), Document{}}
}

// set writes a field, unless it has that value already; nil deletes it. What is
// known is always older, whatever the clocks of other machines say.
func (c *changes) set(name string, value json.RawMessage) {
	known, ok := c.known[name]
	if bytes.Equal(known.Value, value) && (ok || len(value) == 0) {
		return
	}
	c.written[name] = Field{value, max(c.now, known.Time+1)}
}

// check tells whether a document keeps the bounds of its fields.
func (d Document) check() error {
	if len(d) > maxFields {
		return ErrTooLarge
	}
	for name, field := range d {
		switch {
		case name == "" || len(name) > maxName || !utf8.ValidString(name):
			return errors.New("settings: a field without a proper name")
		case len(field.Value) > maxValue:
			return ErrTooLarge
		case field.Time < 0 || field.Time > maxTime:
			return errors.New("settings: a field without a proper time")
		}
	}
	return nil
}
