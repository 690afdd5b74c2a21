package account

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
	"alphamail/node/settings"
)

// kept is what is known of the user's settings and address book. What the mail
// server holds is read once, and kept until the account rests.
type kept struct {
	// shown are the settings, also while the account rests; nil until they are
	// known. Nobody changes what it points to.
	shown atomic.Pointer[api.Settings]
	// imageSenders are the addresses of those whose images are shown, likewise.
	imageSenders atomic.Pointer[map[string]bool]
	// reading holds one token, for who reads them from the mail server.
	reading chan struct{}

	mu         sync.Mutex // guards the fields below; no I/O while it is held
	document   settings.Document
	book       *settings.Book // the same, decoded; nil when nothing is known
	messages   int            // that the document is spread over
	read       time.Time
	failed     time.Time // when reading failed last
	compacting bool
}

const (
	// settingsAge is how old may be what a page about settings shows.
	settingsAge = 30 * time.Second
	// settingsPause is how long pages do without settings that could not be read.
	settingsPause = time.Minute
)

// known is what is known without asking the mail server.
func (k *kept) known() (settings.Document, *settings.Book) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.document, k.book
}

// add takes over what was read or written, on top of what was known.
func (k *kept) add(d settings.Document, update func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.document = settings.Merge(k.document, d)
	k.book = settings.NewBook(k.document)
	update()
	shown, senders := k.book.Settings, map[string]bool{}
	for _, one := range k.book.ImageSenders {
		senders[one.Address] = true
	}
	k.imageSenders.Store(&senders)
	k.shown.Store(&shown)
}

// took takes over what was read.
func (k *kept) took(contents *settings.Contents) {
	k.add(contents.Document, func() { k.messages, k.read, k.failed = contents.Messages, time.Now(), time.Time{} })
}

// rest forgets all but the settings.
func (k *kept) rest() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.document, k.book = nil, nil
}

// settingsMailbox is the name of the folder on the mail server; empty when there
// is none. The caller has the turn.
func (a *Account) settingsMailbox() string {
	if a.config.SettingsFolder == "" {
		return ""
	}
	prefix := a.backend.Prefix
	if names := a.folders.namespaces; prefix == "" && names != nil && len(names.Personal) > 0 {
		prefix = names.Personal[0].Prefix
	}
	return prefix + a.config.SettingsFolder
}

// isSettings tells whether a mailbox is the one that pages do not show. The caller
// has the turn.
func (a *Account) isSettings(mailbox string) bool {
	return a.config.SettingsFolder != "" && mailbox == a.settingsMailbox()
}

// settingsFolder finds the folder, asking for the prefix of mailboxes if it is not
// known. The caller has the turn and a connection.
func (a *Account) settingsFolder(ctx context.Context) (settings.Folder, error) {
	if a.backend.Prefix == "" && a.folders.namespaces == nil && a.conn.Has(imap.CapNamespace) {
		namespace := &imapconn.Namespace{}
		if err := a.do(ctx, namespace); err != nil && !isRefusal(err) {
			return settings.Folder{}, err
		}
		a.folders.namespaces = namespace.Data
	}
	return settings.Folder{Mailbox: a.settingsMailbox(), Address: a.id}, nil
}

// foreground is the foreground connection for package settings. Its user has the
// turn.
type foreground struct{ *Account }

func (f foreground) Do(ctx context.Context, commands ...imapconn.Command) error {
	return f.do(ctx, commands...)
}

func (f foreground) Has(capability imap.Cap) bool { return f.conn.Has(capability) }

// background is a connection aside for package settings.
type background struct {
	*connection
	account *Account
}

func (b background) Do(ctx context.Context, commands ...imapconn.Command) error {
	return b.account.exchange(ctx, b.connection, commands...)
}

// learnSettings makes the settings known, once, before the first page. Pages do
// without those that cannot be read; it fails only where the page would too.
func (a *Account) learnSettings(ctx context.Context) error {
	if a.config.SettingsFolder == "" || a.kept.shown.Load() != nil {
		return nil
	}
	a.kept.mu.Lock()
	paused := time.Since(a.kept.failed) < settingsPause
	a.kept.mu.Unlock()
	if paused {
		return nil
	}
	err := a.readSettings(ctx, false)
	if err == nil || errors.Is(err, ErrClosed) {
		return err
	}
	switch api.AsError(err).Code {
	case api.CodeAuthFailed, api.CodeBusy, api.CodeCanceled, api.CodeDeadline:
		return err
	}
	a.kept.mu.Lock()
	a.kept.failed = time.Now()
	a.kept.mu.Unlock()
	a.log.Info("settings cannot be read", "error", err)
	return nil
}

// readSettings reads what the mail server holds, unless it is known; with fresh,
// unless that was read just now. It takes the foreground connection as long as
// that has nothing else to do, because a login costs the mail server more.
func (a *Account) readSettings(ctx context.Context, fresh bool) error {
	select {
	case a.kept.reading <- struct{}{}:
	case <-ctx.Done():
		return api.AsError(ctx.Err())
	}
	defer func() { <-a.kept.reading }()
	a.kept.mu.Lock()
	known := a.kept.book != nil && (!fresh || time.Since(a.kept.read) < settingsAge)
	a.kept.mu.Unlock()
	if known {
		return nil
	}
	var folder settings.Folder
	var contents *settings.Contents
	err := a.ask(ctx, func(ctx context.Context) (err error) {
		if folder, err = a.settingsFolder(ctx); err == nil && a.selected == nil {
			contents, err = folder.Read(ctx, foreground{a})
		}
		return err
	}, func() bool { return false })
	if err == nil && contents == nil {
		err = a.aside(ctx, urgent, func(ctx context.Context, conn *connection) (err error) {
			contents, err = folder.Read(ctx, background{conn, a})
			return err
		})
		err = a.translate(ctx, err)
	}
	if err == nil {
		a.kept.took(contents)
	}
	return err
}

// knownBook returns what is kept, reading it where it is not known.
func (a *Account) knownBook(ctx context.Context, fresh bool) (*settings.Book, error) {
	if a.config.SettingsFolder == "" {
		return &settings.Book{}, nil
	}
	if _, book := a.kept.known(); book != nil && !fresh {
		return book, nil
	}
	err := a.readSettings(ctx, fresh)
	_, book := a.kept.known()
	if book != nil && err != nil && api.AsError(err).Code == api.CodeBackendDown {
		return book, nil // as it was known
	}
	if err == nil && book == nil {
		err = errForgotten
	}
	return book, err
}

// errForgotten is for who meets an account that goes to rest.
var errForgotten = api.NewError(api.CodeBusy, "Please try again.", errors.New("account: the settings were forgotten meanwhile"))

// write makes changes of what is kept: one message more in the folder. decide is
// given what is known.
func (a *Account) write(ctx context.Context, decide func(settings.Document, time.Time) (settings.Document, error)) error {
	if a.config.SettingsFolder == "" {
		return api.NewError(api.CodeUnsupported, "Settings and contacts cannot be kept here.", nil)
	}
	if _, err := a.knownBook(ctx, false); err != nil {
		return err
	}
	return a.withTurn(ctx, func(ctx context.Context) error {
		known, book := a.kept.known()
		if book == nil {
			return errForgotten
		}
		now := time.Now()
		written, err := decide(known, now)
		if err != nil || len(written) == 0 {
			return err
		}
		if err := checkBounds(settings.NewBook(settings.Merge(known, written))); err != nil {
			return err
		}
		err = a.retrying(ctx, func(ctx context.Context) error {
			folder, err := a.settingsFolder(ctx)
			if err != nil {
				return err
			}
			return folder.Append(ctx, foreground{a}, written, now)
		})
		if err != nil {
			return writeError(err)
		}
		a.kept.add(written, func() { a.kept.messages++ })
		a.compactSettings()
		return nil
	})
}

// writeError explains what a mail server does not take.
func writeError(err error) error {
	if errors.Is(err, settings.ErrTooLarge) {
		return errKeptTooLarge
	}
	if refusal, refused := imapconn.IsRefusal(err); refused && refusal.Code == imap.ResponseCodeOverQuota {
		return api.NewError(api.CodeTooLarge, "Your mailbox is full.", err)
	}
	return err
}

// compactSettings makes one message of many while nobody waits. The caller has the
// turn.
func (a *Account) compactSettings() {
	a.kept.mu.Lock()
	due := a.kept.messages >= settings.CompactFrom && !a.kept.compacting && !a.closed
	a.kept.compacting = a.kept.compacting || due
	a.kept.mu.Unlock()
	if !due {
		return
	}
	folder := settings.Folder{Mailbox: a.settingsMailbox(), Address: a.id}
	a.inBackground(func() { // ends after a few exchanges, or when the account is closed
		err := a.aside(a.closing, whenQuiet, func(ctx context.Context, conn *connection) error {
			contents, err := folder.Compact(ctx, background{conn, a}, time.Now())
			if err == nil {
				a.kept.took(contents)
			}
			return err
		})
		if err != nil {
			a.log.Info("the messages of the settings stay as they are", "error", err)
		}
		a.kept.mu.Lock()
		a.kept.compacting = false
		a.kept.mu.Unlock()
	})
}

// asUsual fills in what a question leaves to the settings.
func (a *Account) asUsual(question *api.MailboxQuestion) *api.MailboxQuestion {
	asked := *question
	shown := a.kept.shown.Load()
	if asked.PageSize == 0 {
		asked.PageSize = a.usualPageSize()
	}
	switch {
	case asked.Order == api.OrderNewest:
		asked.Order = api.OrderArrival
	case asked.Order == api.OrderArrival && !asked.Reverse && shown != nil:
		asked.Order, asked.Reverse = shown.Sort, shown.SortReverse
	}
	return &asked
}

// usualPageSize is how many rows a page has that was not asked for more or less.
func (a *Account) usualPageSize() int {
	if shown := a.kept.shown.Load(); shown != nil && shown.RowsPerPage > 0 && shown.RowsPerPage <= api.MaxPageSize {
		return shown.RowsPerPage
	}
	return api.DefaultPageSize
}

// settings returns the settings; the defaults where none can be read.
func (a *Account) settings(ctx context.Context) (api.Settings, error) {
	if err := a.learnSettings(ctx); err != nil {
		return api.Settings{}, err
	}
	if shown := a.kept.shown.Load(); shown != nil {
		return *shown, nil
	}
	return api.Settings{}, nil
}

// identities returns who the user can write as, at least one; the first is the one
// to begin with.
func (a *Account) identities(ctx context.Context) ([]api.Identity, error) {
	book, err := a.knownBook(ctx, false)
	if err != nil {
		return nil, err
	}
	return a.identitiesOf(book), nil
}

func (a *Account) identitiesOf(book *settings.Book) []api.Identity {
	own := api.Identity{ID: api.OwnIdentity, Address: a.id}
	all := []api.Identity{own}
	for _, one := range book.Identities {
		switch {
		case one.ID == api.OwnIdentity:
			one.Address = a.id
			all[0] = one
		case a.maySend(one.Address): // what was allowed once need not be any more
			all = append(all, one)
		}
	}
	if i := slices.IndexFunc(all, func(one api.Identity) bool { return one.ID == book.Settings.DefaultIdentity }); i > 0 {
		chosen := all[i]
		all = slices.Insert(slices.Delete(all, i, i+1), 0, chosen)
	}
	return all
}

// senders are the addresses that the user may write as.
func (a *Account) senders() []string {
	if len(a.backend.Senders) == 0 {
		return []string{api.OwnSender}
	}
	return a.backend.Senders
}

// maySend tells whether the user may write as an address.
func (a *Account) maySend(address string) bool {
	if !settings.Addressable(address) {
		return false
	}
	address = strings.ToLower(address)
	local, domain := api.SplitAccount(address)
	own, ownDomain := api.SplitAccount(strings.ToLower(a.id))
	return slices.ContainsFunc(a.senders(), func(sender string) bool {
		switch sender = strings.ToLower(sender); sender {
		case api.AnySender:
			return true
		case api.OwnSender:
			return domain == ownDomain && (local == own || strings.HasPrefix(local, own+"+"))
		}
		return sender == address || sender == "*@"+domain
	})
}

// Settings answers the settings and what belongs to them.
func (a *Account) Settings(ctx context.Context, question *api.SettingsQuestion) (*api.SettingsAnswer, error) {
	book, err := a.knownBook(ctx, question.Fresh)
	if err != nil {
		return nil, err
	}
	answer := &api.SettingsAnswer{
		Settings: book.Settings, Identities: a.identitiesOf(book), Searches: book.Searches, ImageSenders: book.ImageSenders,
		Senders: a.senders(), Unsaved: a.config.SettingsFolder == "",
	}
	if question.Folders {
		folders, err := a.folderList(ctx)
		if err != nil {
			a.log.Info("settings are answered without folders", "error", err)
		}
		answer.Folders = folders
	}
	return answer, nil
}

// Save makes changes. The same operation makes the same records.
func (a *Account) Save(ctx context.Context, operation string, question *api.SaveQuestion) (*api.SaveAnswer, error) {
	if err := a.checkChanges(operation, question.Changes); err != nil {
		return nil, err
	}
	answer := &api.SaveAnswer{}
	err := a.write(ctx, func(known settings.Document, now time.Time) (written settings.Document, err error) {
		written, answer.IDs, err = settings.Changed(known, question.Changes, operation, now)
		return written, err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}
