package page

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"

	"alphamail/node/api"
)

// tools are the buttons that do something to messages: to those that are selected
// in a list, or to the one that is open. They are part of a form. They stand on the
// hottest page with a choice of all folders, and are written by hand like the rows
// of a list; tools is a templ.Component.
type tools struct {
	view
	folder  *api.Folder
	folders []api.Folder
	// list is the list that they are for; nil on the page of a message.
	list *api.MailboxAnswer
	all  bool // its boxes are all checked
	// message is the message that they are for; nil in a list.
	message *messageView
	// found is the page of a search that they are for; nil elsewhere.
	found *Search
}

// tool is a button.
type tool struct {
	action api.Action
	words  string
}

// Render writes the buttons. The first button of a form is pressed by the Enter key
// in any of its fields; that one does nothing.
func (t tools) Render(_ context.Context, w io.Writer) error {
	to := append(make([]byte, 0, 4096), `<div class="tools" role="group" aria-label="`...)
	to = appendEscaped(to, t.ToolsLabel)
	to = append(to, `">`...)
	var often, seldom []tool
	acts := t.acts()
	if acts {
		to = append(to, `<button name="do" value="" hidden></button>`...)
		often, seldom = t.choose()
	}
	if t.message == nil {
		to = t.appendAll(to)
	}
	for _, one := range often {
		to = appendTool(to, one)
	}
	to = append(to, ` <details class="more"><summary class="button plain">`...)
	to = appendEscaped(to, t.MoreActions)
	to = append(to, `</summary>`...)
	if acts {
		to = append(to, `<div>`...)
		for _, one := range seldom {
			to = appendTool(to, one)
		}
		to = append(t.appendGoals(to), `</div>`...)
	}
	if t.message != nil {
		to = t.appendSender(to)
		to = t.appendWays(to)
	}
	to = append(to, `</details>`...)
	if acts && t.message != nil && t.message.goesOn() {
		to = t.appendNext(to)
	}
	_, err := w.Write(append(to, `</div>`...))
	return err
}

// acts tells whether anything can be done to the messages.
func (t tools) acts() bool { return t.message == nil || canAct(t.folder, t.message.AsOf) }

// appendSender writes what can be done about the sender of a message.
func (t tools) appendSender(to []byte) []byte {
	m := t.message
	can, empty := m.AsOf.IsZero(), len(to)
	to = append(to, `<div class="about">`...)
	begun := len(to)
	if can && strings.Contains(m.sender(), "@") && !isOutgoing(t.folder) {
		to = appendTool(to, tool{DoContact, t.AddSender})
	}
	if way := m.Unsubscribe; way != nil {
		if can && way.OneClick {
			to = appendTool(to, tool{DoUnsubscribe, t.Unsubscribe})
		}
		to = appendLink(to, inList(UnsubscribeURL(m.ID), m.List), t.UnsubscribeMore)
	}
	if len(to) == begun {
		return to[:empty]
	}
	return append(to, `</div>`...)
}

// appendWays writes the ways to look at a message that are seldom taken.
func (t tools) appendWays(to []byte) []byte {
	m := t.message
	to = append(to, `<div class="ways">`...)
	if m.framed() {
		to = appendLink(to, BodyURL(m.ID, m.AllowRemote), t.OpenAlone)
	}
	to = appendLink(to, inList(PrintURL(m.ID), m.List), t.Print)
	to = appendLink(to, RawURL(m.ID), t.RawSource)
	to = appendLink(to, SaveURL(m.ID), t.SaveMessage)
	return append(to, `</div>`...)
}

func appendLink(to []byte, address, words string) []byte {
	to = append(to, ` <a href="`...)
	to = appendEscaped(to, address)
	to = append(to, `">`...)
	to = appendEscaped(to, words)
	return append(to, `</a>`...)
}

// choose chooses the buttons that make sense in the folder.
func (t tools) choose() (often, seldom []tool) {
	role := roleOf(t.folder)
	kept := role == api.RoleTrash || role == api.RoleJunk
	if !kept && role != api.RoleArchive && role != api.RoleDrafts {
		often = append(often, tool{api.ActArchive, t.ActArchive})
	}
	if role == api.RoleJunk {
		often = append(often, tool{api.ActNotJunk, t.ActNotJunk})
	}
	if kept {
		often = append(often, tool{api.ActErase, t.ActErase})
	} else {
		often = append(often, tool{api.ActDelete, t.ActDelete})
	}
	if !kept && !isOutgoing(t.folder) {
		often = append(often, tool{api.ActJunk, t.ActJunk})
	}
	if t.message == nil {
		often = append(often, tool{api.ActRead, t.ActRead})
		return often, []tool{{api.ActUnread, t.ActUnread}, {api.ActFlag, t.ActFlag}, {api.ActUnflag, t.ActUnflag}}
	}
	seldom = append(seldom, tool{api.ActUnread, t.ActUnread})
	if t.message.Flags.Flagged {
		return often, append(seldom, tool{api.ActUnflag, t.ActUnflag})
	}
	return often, append(seldom, tool{api.ActFlag, t.ActFlag})
}

func appendTool(to []byte, one tool) []byte {
	to = append(to, ` <button class="plain" name="do" value="`...)
	to = append(to, one.action...)
	to = append(to, `">`...)
	to = appendEscaped(to, one.words)
	return append(to, `</button>`...)
}

// appendAll writes the link that shows the list with all boxes checked, or with
// none: it looks like the box of all.
func (t tools) appendAll(to []byte) []byte {
	words, box := t.SelectPage, `<span class="box" aria-hidden="true"></span>`
	var address []byte
	if t.found != nil {
		address = []byte(SearchURL(t.found.Answer.Search, t.found.Answer.Page, "still=1"))
	} else {
		q := listOf(t.list)
		address = appendListURL(make([]byte, 0, 256), &q)
	}
	if t.all {
		words, box = t.SelectNone, `<span class="box" aria-hidden="true"><span>✓</span></span>`
	} else {
		address = append(address, selectParameter(address)...)
	}
	to = append(to, `<a class="pick" href="`...)
	to = appendEscaped(to, address)
	to = append(append(to, `">`...), box...)
	to = append(to, `<span class="spoken">`...)
	to = appendEscaped(to, words)
	return append(to, `</span></a>`...)
}

// selectParameter is what the address of a list gets to show all boxes checked.
func selectParameter(address []byte) string {
	for _, char := range address {
		if char == '?' {
			return "&select=page"
		}
	}
	return "?select=page"
}

// appendGoals writes the choice of a folder to move or copy to.
func (t tools) appendGoals(to []byte) []byte {
	to = append(to, ` <span class="goal"><label class="quiet" for="to">`...)
	to = appendEscaped(to, t.MoveTo)
	to = append(to, `</label> <select id="to" name="to"><option value="">`...)
	to = appendEscaped(to, t.MoveChoose)
	to = append(to, `</option>`...)
	for _, group := range t.folderGroups(t.folders) {
		for _, f := range group.folders {
			if f.ReadOnly || f.Mailbox == t.folder.Mailbox {
				continue
			}
			to = append(to, `<option value="`...)
			to = appendEscaped(to, f.Mailbox)
			to = append(to, `">`...)
			to = appendEscaped(to, t.folderName(f))
			to = append(to, `</option>`...)
		}
	}
	to = append(to, `</select>`...)
	to = appendTool(to, tool{api.ActMove, t.ActMove})
	to = appendTool(to, tool{api.ActCopy, t.ActCopy})
	return append(to, `</span>`...)
}

// appendNext writes the choice to go on with the next message, which stays as the
// reader has made it.
func (t tools) appendNext(to []byte) []byte {
	to = append(to, `<input type="hidden" name="next" value="`...)
	to = strconv.AppendUint(to, uint64(t.message.Older.UID), 10)
	to = append(to, `"> <span class="then"><input type="checkbox" id="then" name="then" value="next"`...)
	if t.message.ThenNext {
		to = append(to, ` checked`...)
	}
	to = append(to, `> <label class="quiet" for="then">`...)
	to = appendEscaped(to, t.ThenNext)
	return append(to, `</label></span>`...)
}

// appendBox writes the check box of a row.
func (l rowList) appendBox(to []byte, folder *api.Folder, row *api.Row) []byte {
	if l.found {
		to = append(to, `<label class="pick"><input type="checkbox" name="message" value="`...)
		to = appendFound(to, row.ID) // holds no character that needs escaping
	} else {
		to = append(to, `<label class="pick"><input type="checkbox" name="uid" value="`...)
		to = strconv.AppendUint(to, uint64(row.ID.UID), 10)
	}
	to = append(to, `" aria-label="`...)
	to = appendEscaped(to, l.SelectRow.fill("Who", l.rowPeople(folder, row.People), "Subject", l.subject(row.Subject)))
	to = append(to, '"')
	if l.all || slices.Contains(l.selected, row.ID.UID) {
		to = append(to, ` checked`...)
	}
	return append(to, `></label> `...)
}

// SelectURL is the path of a list page with the boxes of some messages checked.
func SelectURL(q api.MailboxQuestion, uidValidity uint32, uids []uint32) string {
	to := appendListURL(make([]byte, 0, 256), &q)
	if len(uids) == 0 {
		return string(to)
	}
	to = append(to, strings.TrimSuffix(selectParameter(to), "page")...)
	to = strconv.AppendUint(to, uint64(uidValidity), 10)
	for i, uid := range uids[:min(len(uids), api.MaxPageSize)] {
		to = append(to, "-,"[min(i, 1)])
		to = strconv.AppendUint(to, uint64(uid), 10)
	}
	return string(to)
}

// ParseSelected reads which boxes SelectURL checks; none for anything else.
func ParseSelected(text string, uidValidity uint32) (uids []uint32) {
	validity, list, _ := strings.Cut(text, "-")
	if number, err := parseNumber(validity); err != nil || number != uidValidity {
		return nil
	}
	for one := range strings.SplitSeq(list, ",") {
		uid, err := parseNumber(one)
		if err != nil || len(uids) == api.MaxPageSize {
			return nil
		}
		uids = append(uids, uid)
	}
	return uids
}
