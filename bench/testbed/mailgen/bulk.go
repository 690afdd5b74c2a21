package mailgen

import (
	"fmt"
	"strings"
	"time"
)

// newsletter is a sender of HTML made by template.
type newsletter struct {
	from     Person
	subjects []string
	stories  [][2]string // headline, text
}

var newsletters = []newsletter{
	{
		Person{"Campus Weekly", "weekly@news.example.edu"},
		[]string{"This week on campus: lights, lichens and a lost tortoise", "Campus Weekly: the new reading room opens", "Campus Weekly: eleven things to do before term starts"},
		[][2]string{
			{"The north reading room opens", "After fourteen months of work the north reading room is back, with twice as many desks, daylight lamps and, at last, enough sockets."},
			{"Lost and found: one tortoise", "The tortoise found beside the physics building has been returned to its owner, a second-year student of law. Both are well."},
			{"Lichens of the old wall", "A biology class counted 61 species on the old garden wall. The wall stays; the ivy does not."},
			{"Night bus from October", "The night bus runs every half hour until three, on weekdays too. It is free with a student card."},
		},
	},
	{
		Person{"Harbour Books", "hello@harbourbooks.example.net"},
		[]string{"Ten per cent off every map in the shop", "Signed copies on Thursday", "New in: field guides and a cookery book we argued about"},
		[][2]string{
			{"Maps, folded and rolled", "Until Sunday every map costs ten per cent less, the large geological ones included."},
			{"Signed copies", "The author of The Tidal Year is with us on Thursday from five. Come early if you would like a seat."},
			{"Second-hand, first floor", "A retired botanist sold us two hundred field guides, most of them annotated. We have left the annotations in."},
		},
	},
	{
		Person{"Example Rail", "offers@rail.example.org"},
		[]string{"Your weekend by train from 19 euros", "Timetable change on Sunday"},
		[][2]string{
			{"To the sea from 19 euros", "Book until Friday and travel until the end of next month. Bicycles ride along for five euros."},
			{"Timetable change", "From Sunday the first train to the coast leaves at 6:12. Connections at the junction are now held for five minutes."},
		},
	},
}

// newsletter drafts a table layout with images on a remote host, among them
// one of a single pixel that would report the reading.
func (s *stream) newsletter(date time.Time) *draft {
	return s.newsletterOf(pick(s, newsletters), date)
}

func (s *stream) newsletterOf(n newsletter, date time.Time) *draft {
	reader := s.rng.Uint32()
	var rows, text strings.Builder
	for i, story := range n.stories {
		fmt.Fprintf(&rows, "<tr><td width=\"120\" valign=\"top\"><img src=\"https://images.example.net/s/%08x/%d.jpg\" width=\"110\" height=\"80\" alt=\"\"></td>\r\n"+
			"<td valign=\"top\"><h2 style=\"font-size:18px;margin:0\">%s</h2><p class=\"story\">%s <a href=\"https://click.example.net/r/%08x/%d\">Read on</a></p></td></tr>\r\n",
			reader, i, story[0], story[1], reader, i)
		text.WriteString(plain([]string{strings.ToUpper(story[0]), story[1], fmt.Sprintf("https://click.example.net/r/%08x/%d", reader, i)}) + "\r\n")
	}
	page := "<html><head><title>" + n.from.Name + "</title>\r\n" +
		"<style>body{background:#eef2f6;margin:0}.story{color:#333;line-height:1.45}@media(max-width:600px){table{width:100%!important}}</style></head>\r\n" +
		"<body><table width=\"600\" align=\"center\" cellpadding=\"12\" cellspacing=\"0\" bgcolor=\"#ffffff\" background=\"https://images.example.net/paper.png\">\r\n" +
		"<tr><td colspan=\"2\" style=\"background:#1d4f7a;color:#fff;font:bold 26px Georgia,serif\">" + n.from.Name + "</td></tr>\r\n" +
		rows.String() +
		fmt.Sprintf("<tr><td colspan=\"2\" style=\"font-size:11px;color:#777\">You receive this because you asked for it. <a href=\"https://click.example.net/u/%08x\">Unsubscribe</a></td></tr></table>\r\n"+
			"<img src=\"https://click.example.net/o/%08x.gif\" width=\"1\" height=\"1\" alt=\"\"></body></html>\r\n", reader, reader)
	d := &draft{
		from: n.from, to: []Person{s.owner},
		subject: pick(s, n.subjects),
		charset: "utf-8",
		date:    date,
		id:      s.newID(n.from),
		extra: [][2]string{
			{"List-Unsubscribe", fmt.Sprintf("<https://click.example.net/u/%08x>,\r\n <mailto:leave-%08x@lists.example.net>", reader, reader)},
			{"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"},
			{"Precedence", "bulk"},
		},
	}
	html := s.text("html", "utf-8", page, "")
	if s.chance(0.3) {
		d.body = html // some never write an alternative
	} else {
		d.body = multipart("alternative", s.text("plain", "utf-8", text.String(), ""), html)
	}
	return d
}

// mailingList is a list that the owner reads.
type mailingList struct{ name, title string }

var lists = []mailingList{
	{"lichens", "Lichenology discussions"},
	{"sysadmin", "Campus system administrators"},
	{"early-music", "Early music on campus"},
}

// listMail drafts a post to a mailing list (RFC 2369, RFC 2919) with the
// footer that list software adds.
func (s *stream) listMail(date time.Time) *draft {
	list := pick(s, lists)
	d := s.letter(languages()[0], date)
	d.subject = "[" + list.name + "] " + d.subject
	s.distribute(d, list)
	return d
}

// distribute turns a plain text message into a post as the list sends it out.
func (s *stream) distribute(d *draft, list mailingList) {
	address := list.name + "@lists.example.edu"
	d.to, d.cc = []Person{{list.title, address}}, nil
	d.extra = [][2]string{
		{"List-Id", list.title + " <" + list.name + ".lists.example.edu>"},
		{"List-Post", "<mailto:" + address + ">"},
		{"List-Unsubscribe", "<https://lists.example.edu/options/" + list.name + ">,\r\n <mailto:" + list.name + "-leave@lists.example.edu>"},
		{"List-Archive", "<https://lists.example.edu/archive/" + list.name + "/>"},
		{"Precedence", "list"},
		{"Sender", list.name + "-bounces@lists.example.edu"},
	}
	d.quotable += "\r\n_______________________________________________\r\n" + list.name + " mailing list -- " + address + "\r\nhttps://lists.example.edu/options/" + list.name + "\r\n"
	d.body = s.text("plain", d.charset, d.quotable, "")
}

var junkSubjects = []string{
	"Your mailbox is 98% full - act now", "Re: invoice 7741 OVERDUE", "You have (1) parcel waiting",
	"Journal of Everything: call for papers, fast publication", "Congratulations, dear Professor!",
}

// junk drafts what a spam filter filed.
func (s *stream) junk(date time.Time) *draft {
	from := Person{pick(s, []string{"Webmail Support", "Parcel Office", "Editorial Board", "Prize Dept."}), fmt.Sprintf("info%d@bulk.example.org", s.rng.IntN(1000))}
	link := fmt.Sprintf("https://login.bulk.example.org/%08x", s.rng.Uint32())
	text := plain([]string{
		"Dear user " + s.owner.Address + ",",
		"we noticed unusual activity in your account. To avoid suspension please confirm your details within 24 hours by following the link below.",
		link,
	})
	page := "<html><body><p>Dear user,</p><p>we noticed unusual activity. Please <a href=\"" + link + "\">https://www.example.edu/account</a> within 24 hours.</p>" +
		"<img src=\"https://track.bulk.example.org/p.gif\" width=1 height=1></body></html>\r\n"
	return &draft{
		from: from, to: []Person{s.owner},
		subject: pick(s, junkSubjects),
		charset: "us-ascii",
		date:    date,
		id:      s.newID(from),
		extra:   [][2]string{{"X-Spam-Flag", "YES"}, {"X-Spam-Score", fmt.Sprintf("%.1f", 5+10*s.rng.Float64())}},
		body:    multipart("alternative", s.text("plain", "us-ascii", text, ""), s.text("html", "us-ascii", page, "")),
	}
}
