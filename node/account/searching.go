package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

const (
	// A search asks about so many messages at a time that the answer takes
	// searchPace, the newest first: so the first results come soon, and a search can
	// be stopped. It begins with firstSlice of them, or with firstReading where the mail
	// server has to read them.
	searchPace   = 400 * time.Millisecond
	firstSlice   = 20_000
	firstReading = 1000
	minSlice     = 50
	maxSlice     = 200_000
	// searchedRows is how many of the messages found are made ready to be shown.
	searchedRows = 100
	// rowsAtOnce bounds the rows fetched at a time to look for attachments.
	rowsAtOnce = 200
	// maxSearchTries bounds how often a search goes on after it was cut off without
	// having got further.
	maxSearchTries = 3
)

// searching is a search while it goes on: it goes through the folders of its plan
// with a connection of its own. One goroutine has it.
type searching struct {
	*Account
	*aSearch
	conn *connection
	// folder is the one that is searched, slice how many messages are asked about at
	// a time, ready how many rows were made ready.
	folder, slice, ready int
	// Of the messages in the folder, those up to this number are still to be searched;
	// -1 before it is opened. exists and next say what it was like then.
	below        int
	exists, next uint32
	// inFolder of them were searched, of as many as were expected when the messages to
	// search were counted.
	inFolder, expected int
	index              *index // names the folder
	tries              int
}

// beginSearch begins a search, unless somebody just did; with again, in any case. The
// account ends it, or whoever forgets it.
func (a *Account) beginSearch(asked api.Search, plan *searchPlan, again bool) *aSearch {
	ctx, stop := context.WithCancel(a.closing)
	s := &aSearch{
		asked: asked, plan: plan, begun: time.Now(), used: time.Now(), stop: stop,
		state: api.SearchWaiting, known: map[foundKey]bool{}, changed: make(chan struct{}),
	}
	for _, folder := range plan.folders {
		s.toSearch += counted(folder)
	}
	if known := a.searches.add(s, again); known != s {
		stop()
		return known
	}
	work := &searching{Account: a, aSearch: s, slice: firstSlice, below: -1}
	if plan.reads {
		work.slice = firstReading
	}
	a.inBackground(func() { // ends by itself, or when stop is called
		defer stop()
		work.end(work.run(ctx))
	})
	return s
}

// Reasons to end a search before everything was searched.
var (
	errFound    = errors.New("account: more was found than anybody reads")
	errLeft     = errors.New("account: nobody waits for the search")
	errCharset  = errors.New("account: the mail server does not know the letters of the search")
	errNoAnswer = errors.New("account: the mail server did not answer the search")
)

// end says how the search ended.
func (w *searching) end(err error) {
	if errors.Is(err, errLeft) || w.closing.Err() != nil {
		w.searches.forget(w.aSearch)
	}
	w.searches.change(w.aSearch, func() {
		switch {
		case err == nil:
			w.state = api.SearchDone
		case errors.Is(err, errFound):
			w.state = api.SearchFull
		case errors.Is(err, errCharset):
			w.state, w.problem = api.SearchFailed, &api.SearchProblem{Kind: api.SearchCharset}
		case errors.Is(err, context.Canceled):
			w.state = api.SearchStopped
		default:
			w.log.Info("a search ended", "error", err)
			w.state = api.SearchFailed
		}
	})
}

// run searches until everything is searched. It waits for its turn, and for the mail
// server.
func (w *searching) run(ctx context.Context) error {
	select {
	case w.searches.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-w.searches.turn }()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := w.runConnected(ctx)
		switch {
		case err == nil || errors.Is(err, errFound) || errors.Is(err, errLeft) || errors.Is(err, errCharset):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case isCode(err, api.CodeAuthFailed):
			return err
		case errors.Is(err, errSilent):
			w.slice = max(minSlice, w.slice/8) // so many at once take too long
		}
		if w.tries++; w.tries > maxSearchTries {
			return errors.Join(errNoAnswer, err)
		}
		w.log.Info("a search was cut off", "error", err)
		if w.tries == 1 {
			continue // connections that were cut off are often good again at once
		}
		w.searches.change(w.aSearch, func() { w.state = api.SearchWaiting })
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// runConnected searches as long as a connection lasts.
func (w *searching) runConnected(ctx context.Context) error {
	conn, err := w.dial(ctx, urgent)
	if err != nil {
		return err
	}
	w.conn = conn
	defer conn.Logout()
	w.searches.change(w.aSearch, func() { w.state = api.SearchRunning })
	for ; w.folder < len(w.plan.folders); w.folder++ {
		if w.below < 0 {
			w.expected = counted(w.plan.folders[w.folder])
		}
		if err := w.searchFolder(ctx); err != nil {
			return err
		}
		w.below, w.inFolder = -1, 0
	}
	return nil
}

// say sends commands over the connection of the search.
func (w *searching) say(ctx context.Context, commands ...imapconn.Command) error {
	return w.exchange(ctx, w.conn, commands...)
}

// searchFolder searches the folder at hand, from where it was left.
func (w *searching) searchFolder(ctx context.Context) error {
	folder := w.plan.folders[w.folder]
	open := &imapconn.Select{Name: folder.Mailbox, ReadOnly: true}
	if err := w.say(ctx, open); err != nil {
		if !isRefusal(err) {
			return err
		}
		w.searches.change(w.aSearch, func() {
			w.skipped = append(w.skipped, folder)
			w.toSearch -= counted(folder)
		})
		return nil
	}
	w.opened(folder.Mailbox, open.Data)
	for w.below > 0 {
		if w.searches.left(w.aSearch) {
			return errLeft
		}
		if err := w.searchSlice(ctx); err != nil {
			return err
		}
		w.tries = 0
	}
	return nil
}

// opened goes on where the folder was left, if it is as it was; else it begins anew:
// what was found already is not found twice.
func (w *searching) opened(mailbox string, data *imap.SelectData) {
	if w.below >= 0 && w.index.uidValidity == data.UIDValidity && w.exists == data.NumMessages && w.next == uint32(data.UIDNext) {
		return
	}
	w.index = &index{mailbox: mailbox, uidValidity: data.UIDValidity}
	w.below, w.exists, w.next = int(data.NumMessages), data.NumMessages, uint32(data.UIDNext)
	w.searches.change(w.aSearch, func() {
		w.searched -= w.inFolder
		w.toSearch += int(w.exists) - w.expected
		w.inFolder, w.expected = 0, int(w.exists)
	})
}

// counted is how many messages the folder list says that a folder has; 0 where it
// does not say.
func counted(folder api.Folder) int {
	if folder.Counted {
		return int(folder.Total)
	}
	return 0
}

// searchSlice searches the newest messages that are left. Their sequence numbers
// name them: when others are expunged meanwhile, some are searched twice and none is
// left out.
func (w *searching) searchSlice(ctx context.Context) error {
	from := max(1, w.below-w.slice+1)
	var numbers imap.SeqSet
	numbers.AddRange(uint32(from), uint32(w.below))
	criteria := w.plan.criteria
	criteria.SeqNum = []imap.SeqSet{numbers}
	begun := time.Now()
	search := &imapconn.Search{Criteria: &criteria, CharsetUTF8: w.plan.beyondASCII}
	if err := w.say(ctx, search); err != nil {
		if refusal, refused := imapconn.IsRefusal(err); refused && w.plan.beyondASCII && refusal.Code == imap.ResponseCodeBadCharset {
			return errCharset
		}
		return err
	}
	took := time.Since(begun)
	if err := w.takeFound(ctx, search.UIDs); err != nil {
		return err
	}
	w.searches.change(w.aSearch, func() {
		w.searched += w.below - from + 1
		w.inFolder += w.below - from + 1
	})
	w.below = from - 1
	w.slice = paced(w.slice, took)
	return nil
}

// paced is how many messages to ask about next, after so many took so long.
func paced(slice int, took time.Duration) int {
	wanted := maxSlice
	if took > 0 {
		wanted = int(min(maxSlice, float64(slice)*float64(searchPace)/float64(took)))
	}
	return min(max(wanted, slice/4, minSlice), slice*4, maxSlice)
}

// takeFound adds messages that the mail server found.
func (w *searching) takeFound(ctx context.Context, set imap.UIDSet) error {
	uids := uidsOf(set)
	slices.Reverse(uids)
	for some := range slices.Chunk(uids, rowsAtOnce) {
		found, err := w.look(ctx, some)
		if err != nil {
			return err
		}
		if !w.searches.take(w.aSearch, found) {
			return errFound
		}
	}
	return nil
}

// maxUIDs bounds the UIDs that an answer may name: a range names very many.
const maxUIDs = 1_000_000

// uidsOf are the UIDs of a set, ascending.
func uidsOf(set imap.UIDSet) (uids []uint32) {
	for _, r := range set {
		for uid := r.Start; uid != 0 && uid <= r.Stop && len(uids) < maxUIDs; uid++ {
			uids = append(uids, uint32(uid))
		}
	}
	slices.Sort(uids)
	return slices.Compact(uids)
}

// look asks when messages arrived and what flags they have, and makes rows ready; it
// leaves out those that are gone, and those that only their structure tells to be
// wrong.
func (w *searching) look(ctx context.Context, uids []uint32) ([]foundMessage, error) {
	var set imap.UIDSet
	for _, uid := range uids {
		set.AddNum(imap.UID(uid))
	}
	fetch := &imapconn.Fetch{UIDs: set, Items: &imap.FetchOptions{Flags: true, InternalDate: true}}
	if err := w.say(ctx, fetch); err != nil && !isRefusal(err) {
		return nil, err
	}
	records := make([]*record, len(uids))
	structured := w.plan.attachments || w.plan.noAttachments
	if structured || w.ready < searchedRows {
		records, _ = w.recall(w.index, uids)
		source := rowSource{w.Account, w.conn, w.index, w.say}
		var err error
		if records, err = source.complete(ctx, uids, records); err != nil {
			return nil, err
		}
	}
	var found []foundMessage
	for _, message := range fetch.Messages {
		at := slices.Index(uids, uint32(message.UID))
		if at < 0 || structured && (records[at] == nil || w.plan.attachments && !records[at].hasAttachment || w.plan.noAttachments && records[at].hasAttachment) {
			continue
		}
		found = append(found, foundMessage{
			foundKey{w.folder, w.index.uidValidity, uint32(message.UID)}, message.InternalDate.Unix(), newFlagSet(message.Flags),
		})
	}
	w.ready += len(found)
	return found, nil
}
