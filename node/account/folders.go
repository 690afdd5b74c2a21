package account

import (
	"context"
	"slices"
	"strings"
	"time"

	"alphamail/node/api"
	"alphamail/node/imapconn"
	"github.com/emersion/go-imap/v2"
)

// folderList is the account's folders and when they were read.
type folderList struct {
	folders []api.Folder
	read    time.Time
	// namespaces tell whose mailboxes begin with which prefix (RFC 2342); nil
	// until the server was asked.
	namespaces *imap.NamespaceData
	// separator stands between the levels of the user's mailboxes; 0 where the
	// server has no levels.
	separator rune
	// rights are what the user may do in mailboxes of others, by mailbox.
	rights map[string]string
	// counted is when the messages of a mailbox were counted, where each has to be
	// asked for.
	counted map[string]time.Time
}

const (
	// firstStatus bounds the STATUS commands sent at once, the first time, to a
	// server that has no LIST-STATUS; folders beyond it show no counts yet.
	firstStatus = 50
	// laterStatus is how many of them are counted again when the list is read
	// again, those first that were not counted for longest. So a count is as old
	// as FoldersMaxAge times a tenth of the number of folders.
	laterStatus = 10
	// statusAtOnce is how many of them make one exchange.
	statusAtOnce = 10
	// maxRights bounds the MYRIGHTS commands sent at once.
	maxRights = 50
)

var countItems = &imap.StatusOptions{NumMessages: true, NumUnseen: true, UIDValidity: true}

// folderQuery is a reading of the folder list that can be pipelined with other
// commands.
type folderQuery struct {
	namespace *imapconn.Namespace // nil when it is known
	lists     []*imapconn.List
	withCount bool
}

// foldersStale tells whether the folder list is too old to show.
func (a *Account) foldersStale() bool {
	return time.Since(a.folders.read) > a.config.FoldersMaxAge
}

// queryFolders returns the commands that read the folder list. The account is
// connected.
func (a *Account) queryFolders() (*folderQuery, []imapconn.Command) {
	query := &folderQuery{withCount: a.conn.Has(imap.CapListStatus)}
	var commands []imapconn.Command
	if a.folders.namespaces == nil && a.conn.Has(imap.CapNamespace) {
		query.namespace = &imapconn.Namespace{}
		commands = append(commands, query.namespace)
	}
	var options *imap.ListOptions
	if special := a.conn.Has(imap.CapSpecialUse); special || query.withCount {
		options = &imap.ListOptions{ReturnSpecialUse: special}
		if query.withCount {
			options.ReturnStatus = countItems
		}
	}
	for _, pattern := range a.folderPatterns() {
		list := &imapconn.List{Pattern: pattern, Options: options}
		query.lists = append(query.lists, list)
		commands = append(commands, list)
	}
	return query, commands
}

// folderPatterns are what to list. Where mailboxes have a prefix that is not
// below the inbox, everything else need not be mail at all.
func (a *Account) folderPatterns() []string {
	prefix := a.backend.Prefix
	if prefix == "" || strings.HasPrefix(strings.ToUpper(prefix), inbox) {
		return []string{"*"}
	}
	patterns := []string{inbox, prefix + "*"}
	if names := a.folders.namespaces; names != nil {
		for _, space := range append(slices.Clone(names.Other), names.Shared...) {
			patterns = append(patterns, space.Prefix+"*")
		}
	}
	return patterns
}

// takeFolders keeps what a query found, asking for rights in mailboxes of others,
// and, while nobody waits, for counts one by one where the server has no
// LIST-STATUS.
func (a *Account) takeFolders(ctx context.Context, query *folderQuery) error {
	if query.namespace != nil && query.namespace.Data != nil {
		a.folders.namespaces = query.namespace.Data
	}
	var folders []api.Folder
	listed := map[string]bool{} // it may match two patterns
	for _, data := range query.all() {
		folder := a.newFolder(data)
		if listed[folder.Mailbox] {
			continue
		}
		listed[folder.Mailbox] = true
		if folder.Space == "" && data.Delim != 0 {
			a.folders.separator = data.Delim
		}
		if !folder.Selectable && a.isSpace(data) || a.isSettings(folder.Mailbox) {
			continue
		}
		if data.Status != nil {
			setCounts(&folder, data.Status)
		}
		folders = append(folders, folder)
	}
	if !query.withCount {
		a.keepCounts(folders)
	}
	if err := a.askRights(ctx, folders); err != nil {
		return err
	}
	assignRoles(folders, a.backend.Roles)
	slices.SortStableFunc(folders, compareFolders)
	a.folders.folders, a.folders.read = folders, time.Now()
	if !query.withCount && !a.closed {
		most := laterStatus
		if a.folders.counted == nil {
			most, a.folders.counted = firstStatus, map[string]time.Time{}
		}
		a.inBackground(func() { a.countFolders(most) }) // ends by itself, or when the account is closed
	}
	return nil
}

// all returns what the lists found.
func (q *folderQuery) all() (all []*imap.ListData) {
	for _, list := range q.lists {
		all = append(all, list.Data...)
	}
	return all
}

// stands tells whether the mailbox of an index is still the one of its name.
// Another client may have renamed it, or put another in its place, and a server
// goes on with the old one as long as it is selected. Some are never listed.
func (a *Account) stands(q *folderQuery, x *index) bool {
	for _, data := range q.all() {
		if canonicalMailbox(data.Mailbox) == x.mailbox {
			return data.Status == nil || data.Status.UIDValidity == 0 || data.Status.UIDValidity == x.uidValidity
		}
	}
	return !slices.ContainsFunc(a.folders.folders, func(f api.Folder) bool { return f.Mailbox == x.mailbox })
}

// keepCounts takes over the counts that were known before.
func (a *Account) keepCounts(folders []api.Folder) {
	before := make(map[string]*api.Folder, len(a.folders.folders))
	for i := range a.folders.folders {
		before[a.folders.folders[i].Mailbox] = &a.folders.folders[i]
	}
	for i := range folders {
		if old := before[folders[i].Mailbox]; old != nil {
			folders[i].Total, folders[i].Unread, folders[i].Counted = old.Total, old.Unread, old.Counted
		}
	}
}

// countFolders counts the messages of folders, so many at most. Nobody waits for it; whoever asks something gets the
// turn in between.
func (a *Account) countFolders(most int) {
	for done := 0; done < most && a.countSome(min(statusAtOnce, most-done)); done += statusAtOnce {
	}
}

// countSome counts the messages of the folders that were not counted for longest,
// and reports whether it may be asked again.
func (a *Account) countSome(most int) bool {
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	if a.closed || !a.connected() {
		return false
	}
	var due []int
	for i, f := range a.folders.folders {
		// STATUS is not meant for the selected mailbox (RFC 9051 section
		// 6.3.11); its counts come from the index.
		if current := a.selected != nil && a.selected.mailbox == f.Mailbox; f.Selectable && !current {
			due = append(due, i)
		}
	}
	age := func(i int) time.Time { return a.folders.counted[a.folders.folders[i].Mailbox] }
	slices.SortStableFunc(due, func(i, j int) int { return age(i).Compare(age(j)) })
	due = due[:min(len(due), most)]
	var commands []imapconn.Command
	for _, i := range due {
		mailbox := a.folders.folders[i].Mailbox
		commands = append(commands, &imapconn.Status{Mailbox: mailbox, Options: countItems})
		a.folders.counted[mailbox] = time.Now()
	}
	if err := a.do(a.closing, commands...); err != nil && !isRefusal(err) {
		a.log.Debug("folders could not be counted", "error", err)
		return false
	}
	for at, command := range commands {
		if data := command.(*imapconn.Status).Data; data != nil {
			setCounts(&a.folders.folders[due[at]], data)
		}
	}
	return len(due) == most
}

// askRights finds out in which mailboxes of others the user can only look, where
// the server tells (RFC 4314).
func (a *Account) askRights(ctx context.Context, folders []api.Folder) error {
	if !a.conn.Has(imap.CapACL) {
		return nil
	}
	var commands []imapconn.Command
	for _, f := range folders {
		if _, known := a.folders.rights[f.Mailbox]; !known && f.Space != "" && f.Selectable && len(commands) < maxRights {
			commands = append(commands, &imapconn.MyRights{Mailbox: f.Mailbox})
		}
	}
	if len(commands) > 0 {
		if err := a.do(ctx, commands...); err != nil && !isRefusal(err) {
			return err
		}
	}
	for _, command := range commands {
		asked := command.(*imapconn.MyRights)
		if a.folders.rights == nil {
			a.folders.rights = map[string]string{}
		}
		a.folders.rights[asked.Mailbox] = asked.Rights
	}
	for i := range folders {
		if rights := a.folders.rights[folders[i].Mailbox]; rights != "" {
			folders[i].Selectable = folders[i].Selectable && strings.Contains(rights, "r")
			folders[i].ReadOnly = folders[i].Selectable && !strings.ContainsAny(rights, changing)
		}
	}
	return nil
}

// changing are the rights of RFC 4314 that change a mailbox: insert, write flags,
// delete messages, expunge, and what older servers call delete.
const changing = "iwted"

func setCounts(folder *api.Folder, data *imap.StatusData) {
	if data.NumMessages != nil && data.NumUnseen != nil {
		folder.Total, folder.Unread, folder.Counted = *data.NumMessages, *data.NumUnseen, true
	}
}

// newFolder turns a LIST response into a folder.
func (a *Account) newFolder(data *imap.ListData) api.Folder {
	folder := api.Folder{Mailbox: data.Mailbox, Selectable: true}
	for _, attribute := range data.Attrs {
		switch lowerFlag(attribute) {
		case "\\noselect", "\\nonexistent":
			folder.Selectable = false
		case "\\drafts":
			folder.Role = api.RoleDrafts
		case "\\sent":
			folder.Role = api.RoleSent
		case "\\archive":
			folder.Role = api.RoleArchive
		case "\\junk":
			folder.Role = api.RoleJunk
		case "\\trash":
			folder.Role = api.RoleTrash
		}
	}
	shown := data.Mailbox
	if strings.EqualFold(shown, inbox) {
		folder.Mailbox, folder.Role = inbox, api.RoleInbox
	} else {
		var prefix string
		prefix, folder.Space = a.space(shown)
		if rest := strings.TrimPrefix(shown, prefix); rest != "" {
			shown = rest
		}
	}
	folder.Path = []string{shown}
	if data.Delim != 0 {
		folder.Path = strings.Split(strings.Trim(shown, string(data.Delim)), string(data.Delim))
	}
	return folder
}

// isSpace tells whether a mailbox is only what the mailboxes of a namespace stand
// below.
func (a *Account) isSpace(data *imap.ListData) bool {
	if a.folders.namespaces == nil || data.Delim == 0 {
		return false
	}
	prefix := strings.TrimSuffix(data.Mailbox, string(data.Delim)) + string(data.Delim)
	return slices.ContainsFunc(append(slices.Clone(a.folders.namespaces.Other), a.folders.namespaces.Shared...), func(d imap.NamespaceDescriptor) bool { return d.Prefix == prefix })
}

// space tells whose a mailbox is, and the prefix that is not shown: the longest
// that fits.
func (a *Account) space(mailbox string) (prefix string, space api.Space) {
	longest := -1
	take := func(candidate string, whose api.Space) {
		if strings.HasPrefix(mailbox, candidate) && len(candidate) > longest {
			longest, prefix, space = len(candidate), candidate, whose
		}
	}
	take(a.backend.Prefix, "")
	if names := a.folders.namespaces; names != nil {
		for whose, descriptors := range map[api.Space][]imap.NamespaceDescriptor{"": names.Personal, api.SpaceOther: names.Other, api.SpaceShared: names.Shared} {
			for _, descriptor := range descriptors {
				if descriptor.Prefix != "" || whose == "" {
					take(descriptor.Prefix, whose)
				}
			}
		}
	}
	return prefix, space
}

// inbox is the one mailbox name that is case-insensitive (RFC 9051 section 5.1).
const inbox = "INBOX"

func canonicalMailbox(name string) string {
	if strings.EqualFold(name, inbox) {
		return inbox
	}
	return name
}

// folderAnswer copies the folder list, with the counts of a mailbox as its index
// knows them, and returns the entry of that mailbox.
func (a *Account) folderAnswer(x *index) ([]api.Folder, api.Folder) {
	folders := slices.Clone(a.folders.folders)
	for i := range folders {
		if folders[i].Mailbox == x.mailbox {
			folders[i].Total = uint32(len(x.uids))
			folders[i].Unread = uint32(x.unread)
			folders[i].Counted = true
			return folders, folders[i]
		}
	}
	// A mailbox may be selected although LIST does not show it.
	return folders, api.Folder{Mailbox: x.mailbox, Path: []string{x.mailbox}, Selectable: true}
}
