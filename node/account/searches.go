package account

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"alphamail/node/api"
)

const (
	// maxSearches bounds those that an account remembers; the ones not used for
	// longest go first, and end.
	maxSearches = 4
	// searchKept is how long one is remembered that nobody asks for, searchLeft how
	// long one goes on that nobody waits for.
	searchKept = 10 * time.Minute
	searchLeft = time.Minute
)

// searches are those of an account that this node knows of. On another node they
// begin anew: nothing of them is kept elsewhere.
type searches struct {
	// turn holds one token: who has it searches. Others wait for it.
	turn chan struct{}
	mu   sync.Mutex // guards all, and the fields of each search below it
	all  []*aSearch // the one used last at the end
}

// aSearch is a search under way, or done.
type aSearch struct {
	asked api.Search
	plan  *searchPlan
	begun time.Time
	stop  context.CancelFunc

	// What follows is guarded by searches.mu.
	state    api.SearchState
	problem  *api.SearchProblem
	found    []foundMessage // newest first
	known    map[foundKey]bool
	skipped  []api.Folder
	searched int
	toSearch int
	used     time.Time
	changed  chan struct{} // closed, and replaced, when anything above changes
}

// foundKey names a message by the folder's place in the plan.
type foundKey struct {
	folder           int
	uidValidity, uid uint32
}

// foundMessage is a message that was found, as it was then.
type foundMessage struct {
	foundKey
	arrived int64 // Unix seconds
	flags   flagSet
}

func (f *foundMessage) id(s *aSearch) api.MessageID {
	return api.MessageID{Mailbox: s.plan.folders[f.folder].Mailbox, UIDValidity: f.uidValidity, UID: f.uid}
}

// get returns a search that is known, nil if none is. It is used now.
func (ss *searches) get(asked *api.Search) *aSearch {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.use(asked)
}

// use is get for those who hold mu.
func (ss *searches) use(asked *api.Search) *aSearch {
	ss.forgetOld()
	i := slices.IndexFunc(ss.all, func(s *aSearch) bool { return s.asked == *asked })
	if i < 0 {
		return nil
	}
	s := ss.all[i]
	s.used = time.Now()
	ss.all = append(slices.Delete(ss.all, i, i+1), s)
	return s
}

// forgetOld forgets what nobody asks for. The caller holds mu.
func (ss *searches) forgetOld() {
	ss.all = slices.DeleteFunc(ss.all, func(s *aSearch) bool {
		old := time.Since(s.used) > searchKept
		if old {
			s.stop()
		}
		return old
	})
}

// add makes a search known and returns it; or the one that is known already and was
// asked in the same way, unless it is to be replaced.
func (ss *searches) add(s *aSearch, replace bool) *aSearch {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if old := ss.use(&s.asked); old != nil {
		if !replace {
			return old
		}
		old.stop()
		ss.all = ss.all[:len(ss.all)-1]
	}
	if len(ss.all) == maxSearches {
		ss.all[0].stop()
		ss.all = slices.Delete(ss.all, 0, 1)
	}
	ss.all = append(ss.all, s)
	return s
}

// forget ends a search, and forgets it: it begins anew if it is asked for again.
func (ss *searches) forget(s *aSearch) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s.stop()
	ss.all = slices.DeleteFunc(ss.all, func(other *aSearch) bool { return other == s })
}

// rest forgets the searches that nobody has asked for in a while.
func (ss *searches) rest() {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.forgetOld()
}

// change changes what is known of a search, and tells those who wait.
func (ss *searches) change(s *aSearch, how func()) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	how()
	close(s.changed)
	s.changed = make(chan struct{})
}

// left tells whether nobody waits for a search any more.
func (ss *searches) left(s *aSearch) bool {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return time.Since(s.used) > searchLeft
}

// take adds messages that were found, and reports whether there is room for more.
func (ss *searches) take(s *aSearch, found []foundMessage) (more bool) {
	ss.change(s, func() {
		for _, one := range found {
			if !s.known[one.foundKey] {
				s.known[one.foundKey] = true
				s.found = append(s.found, one)
			}
		}
		slices.SortStableFunc(s.found, newestFirst)
		if more = len(s.found) < api.MaxFoundMessages; !more {
			s.found = s.found[:api.MaxFoundMessages]
		}
	})
	return more
}

func newestFirst(x, y foundMessage) int {
	return cmp.Or(cmp.Compare(y.arrived, x.arrived), cmp.Compare(x.folder, y.folder), cmp.Compare(y.uid, x.uid))
}

// drop forgets messages that are not there any more.
func (ss *searches) drop(s *aSearch, gone []foundMessage) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s.found = slices.DeleteFunc(s.found, func(one foundMessage) bool {
		return slices.ContainsFunc(gone, func(other foundMessage) bool { return other.foundKey == one.foundKey })
	})
}

// around returns the messages above and below one that was found, nil where there is
// none, and the page that it stands on.
func (ss *searches) around(asked *api.Search, id api.MessageID, size int) (above, below *api.MessageID, page int) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.use(asked)
	if s == nil {
		return nil, nil, 1
	}
	at := slices.IndexFunc(s.found, func(one foundMessage) bool { return one.uid == id.UID && one.id(s) == id })
	if at < 0 {
		return nil, nil, 1
	}
	if at > 0 {
		id := s.found[at-1].id(s)
		above = &id
	}
	if at+1 < len(s.found) {
		id := s.found[at+1].id(s)
		below = &id
	}
	return above, below, at/size + 1
}

// firstResults is how long a question waits for a search that has just begun;
// someResults how long for more than the first that were found.
const (
	firstResults = time.Second
	someResults  = 300 * time.Millisecond
)

// wait waits until a search has ended, or there is enough for a page, or for a
// moment.
func (ss *searches) wait(ctx context.Context, s *aSearch, enough int) {
	begun := time.Now()
	for {
		ss.mu.Lock()
		patience, changed := firstResults, s.changed
		if len(s.found) > 0 {
			patience = someResults
		}
		over := s.state.Ended() || len(s.found) >= enough
		ss.mu.Unlock()
		rest := patience - time.Since(begun)
		if over || rest <= 0 {
			return
		}
		timer := time.NewTimer(rest)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}
