package seal

import (
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Revocations is the set of sessions that ended before their seal expires. It
// only grows, and an entry is forgotten once the seal would have expired anyway: so
// sets can be merged in any order, and any number of times.
type Revocations struct {
	journal *journal // nil for a set in memory alone
	log     *slog.Logger

	mu      sync.RWMutex         // guards what follows; no I/O while it is held
	until   map[string]time.Time // session id → expiry of its seal
	learned []lesson             // the same sessions in the order of learning
	sweep   time.Time            // when expired entries are next dropped
}

// lesson is when a session was learned of.
type lesson struct {
	at time.Time
	id string
}

const (
	// sweepInterval spreads the cost of dropping expired entries over many calls.
	sweepInterval = time.Minute
	// maxRevocations bounds the set: 8 MB in a file or a message, 40 MB in memory.
	// More logouts in two days than that are not expected of a campus.
	maxRevocations = 200_000
	// spareRevocations is how many are dropped when the set is full, so that this
	// happens rarely.
	spareRevocations = maxRevocations / 20
)

// NewRevocations makes an empty set in memory.
func NewRevocations() *Revocations {
	return &Revocations{until: map[string]time.Time{}, log: slog.New(slog.DiscardHandler)}
}

// OpenRevocations makes the set that a file holds, and keeps it there. The file is
// made when there is none; no other process may use it. Close ends it.
func OpenRevocations(path string, log *slog.Logger) (*Revocations, error) {
	r := NewRevocations()
	r.log = log
	data, err := readJournal(path)
	if err != nil {
		return nil, err
	}
	r.learn(data, time.Time{}) // whoever asks for what is recent knows it, or asks for all
	r.journal, err = createJournal(path, r.Since(time.Time{}))
	return r, err
}

// Add revokes a session whose seal expires at until. When it returns, the
// revocation is on disk, or the log says why not; it holds in memory either way.
func (r *Revocations) Add(sessionID string, until time.Time) {
	r.Merge(AppendRevocation(nil, sessionID, until))
}

// Has reports whether a session was revoked.
func (r *Revocations) Has(sessionID string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, revoked := r.until[sessionID]
	return revoked
}

// Since returns, encoded, what this set has learned at a time or later and has not
// forgotten; everything since the zero time.
func (r *Revocations) Since(at time.Time) []byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	first, _ := slices.BinarySearchFunc(r.learned, at, func(l lesson, at time.Time) int { return l.at.Compare(at) })
	var data []byte
	for _, one := range r.learned[first:] {
		data = AppendRevocation(data, one.id, r.until[one.id])
	}
	return data
}

// Merge adds what another set has encoded, and returns what of it was new. What
// cannot be read is left out: a newer version may say more.
func (r *Revocations) Merge(data []byte) (news []byte) {
	news = r.learn(data, time.Now())
	if r.journal == nil || len(news) == 0 {
		return news
	}
	if err := r.journal.add(news, func() []byte { return r.Since(time.Time{}) }); err != nil {
		r.log.Error("ended sessions are not on disk, and are forgotten when this node stops", "error", err)
	}
	return news
}

// Close closes the file. Later revocations are kept in memory alone.
func (r *Revocations) Close() error {
	if r.journal == nil {
		return nil
	}
	return r.journal.close()
}

// learn adds to the memory what is encoded, as learned at a time, and returns what
// of it was new.
func (r *Revocations) learn(data []byte, at time.Time) (news []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if len(r.learned) > 0 && at.Before(r.learned[len(r.learned)-1].at) {
		at = r.learned[len(r.learned)-1].at // another came between, or the clock was set back
	}
	for id, until := range revocations(data) {
		if _, known := r.until[id]; known || !now.Before(until) {
			continue
		}
		r.until[id] = until
		r.learned = append(r.learned, lesson{at, id})
		news = AppendRevocation(news, id, until)
		if len(r.until) > maxRevocations {
			r.makeRoom()
		}
	}
	if !now.Before(r.sweep) {
		r.sweep = now.Add(sweepInterval)
		r.forget(now)
	}
	return news
}

// makeRoom forgets those whose seals expire first: they are missed for the
// shortest time. The caller holds mu.
func (r *Revocations) makeRoom() {
	var ends []time.Time
	for _, until := range r.until {
		ends = append(ends, until)
	}
	slices.SortFunc(ends, time.Time.Compare)
	r.forget(ends[spareRevocations])
	r.log.Error("there are more ended sessions than can be remembered; those that expire first are forgotten", "most", maxRevocations)
}

// forget drops the entries that expire at a time or before. The caller holds mu.
func (r *Revocations) forget(at time.Time) {
	r.learned = slices.DeleteFunc(r.learned, func(one lesson) bool {
		if at.Before(r.until[one.id]) {
			return false
		}
		delete(r.until, one.id)
		return true
	})
}
