package account

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/search"
)

// searchPlan is what a search asks of the mail server, and where.
type searchPlan struct {
	folders  []api.Folder
	criteria imap.SearchCriteria
	// attachments asks for messages with attachments, or for those without: no mail
	// server knows, so that what it finds has to be looked at.
	attachments, noAttachments bool
	// reads tells that the mail server may have to read messages.
	reads bool
	// beyondASCII tells that it has to know letters beyond ASCII.
	beyondASCII bool
}

// newSearchPlan makes a plan of the terms of a search; or says what is wrong with
// them.
func newSearchPlan(terms []search.Term, asked *api.Search, folders []api.Folder) (*searchPlan, *api.SearchProblem) {
	plan := &searchPlan{}
	var named, left []api.Folder
	isNamed := false
	for _, term := range terms {
		if term.Field == search.In {
			meant := foldersCalled(folders, term.Text)
			if len(meant) == 0 {
				return nil, &api.SearchProblem{Kind: api.SearchNoFolder, Term: term.Text}
			}
			if term.Not {
				left = append(left, meant...)
			} else {
				isNamed, named = true, append(named, meant...)
			}
			continue
		}
		plan.add(term)
	}
	if !isNamed {
		named = foldersOf(asked, folders)
	}
	for _, folder := range named {
		is := func(other api.Folder) bool { return other.Mailbox == folder.Mailbox }
		if folder.Selectable && !slices.ContainsFunc(left, is) && !slices.ContainsFunc(plan.folders, is) {
			plan.folders = append(plan.folders, folder)
		}
	}
	return plan, nil
}

// add adds a term that is not about folders.
func (p *searchPlan) add(term search.Term) {
	if term.Field == search.Has {
		p.attachments = p.attachments || !term.Not
		p.noAttachments = p.noAttachments || term.Not
		return
	}
	p.beyondASCII = p.beyondASCII || strings.ContainsFunc(term.Text, func(char rune) bool { return char >= utf8.RuneSelf })
	p.reads = p.reads || term.Field == search.Text || term.Field == search.Body
	one := criteriaOf(term)
	if term.Not {
		p.criteria.Not = append(p.criteria.Not, one)
		return
	}
	both(&p.criteria, &one)
}

// both adds search keys to others. (imap.SearchCriteria.And takes a missing bound for
// the smallest one.)
func both(c, more *imap.SearchCriteria) {
	c.Text, c.Body, c.Header = append(c.Text, more.Text...), append(c.Body, more.Body...), append(c.Header, more.Header...)
	c.Flag, c.NotFlag, c.Or = append(c.Flag, more.Flag...), append(c.NotFlag, more.NotFlag...), append(c.Or, more.Or...)
	if more.Since.After(c.Since) {
		c.Since = more.Since
	}
	if c.Before.IsZero() || !more.Before.IsZero() && more.Before.Before(c.Before) {
		c.Before = more.Before
	}
	c.Larger = max(c.Larger, more.Larger)
	if c.Smaller == 0 || more.Smaller != 0 && more.Smaller < c.Smaller {
		c.Smaller = more.Smaller
	}
}

// criteriaOf are the search keys of RFC 9051 section 6.4.4 for a term, without its
// minus sign.
func criteriaOf(term search.Term) (c imap.SearchCriteria) {
	header := func(name string) imap.SearchCriteria {
		return imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: name, Value: term.Text}}}
	}
	switch term.Field {
	case search.Text:
		c.Text = []string{term.Text}
	case search.Body:
		c.Body = []string{term.Text}
	case search.From:
		c = header("From")
	case search.Cc:
		c = header("Cc")
	case search.Subject:
		c = header("Subject")
	case search.To:
		c.Or = [][2]imap.SearchCriteria{{header("To"), header("Cc")}}
	case search.Before:
		c.Before = term.Date
	case search.After:
		c.Since = term.Date
	case search.Larger:
		c.Larger = term.Size
	case search.Smaller:
		c.Smaller = term.Size
	case search.Is:
		switch term.Text {
		case "unread":
			c.NotFlag = []imap.Flag{imap.FlagSeen}
		case "read":
			c.Flag = []imap.Flag{imap.FlagSeen}
		case "flagged":
			c.Flag = []imap.Flag{imap.FlagFlagged}
		case "unflagged":
			c.NotFlag = []imap.Flag{imap.FlagFlagged}
		case "answered":
			c.Flag = []imap.Flag{imap.FlagAnswered}
		case "unanswered":
			c.NotFlag = []imap.Flag{imap.FlagAnswered}
		case "draft":
			c.Flag = []imap.Flag{imap.FlagDraft}
		}
	}
	return c
}

// rolesCalled are the names that folders with a role have besides their own.
var rolesCalled = map[string]api.Role{
	"inbox": api.RoleInbox, "drafts": api.RoleDrafts, "sent": api.RoleSent, "archive": api.RoleArchive,
	"junk": api.RoleJunk, "spam": api.RoleJunk, "trash": api.RoleTrash,
}

// foldersCalled are the folders that people call so: by their role, their path, or
// the last part of it.
func foldersCalled(folders []api.Folder, name string) (called []api.Folder) {
	role := rolesCalled[strings.ToLower(name)]
	for _, folder := range folders {
		path := strings.Join(folder.Path, "/")
		switch {
		case role != "" && folder.Role == role && folder.Space == "",
			strings.EqualFold(path, strings.Trim(name, "/")), folder.Mailbox == name,
			len(folder.Path) > 1 && strings.EqualFold(folder.Path[len(folder.Path)-1], name):
			called = append(called, folder)
		}
	}
	return called
}

// foldersOf are the folders that a search goes through, in that order: the one that
// is open first, and last those that few people miss something in.
func foldersOf(asked *api.Search, folders []api.Folder) (found []api.Folder) {
	here := slices.IndexFunc(folders, func(f api.Folder) bool { return f.Mailbox == asked.Mailbox })
	if here < 0 && asked.Mailbox != "" {
		// It can be open and not be listed.
		found = append(found, api.Folder{Mailbox: asked.Mailbox, Path: []string{asked.Mailbox}, Selectable: true})
	} else if here >= 0 {
		found = append(found, folders[here])
	}
	if asked.Where == api.WhereHere {
		return found
	}
	var last []api.Folder
	for i, folder := range folders {
		below := here >= 0 && folder.Space == folders[here].Space && len(folder.Path) > len(folders[here].Path) &&
			slices.Equal(folder.Path[:len(folders[here].Path)], folders[here].Path)
		switch {
		case i == here || asked.Where == api.WhereBelow && !below:
		case folder.Role == api.RoleTrash || folder.Role == api.RoleJunk:
			last = append(last, folder)
		default:
			found = append(found, folder)
		}
	}
	return append(found, last...)
}
