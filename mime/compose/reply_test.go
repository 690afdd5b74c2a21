package compose

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"alphamail/mime"
)

func emails(list []mime.Address) string {
	var all []string
	for _, address := range list {
		all = append(all, strings.TrimSuffix(address.Email, "@example.edu"))
	}
	return strings.Join(all, " ")
}

func TestRecipients(t *testing.T) {
	own := []string{"Me@example.edu", "me2@example.edu"}
	const list = "List-Post: <mailto:list@example.edu>\r\n"
	for name, test := range map[string]struct {
		header string
		mode   Mode
		to, cc string
	}{
		"author":                            {"From: ana@example.edu\r\nTo: me@example.edu\r\n", ReplyAuthor, "ana", ""},
		"Reply-To":                          {"From: ana@example.edu\r\nReply-To: office@example.edu\r\n", ReplyAuthor, "office", ""},
		"all":                               {"From: ana@example.edu\r\nTo: me@example.edu, ben@example.edu\r\nCc: cy@example.edu, ME2@example.edu\r\n", ReplyAll, "ana", "ben cy"},
		"all, Reply-To":                     {"From: ana@example.edu\r\nReply-To: office@example.edu\r\nTo: ben@example.edu\r\n", ReplyAll, "office", "ben"},
		"all, nobody twice":                 {"From: ana@example.edu\r\nTo: ana@example.edu, ben@example.edu\r\nCc: BEN@example.edu\r\n", ReplyAll, "ana", "ben"},
		"own message":                       {"From: me@example.edu\r\nTo: ben@example.edu\r\nCc: cy@example.edu\r\n", ReplyAuthor, "ben", ""},
		"own message, all":                  {"From: me@example.edu\r\nTo: ben@example.edu\r\nCc: cy@example.edu\r\n", ReplyAll, "ben", "cy"},
		"message to oneself":                {"From: me@example.edu\r\nTo: me@example.edu\r\n", ReplyAuthor, "me", ""},
		"message to oneself, all":           {"From: me@example.edu\r\nTo: me@example.edu\r\n", ReplyAll, "me", ""},
		"Mail-Followup-To":                  {"From: ana@example.edu\r\nTo: list@example.edu, me@example.edu\r\nMail-Followup-To: list@example.edu, me@example.edu\r\n", ReplyAll, "list", ""},
		"Mail-Followup-To is not for one":   {"From: ana@example.edu\r\nMail-Followup-To: list@example.edu\r\n", ReplyAuthor, "ana", ""},
		"list":                              {list + "From: ana@example.edu\r\nTo: list@example.edu\r\n", ReplyList, "list", ""},
		"list, all":                         {list + "From: ana@example.edu\r\nTo: list@example.edu\r\n", ReplyAll, "ana", "list"},
		"list in Reply-To, author":          {list + "From: ana@example.edu\r\nReply-To: list@example.edu\r\nTo: list@example.edu\r\n", ReplyAuthor, "ana", ""},
		"list in Reply-To, all":             {list + "From: ana@example.edu\r\nReply-To: list@example.edu\r\nTo: list@example.edu\r\n", ReplyAll, "ana list", ""},
		"list where nobody may write":       {"List-Post: NO\r\nFrom: ana@example.edu\r\nTo: list@example.edu\r\n", ReplyList, "ana", "list"},
		"several authors":                   {"From: ana@example.edu, ben@example.edu\r\n", ReplyAuthor, "ana ben", ""},
		"nobody":                            {"Subject: x\r\n", ReplyAll, "", ""},
		"undisclosed recipients":            {"From: ana@example.edu\r\nTo: undisclosed-recipients:;\r\n", ReplyAll, "ana", ""},
		"own address in Reply-To of others": {"From: ana@example.edu\r\nReply-To: me@example.edu\r\n", ReplyAuthor, "me", ""},
	} {
		to, cc := Recipients(mime.ParseHeader([]byte(test.header+"\r\n")), own, test.mode)
		if emails(to) != test.to || emails(cc) != test.cc {
			t.Errorf("%s: to %q, cc %q, want %q and %q", name, emails(to), emails(cc), test.to, test.cc)
		}
	}
}

func TestThreading(t *testing.T) {
	for name, test := range map[string]struct{ header, reply, references string }{
		"first reply":    {"Message-ID: <a@x>\r\n", "a@x", "a@x"},
		"deeper":         {"Message-ID: <c@x>\r\nReferences: <a@x>\r\n <b@x>\r\nIn-Reply-To: <b@x>\r\n", "c@x", "a@x b@x c@x"},
		"In-Reply-To":    {"Message-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\n", "b@x", "a@x b@x"},
		"words in it":    {"Message-ID: <b@x>\r\nIn-Reply-To: Ana's message of <a@x>\r\n", "b@x", "a@x b@x"},
		"no Message-ID":  {"References: <a@x>\r\n", "", ""},
		"itself twice":   {"Message-ID: <b@x>\r\nReferences: <a@x> <b@x>\r\n", "b@x", "a@x b@x"},
		"spaces inside":  {"Message-ID: < b@ x >\r\n", "b@x", "b@x"},
		"never ends":     {"Message-ID: <b@x\r\n", "", ""},
		"a hostile name": {"Message-ID: <b@x> <c@x>\r\n", "b@x", "b@x"},
	} {
		reply, references := Threading(mime.ParseHeader([]byte(test.header + "\r\n")))
		if strings.Join(reply, " ") != test.reply || strings.Join(references, " ") != test.references {
			t.Errorf("%s: %v, %v", name, reply, references)
		}
	}
	var long strings.Builder
	for range 100 {
		long.WriteString(" <" + NewMessageID("example.edu") + ">\r\n")
	}
	if _, references := Threading(mime.ParseHeader([]byte("Message-ID: <z@x>\r\nReferences:" + long.String() + "\r\n"))); len(references) != maxReferences || references[len(references)-1] != "z@x" {
		t.Errorf("%d references", len(references))
	}
}

func TestSubjects(t *testing.T) {
	for subject, want := range map[string][2]string{
		"x": {"Re: x", "Fwd: x"}, "Re: x": {"Re: x", "Fwd: Re: x"}, "RE: re: AW: x": {"Re: x", "Fwd: RE: re: AW: x"}, "Re[2]: x": {"Re: x", "Fwd: Re[2]: x"}, "Fwd: x": {"Re: Fwd: x", "Fwd: x"}, "WG: x": {"Re: WG: x", "Fwd: x"},
		"回复：x": {"Re: x", "Fwd: 回复：x"}, "": {"Re: ", "Fwd: "}, "Note: x": {"Re: Note: x", "Fwd: Note: x"}, "Re: ": {"Re: ", "Fwd: Re:"}, "a\r\nb": {"Re: a b", "Fwd: a b"},
	} {
		if got := [2]string{ReplySubject(subject), ForwardSubject(subject)}; got != want {
			t.Errorf("%q: %q, want %q", subject, got, want)
		}
	}
}

const original = "From: Ana Ruiz <ana@example.edu>\r\nTo: me@example.edu\r\nSubject: Plans\r\nDate: Mon, 23 Nov 2026 10:42:00 +0100\r\nMessage-ID: <1@example.edu>\r\n" +
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nShall we?\r\n\r\n> before\r\n\r\nSoon.\r\n-- \r\nAna\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\npdf\r\n--b--\r\n"

func TestQuote(t *testing.T) {
	m := mime.Parse([]byte(original))
	for language, want := range map[string]string{"en": "On 23 November 2026 at 10:42, Ana Ruiz wrote:", "de-AT": "Am 23.11.2026 um 10:42 schrieb Ana Ruiz:", "fr_CA": "Le 23/11/2026 à 10:42, Ana Ruiz a écrit :", "ja": "2026年11月23日 10:42、Ana Ruiz の発言:", "tlh": "On 23 November 2026 at 10:42, Ana Ruiz wrote:"} {
		if got := Quote(m, PhrasesFor(language), time.FixedZone("", 3600)); got != want+"\n> Shall we?\n>\n>> before\n>\n> Soon.\n" {
			t.Errorf("%s: %q", language, got)
		}
	}
	undated := mime.Parse([]byte("From: <ana@example.edu>\r\n\r\nx"))
	if got := Quote(undated, PhrasesFor("en"), time.UTC); got != "ana@example.edu wrote:\n> x\n" {
		t.Errorf("%q", got)
	}
	if got := QuoteHTML(mime.Parse([]byte("From: <b>&\r\n\r\na < b\r\nc")), "", PhrasesFor("en"), time.UTC); !strings.Contains(got, "a &lt; b<br>\nc") || !strings.Contains(got, `<blockquote type="cite">`) || strings.Contains(got, "<b>") {
		t.Errorf("%s", got)
	}
	for language, words := range phrases {
		if !strings.Contains(words.Wrote, "{name}") || !strings.Contains(words.Wrote, "{date}") || !strings.Contains(words.WroteUndated, "{name}") || words.Forwarded == "" || words.Cc == "" {
			t.Errorf("%s lacks something", language)
		}
	}
}

func TestForward(t *testing.T) {
	d := Forward(mime.Parse([]byte(original)), PhrasesFor("en"), time.UTC)
	want := "---------- Forwarded message ----------\nFrom: Ana Ruiz <ana@example.edu>\nDate: 23 November 2026 09:42 +0000\nSubject: Plans\nTo: me@example.edu\n\nShall we?\n\n> before\n\nSoon.\n\n-- \nAna\n"
	if d.Text != want || d.Subject != "Fwd: Plans" || len(d.Attachments) != 1 || d.Attachments[0].Name != "a.pdf" || !slices.Equal(d.References, []string{"1@example.edu"}) || d.InReplyTo != nil {
		t.Errorf("%+v", d)
	}
	attached := ForwardAttached(mime.ParseHeader([]byte("Subject: ../a/b\r\n\r\n")), file("", "", original))
	attached.From = ana
	m := mime.Parse([]byte(written(t, attached, Server{})))
	if got := shape(m); got != "multipart/mixed(text/plain, message/rfc822 _a_b.eml(multipart/mixed(text/plain, application/pdf a.pdf)))" {
		t.Errorf("%s", got)
	}
	if content, err := io.ReadAll(m.Part("2").Decode()); err != nil || string(content) != original {
		t.Errorf("the message that is passed on is changed: %q", content)
	}
}

func TestPartsThatAreNotLoaded(t *testing.T) {
	m := mime.Parse([]byte(original))
	m.Part("2").Encoded = nil
	d := Forward(m, PhrasesFor("en"), time.UTC)
	d.From = ana
	if _, err := d.Write(io.Discard, Server{}); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("a part that is not at hand: %v", err)
	}
}

func TestReply(t *testing.T) {
	d := Reply(mime.Parse([]byte(original)), []string{"me@example.edu"}, ReplyAll)
	if emails(d.To) != "ana" || len(d.Cc) != 0 || d.Subject != "Re: Plans" || !slices.Equal(d.InReplyTo, []string{"1@example.edu"}) {
		t.Errorf("%+v", d)
	}
}
