package account

import (
	"context"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// specials are the names and uses (RFC 6154) of mailboxes that are made where
// there is none of their role.
var specials = map[api.Role]struct {
	name string
	use  imap.MailboxAttr
}{
	api.RoleDrafts:  {"Drafts", imap.MailboxAttrDrafts},
	api.RoleSent:    {"Sent", imap.MailboxAttrSent},
	api.RoleArchive: {"Archive", imap.MailboxAttrArchive},
	api.RoleJunk:    {"Junk", imap.MailboxAttrJunk},
	api.RoleTrash:   {"Trash", imap.MailboxAttrTrash},
}

// special returns the mailbox of a role, and makes one where there is none. The
// caller has the turn and a connection.
func (a *Account) special(ctx context.Context, role api.Role) (string, error) {
	if a.folders.read.IsZero() {
		if err := a.readFolders(ctx); err != nil {
			return "", err
		}
	}
	if found := a.folderOf(role); found != nil {
		return found.Mailbox, nil
	}
	name := specials[role].name
	if configured := a.backend.Roles[role]; configured != "" {
		name = configured
	}
	name = a.personalPrefix() + name
	create := &imapconn.Manage{Action: imapconn.Create, Mailbox: name}
	if a.conn.Has(imap.CapCreateSpecialUse) {
		create.Use = specials[role].use
	}
	err := a.do(ctx, create)
	if isRefusal(err) && create.Use != "" {
		create.Use = ""
		err = a.do(ctx, create)
	}
	if err != nil && !isRefusal(err) { // a refusal may mean that it is there
		return "", err
	}
	if err := a.do(ctx, &imapconn.Manage{Action: imapconn.Subscribe, Mailbox: name}); err != nil && !isRefusal(err) {
		return "", err
	}
	if err := a.readFolders(ctx); err != nil {
		return "", err
	}
	if found := a.folderOf(role); found != nil {
		return found.Mailbox, nil
	}
	return name, nil
}

// readFolders reads the folder list. The account is connected.
func (a *Account) readFolders(ctx context.Context) error {
	query, commands := a.queryFolders()
	if err := a.do(ctx, commands...); err != nil && !isRefusal(err) {
		return err
	}
	return a.takeFolders(ctx, query)
}

// folderOf returns the user's folder of a role; nil if there is none.
func (a *Account) folderOf(role api.Role) *api.Folder {
	for i := range a.folders.folders {
		if f := &a.folders.folders[i]; f.Role == role && f.Selectable && f.Space == "" {
			return f
		}
	}
	return nil
}

// folder returns the entry of a mailbox in the folder list; nil if there is none.
func (a *Account) folder(mailbox string) *api.Folder {
	for i := range a.folders.folders {
		if a.folders.folders[i].Mailbox == mailbox {
			return &a.folders.folders[i]
		}
	}
	return nil
}

// personalPrefix is what the names of the user's own mailboxes begin with.
func (a *Account) personalPrefix() string {
	if a.backend.Prefix != "" {
		return a.backend.Prefix
	}
	if names := a.folders.namespaces; names != nil && len(names.Personal) > 0 {
		return names.Personal[0].Prefix
	}
	return ""
}
