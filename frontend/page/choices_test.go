package page

import (
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"alphamail/node/api"
)

var (
	allOrders  = []api.Order{api.OrderArrival, api.OrderDate, api.OrderSender, api.OrderSubject, api.OrderSize}
	allFilters = []api.Filter{api.FilterNone, api.FilterUnread, api.FilterFlagged}
)

func writeMailbox(t *testing.T, answer *api.MailboxAnswer) []byte {
	t.Helper()
	return write(t, func(w io.Writer) error { return WriteMailbox(w, contextIn("en"), Mailbox{Answer: answer}) })
}

// linksIn gives the addresses of the links in a node by what they say.
func linksIn(n *html.Node) map[string]string {
	links := map[string]string{}
	for a := range n.Descendants() {
		if a.Type == html.ElementNode && a.Data == "a" {
			links[strings.TrimSpace(strings.TrimPrefix(strings.Join(strings.Fields(textOf(a)), " "), "✓"))] = attribute(a, "href")
		}
	}
	return links
}

func navCalled(t *testing.T, page []byte, label string) *html.Node {
	t.Helper()
	byName, _ := elements(t, page)
	for _, nav := range byName["nav"] {
		if attribute(nav, "aria-label") == label {
			return nav
		}
	}
	t.Fatalf("no landmark is called %q", label)
	return nil
}

// In every state exactly one choice of each group is taken, and it leads to the
// state that the page is in.
func TestChoicesShowTheState(t *testing.T) {
	for _, order := range allOrders {
		for _, filter := range allFilters {
			for _, reverse := range []bool{false, true} {
				answer := sortedMailbox(order, reverse, filter)
				here := listOf(answer)
				here.Page = 1
				nav := navCalled(t, writeMailbox(t, answer), "Sort and filter")
				groups := 0
				for group := range nav.ChildNodes() {
					groups++
					var taken []string
					for a := range group.Descendants() {
						if a.Type == html.ElementNode && attribute(a, "aria-current") == "true" {
							taken = append(taken, attribute(a, "href"))
							if !strings.Contains(textOf(a), "✓") {
								t.Errorf("%q is marked by style alone", textOf(a))
							}
						}
					}
					if !slices.Equal(taken, []string{ListURL(here)}) {
						t.Errorf("%q %t %q: taken in one group: %q", order, reverse, filter, taken)
					}
				}
				if groups != 3 {
					t.Errorf("%d groups", groups)
				}
			}
		}
	}
}

func TestChoicesKeepTheOthers(t *testing.T) {
	links := linksIn(navCalled(t, writeMailbox(t, sortedMailbox(api.OrderSize, true, api.FilterFlagged)), "Sort and filter"))
	for name, want := range map[string]string{
		"All": "/mail/INBOX?order=size&reverse=1", "Unread": "/mail/INBOX?order=size&reverse=1&filter=unread",
		"Starred": "/mail/INBOX?order=size&reverse=1&filter=flagged", "Arrival": "/mail/INBOX?filter=flagged",
		"Date sent": "/mail/INBOX?order=date&filter=flagged", "Sender": "/mail/INBOX?order=sender&filter=flagged",
		"Size": "/mail/INBOX?order=size&reverse=1&filter=flagged", "Largest first": "/mail/INBOX?order=size&filter=flagged",
	} {
		if links[name] != want {
			t.Errorf("%s leads to %q, want %q", name, links[name], want)
		}
	}
}

// All that somebody sent has one sender.
func TestNoOrderBySenderInSent(t *testing.T) {
	sent := middleOf()
	if links := linksIn(navCalled(t, writeMailbox(t, sent), "Sort and filter")); len(links) != 3+4+2 || links["Sender"] != "" {
		t.Errorf("choices: %q", links)
	}
	sent.Order = api.OrderSender // by its address
	if links := linksIn(navCalled(t, writeMailbox(t, sent), "Sort and filter")); links["Sender"] == "" {
		t.Error("the order of the page is not among the choices")
	}
}

// As usual there is nothing to explain; else the page says how it differs and
// leads back.
func TestListSaysHowItDiffers(t *testing.T) {
	for _, order := range allOrders {
		for _, filter := range allFilters {
			for _, reverse := range []bool{false, true} {
				answer := sortedMailbox(order, reverse, filter)
				var said string
				byName, _ := elements(t, writeMailbox(t, answer))
				for _, p := range byName["p"] {
					if attribute(p, "class") == "chosen" {
						said = textOf(p)
						if back := linksIn(p)["Show all, newest first"]; back != "/mail/INBOX" {
							t.Errorf("the way back leads to %q", back)
						}
					}
				}
				usual := order == api.OrderArrival && filter == api.FilterNone && !reverse
				if usual != (said == "") {
					t.Errorf("%q %q %t: says %q", order, filter, reverse, said)
				}
				if filter == api.FilterUnread && !strings.Contains(said, "Unread messages only") || filter == api.FilterFlagged && !strings.Contains(said, "Starred messages only") ||
					order == api.OrderSender && !strings.Contains(said, "By sender") || order == api.OrderArrival && reverse && !strings.Contains(said, "Oldest first") {
					t.Errorf("%q %q %t: says %q", order, filter, reverse, said)
				}
			}
		}
	}
}

func TestPagerFollowsTheOrder(t *testing.T) {
	byTime, backInTime := "Newest Newer Older Oldest", "Oldest Older Newer Newest"
	for _, test := range []struct {
		order   api.Order
		reverse bool
		want    string
	}{
		{api.OrderArrival, false, byTime}, {api.OrderArrival, true, backInTime},
		{api.OrderDate, false, byTime}, {api.OrderDate, true, backInTime},
		{api.OrderSender, false, "First Previous Next Last"}, {api.OrderSubject, true, "First Previous Next Last"},
		{api.OrderSize, true, "First Previous Next Last"},
	} {
		answer := sortedMailbox(test.order, test.reverse, api.FilterUnread)
		pager := navCalled(t, writeMailbox(t, answer), "Pages")
		links := linksIn(pager)
		for i, word := range strings.Fields(test.want) {
			q := listOf(answer)
			q.Page = []int{1, 2, 4, 5}[i]
			if links[word] != ListURL(q) {
				t.Errorf("%q %t: %s leads to %q, want %q", test.order, test.reverse, word, links[word], ListURL(q))
			}
		}
		if got := textOf(pager); !strings.Contains(got, "101–112 of 230") {
			t.Errorf("the range does not count what matches: %q", got)
		}
	}
	if got := textOf(navCalled(t, writeMailbox(t, sampleMailbox()), "Pages")); !strings.Contains(got, "1–12 of 12,431") {
		t.Errorf("without a filter, as a node of an earlier version answers: %q", got)
	}
}

func TestEmptyListNamesItsFilter(t *testing.T) {
	for filter, want := range map[api.Filter]string{
		api.FilterNone: "No messages here.", api.FilterUnread: "No unread messages here.", api.FilterFlagged: "No starred messages here.",
	} {
		answer := filteredAway()
		answer.Filter = filter
		byName, _ := elements(t, writeMailbox(t, answer))
		all := linksIn(byName["main"][0])["Show all messages"]
		if said := textOf(byName["main"][0]); !strings.Contains(said, want) {
			t.Errorf("%q says %q", filter, said)
		}
		if wanted := map[bool]string{true: "/mail/INBOX?order=subject"}[filter != api.FilterNone]; all != wanted {
			t.Errorf("%q: all messages are at %q, want %q", filter, all, wanted)
		}
	}
}

func TestUnreadCountLeadsToTheUnread(t *testing.T) {
	main := func(answer *api.MailboxAnswer) map[string]string {
		byName, _ := elements(t, writeMailbox(t, answer))
		return linksIn(byName["main"][0])
	}
	if got := main(sortedMailbox(api.OrderSize, false, api.FilterNone))["12 unread"]; got != "/mail/INBOX?order=size&filter=unread" {
		t.Errorf("it leads to %q", got)
	}
	if got, ok := main(sortedMailbox(api.OrderSize, false, api.FilterUnread))["12 unread"]; ok {
		t.Errorf("it leads from the unread to %q", got)
	}
}

func TestRowsBySizeShowIt(t *testing.T) {
	byName, _ := elements(t, writeMailbox(t, sortedMailbox(api.OrderSize, false, api.FilterNone)))
	if len(byName["time"]) != 0 {
		t.Error("there are dates")
	}
	first := byName["li"][slices.IndexFunc(byName["li"], func(li *html.Node) bool { return attribute(li, "class") == "row new" })]
	if said := textOf(first); !strings.HasSuffix(said, "Size: 4.3 KB") {
		t.Errorf("a row says %q", said)
	}
}

func TestDeletedMessages(t *testing.T) {
	byName, _ := elements(t, writeMailbox(t, sortedMailbox(api.OrderArrival, false, api.FilterNone)))
	said := 0
	for _, li := range byName["li"] {
		deleted := slices.Contains(strings.Fields(attribute(li, "class")), "deleted")
		if deleted != strings.HasPrefix(strings.TrimSpace(textOf(li)), "Deleted. ") {
			t.Errorf("the row says %q", textOf(li))
		}
		if deleted {
			said++
		}
	}
	if said != 2 || !strings.Contains(textOf(byName["main"][0]), "2 messages in this folder are marked as deleted.") {
		t.Errorf("%d rows are marked; the page says %q", said, textOf(byName["main"][0]))
	}
	if page := string(writeMailbox(t, sampleMailbox())); strings.Contains(page, "deleted") {
		t.Error("a folder without such messages speaks of them")
	}
}

func TestFoldersOfOthersStandApart(t *testing.T) {
	var got []string
	for _, group := range localeOf("en").folderGroups(foldersOfOthers()) {
		got = append(got, group.heading+":")
		for _, f := range group.folders {
			got = append(got, localeOf("en").folderName(f))
		}
	}
	want := ": Inbox Drafts Sent Archive Junk Trash My folders: Courses/Linguistics 201 Library Travel 2026 研究室 " +
		"Folders of other people: ana/INBOX ana/Plans Shared folders: Announcements x"
	if strings.Join(got, " ") != want {
		t.Errorf("groups %q, want %q", strings.Join(got, " "), want)
	}
	page := write(t, func(w io.Writer) error { return WriteFolders(w, contextIn("en"), Folders{Answer: outOfDate(0)}) })
	byName, _ := elements(t, page)
	for name := range linksIn(byName["main"][0]) {
		readOnly := strings.HasPrefix(name, "ana/Plans") || strings.HasPrefix(name, "Announcements")
		if readOnly != strings.Contains(name, "(read only)") {
			t.Errorf("a link says %q", name)
		}
	}
}

func TestPagesThatAreOutOfDate(t *testing.T) {
	for name, test := range map[string]struct{ says, again string }{
		"mailbox-away.html":    {"The mail server cannot be reached. You see your mail as of 10:42.", "/mail/Shared~1Announcements?page=2"},
		"message-away.html":    {"You see your mail as of Sunday, 22 November 2026, 05:30.", "/mail/INBOX/1700000000-52000?view=text&details=1"},
		"folders-away-de.html": {"Stand Ihrer Mail: 11:29.", "/folders"},
	} {
		byName, _ := elements(t, write(t, samplePages()[name]))
		var said string
		for _, div := range byName["div"] {
			if attribute(div, "role") == "status" {
				said = textOf(div)
				for _, again := range linksIn(div) {
					if again != test.again {
						t.Errorf("%s: again leads to %s, want %s", name, again, test.again)
					}
				}
			}
		}
		if !strings.Contains(said, test.says) {
			t.Errorf("%s says %q, want %q", name, said, test.says)
		}
	}
	if strings.Contains(string(write(t, samplePages()["mailbox.html"])), `role="status"`) {
		t.Error("a page that is up to date has the banner")
	}
}

// The rows are the hot part: one more must not cost an allocation beyond what
// its text needs.
func TestRowsDoNotAllocate(t *testing.T) {
	for _, order := range allOrders {
		answer := sortedMailbox(order, false, api.FilterNone)
		l := rowList{view: viewOf(contextIn("en")), folder: &answer.Folder, order: order, rows: answer.Rows}
		buffer := make([]byte, 0, 4096)
		row := &answer.Rows[1]
		if allocated := testing.AllocsPerRun(100, func() { buffer = l.appendRow(buffer[:0], row) }); allocated > 0 {
			t.Errorf("%q: a row allocates %.0f times", order, allocated)
		}
	}
}
