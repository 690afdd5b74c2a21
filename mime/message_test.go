package mime

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHeader(t *testing.T) {
	for name, test := range map[string]struct{ raw, subject, body string }{
		"plain":              {"Subject: a\r\n\r\nbody", "a", "body"},
		"folded":             {"Subject: a\r\n b\r\n\tc\r\n\r\nbody", "a b c", "body"},
		"bare newlines":      {"Subject: a\n\nbody", "a", "body"},
		"CRCRLF":             {"Subject: a\r\r\nTo: b\r\r\n\r\r\nbody", "a", "body"},
		"bare returns":       {"Subject: a\r\rbody", "a", "body"},
		"mbox":               {"From ana@example.edu Mon Nov 23 10:42:00 2026\r\nSubject: a\r\n\r\nbody", "a", "body"},
		"a line that is not": {"Subject: a\r\nthis is no field\r\nTo: b\r\n\r\nbody", "a", "body"},
		"no empty line":      {"Subject: a\r\nThis is the body.\r\nIt goes on.\r\nAnd on.\r\n", "a", "This is the body.\r\nIt goes on.\r\nAnd on.\r\n"},
		"no body":            {"Subject: a", "a", ""},
		"no header":          {"\r\nbody", "", "body"},
		"nothing":            {"", "", ""},
		"8-bit UTF-8":        {"Subject: gr\xc3\xbc\xc3\x9fe\r\n\r\nbody", "grüße", "body"},
		"8-bit Latin":        {"Subject: gr\xfc\xdfe\r\n\r\nbody", "grüße", "body"},
		"8-bit name":         {"S\xfcbject: x\r\nSubject: a\r\n\r\nbody", "a", "body"},
		"space before colon": {"Subject : a\r\n\r\nbody", "a", "body"},
		"control characters": {"Subject: a\x00\x1bb\r\n\r\nbody", "a  b", "body"},
	} {
		message := Parse([]byte(test.raw))
		if got := message.Header.Get("subject"); got != test.subject || string(message.Root.Encoded) != test.body {
			t.Errorf("%s: subject %q, body %q", name, got, message.Root.Encoded)
		}
	}
}

func TestDecodeWords(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "=?utf-8?Q?Caf=C3=A9_au_lait?=": "Café au lait", "=?ISO-8859-1?q?Caf=E9?=": "Café", "=?utf-8?B?5pel5pys?=": "日本",
		"=?utf-8?B?5pc=?= =?utf-8?B?pQ==?=": "日", "=?utf-8?Q?a?= =?utf-8?Q?b?=": "ab", "=?utf-8?Q?a?= b": "a b", "a =?utf-8?Q?b?= c": "a b c",
		"=?utf-8?Q?=E6=97?= =?utf-8?Q?=A5?=": "日", "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=": "日本", "=?koi8-r?B?8NLJ18XU?=": "Привет", "=?utf-8*en?Q?a?=": "a",
		"=?utf-8?X?a?=": "=?utf-8?X?a?=", "=?utf-8?Q?a": "a", "=?=?=?=": "=?=?=?=", "=?nonsense?Q?abc?=": "abc", "=?utf-8?Q?a=ZZ?=": "a=ZZ", "=?utf-8?B?!!!?=": "!!!",
		"": "", "=?": "=?", "=?utf-8?Q??=": "", "tab\there": "tab here",
	} {
		if got := DecodeWords(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestCharsets(t *testing.T) {
	for label, test := range map[string]struct{ encoded, want string }{
		"cp932": {"\x93\xfa\x96\x7b", "日本"}, "Shift_JIS": {"\x93\xfa", "日"}, "euc-jp": {"\xc6\xfc", "日"}, "ISO-2022-JP": {"\x1b$BF|\x1b(B", "日"},
		"cp949": {"\xc7\xd1", "한"}, "ks_c_5601-1987": {"\xc7\xd1", "한"}, "euc-kr": {"\xc7\xd1", "한"}, "gb2312": {"\xc8\xd5", "日"}, "gb18030": {"\xc8\xd5", "日"}, "big5": {"\xa4\xe9", "日"}, "cp950": {"\xa4\xe9", "日"},
		"cp874": {"\xa1", "ก"}, "tis-620": {"\xa1", "ก"}, "win-1251": {"\xcf", "П"}, "cp1251": {"\xcf", "П"}, "windows-1251": {"\xcf", "П"}, "koi8-u": {"\xf0", "П"},
		"latin-1": {"\xe9", "é"}, "iso-8859-15": {"\xa4", "€"}, "windows-1252": {"\x80", "€"}, "iso-8859-1": {"\xe9", "é"}, "us-ascii": {"\xe9", "é"}, "windows-1256": {"\xc7", "ا"}, "iso-8859-8-i": {"\xe0", "א"},
		"utf-7": {"a+ZeU-b", "a日b"}, "UTF-8": {"日", "日"}, "": {"日", "日"}, "utf-16le": {"\xe5\x65", "日"}, "cp850": {"\x82", "é"}, "macintosh": {"\x8e", "é"}, "\"utf-8\"": {"日", "日"},
	} {
		got, defect := decodeCharset(label, []byte(test.encoded))
		if got != test.want || defect == DefectUnknownCharset {
			t.Errorf("%s: %q, %s, want %q", label, got, defect, test.want)
		}
	}
	if got, defect := decodeCharset("klingon", []byte("abc")); got != "abc" || defect != DefectUnknownCharset {
		t.Errorf("an unknown charset: %q, %s", got, defect)
	}
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string][]Address{
		"Ana <a@b>":                    {{"Ana", "a@b"}},
		"a@b":                          {{"", "a@b"}},
		`"Ruiz, Ana" <a@b>, c@d`:       {{"Ruiz, Ana", "a@b"}, {"", "c@d"}},
		"a@b (Ana Ruiz)":               {{"Ana Ruiz", "a@b"}},
		"=?utf-8?Q?=C3=81na?= <a@b>":   {{"Ána", "a@b"}},
		"Team: a@b, Ben <c@d>; e@f":    {{"", "a@b"}, {"Ben", "c@d"}, {"", "e@f"}},
		"undisclosed-recipients:;":     {{"undisclosed-recipients", ""}},
		"":                             nil,
		",,;":                          nil,
		"<a@b>":                        {{"", "a@b"}},
		"Ana <a@b":                     {{"Ana", "a@b"}},
		"no address":                   {{"no address", ""}},
		`"unterminated <a@b>`:          {{"unterminated", "a@b"}},
		"<@x,@y:a@b>":                  {{"", "a@b"}},
		`"a \"b\" c" <a@b>`:            {{`a "b" c`, "a@b"}},
		"Ana (nested (comment)) <a@b>": {{"Ana", "a@b"}},
		"日本 <a@b>":                     {{"日本", "a@b"}},
		"a@[192.0.2.1]":                {{"", "a@[192.0.2.1]"}},
	} {
		if got := ParseHeader([]byte("To: " + in + "\r\n\r\n")).Addresses("To"); !slices.Equal(got, want) {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestDate(t *testing.T) {
	want := time.Date(2026, 11, 23, 10, 42, 0, 0, time.UTC)
	for text, ok := range map[string]bool{
		"Mon, 23 Nov 2026 10:42:00 +0000": true, "23 Nov 2026 10:42:00 GMT": true, "Mon, 23 Nov 2026 11:42:00 +0100 (CET)": true, "Mon,  23  Nov 2026 10:42:00 +0000": true,
		"2026-11-23T10:42:00Z": true, "Mon Nov 23 10:42:00 2026": true, "": false, "yesterday": false, "Mon, 99 Nov 2026 10:42:00 +0000": false, "Mon, 23 Nov 0001 10:42:00 +0000": false,
	} {
		got, known := ParseHeader([]byte("Date: " + text + "\r\n\r\n")).Date()
		if known != ok || ok && !got.Equal(want) {
			t.Errorf("%q is read as %v, %v", text, got, known)
		}
	}
}

func TestTransferEncodings(t *testing.T) {
	for _, test := range []struct{ encoding, in, want string }{
		{"base64", "aGVsbG8=", "hello"}, {"BASE64", "aGVs\r\nbG8=\r\n", "hello"}, {"base64", "aGVs!!bG8", "hello"}, {"base64", "aGVsbG8", "hello"}, {"base64", "aGVsbG8=trailing", "hello"}, {"base64", "", ""}, {"base64", "aGVsbG9h", "helloa"},
		{"quoted-printable", "a=20b=\r\nc", "a bc"}, {"quoted-printable", "a=e9=E9", "a\xe9\xe9"}, {"quoted-printable", "a=ZZ=", "a=ZZ"}, {"quoted-printable", "a  \r\nb", "a\r\nb"}, {"quoted-printable", "=C3=\n=A9", "é"}, {"quoted-printable", "a=\r\n", "a"},
		{"7bit", "a", "a"}, {"8bit", "\xe9", "\xe9"}, {"", "a", "a"}, {"x-nonsense", "a", "a"},
	} {
		got, err := io.ReadAll(NewDecoder(test.encoding, strings.NewReader(test.in)))
		if string(got) != test.want || err != nil && test.encoding != "base64" {
			t.Errorf("%s of %q: %q, %v", test.encoding, test.in, got, err)
		}
	}
	large := strings.Repeat("0123456789", 100_000)
	if got, err := io.ReadAll(NewDecoder("quoted-printable", strings.NewReader(large))); err != nil || string(got) != large {
		t.Errorf("a line of a million characters: %d, %v", len(got), err)
	}
}

func TestFilenames(t *testing.T) {
	for field, want := range map[string]string{
		`attachment; filename="a.pdf"`: "a.pdf", `attachment; filename=a.pdf`: "a.pdf", `attachment; filename*=UTF-8''%E5%A0%B1.pdf`: "報.pdf", `attachment; filename*=iso-8859-1'de'%FC.pdf`: "ü.pdf",
		`attachment; filename*0="a"; filename*1="b.pdf"`: "ab.pdf", `attachment; filename*0*=UTF-8''%E5; filename*1*=%A0%B1.pdf`: "報.pdf", `attachment; filename="=?utf-8?B?5aCx?=.pdf"`: "報.pdf",
		`attachment; filename="../../etc/passwd"`: "passwd", `attachment; filename="C:\\temp\\x.exe"`: "x.exe", `attachment; filename="a` + "\u202e" + `fdp.exe"`: "afdp.exe", `attachment; filename="a` + "\x00" + `b"`: "a b", `attachment; filename=".hidden"`: "hidden",
		`attachment; filename="a<b>:c|d?.txt"`: "a_b__c_d_.txt", `attachment`: "", `attachment; filename=""`: "", `attachment; filename=a b.pdf`: "a b.pdf", `attachment; filename="` + strings.Repeat("x", 500) + `.pdf"`: strings.Repeat("x", 196) + ".pdf",
	} {
		part := Parse([]byte("Content-Disposition: " + field + "\r\n\r\nx")).Root
		if part.Filename != want || part.Disposition != "attachment" {
			t.Errorf("%s: %q, want %q", field, part.Filename, want)
		}
	}
}

// sections lists the section numbers and types of a message's parts.
func sections(m *Message) string {
	var list []string
	m.walk(func(part *Part) bool {
		list = append(list, part.ID+" "+part.MediaType)
		return true
	})
	return strings.Join(list, ", ")
}

// TestSectionNumbers is the example of RFC 9051 section 6.4.5.1.
func TestSectionNumbers(t *testing.T) {
	inner := func(boundary string) string {
		return "Content-Type: message/rfc822\n\nSubject: inner\nContent-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary + "\nContent-Type: text/plain\n\nx\n--" + boundary + "\nContent-Type: application/octet-stream\n\ny\n--" + boundary + "--\n"
	}
	raw := "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/plain\n\n1\n--a\nContent-Type: application/octet-stream\n\n2\n--a\n" + inner("b") +
		"--a\nContent-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: image/gif\n\n4.1\n--c\n" + inner("d") + "--c--\n--a--\n"
	want := " multipart/mixed, 1 text/plain, 2 application/octet-stream, 3 message/rfc822, 3 multipart/mixed, 3.1 text/plain, 3.2 application/octet-stream, " +
		"4 multipart/mixed, 4.1 image/gif, 4.2 message/rfc822, 4.2 multipart/mixed, 4.2.1 text/plain, 4.2.2 application/octet-stream"
	if got := sections(Parse([]byte(raw))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for raw, want := range map[string]string{
		"Content-Type: text/plain\n\nx":                                               "1 text/plain",
		"Content-Type: message/rfc822\n\nSubject: x\n\ny":                             "1 message/rfc822, 1.1 text/plain",
		"Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: x\n\ny\n--a--": " multipart/digest, 1 message/rfc822, 1.1 text/plain",
	} {
		if got := sections(Parse([]byte(raw))); got != want {
			t.Errorf("%q: %s, want %s", raw, got, want)
		}
	}
}

func TestBrokenMultiparts(t *testing.T) {
	for name, test := range map[string]struct{ raw, want string }{
		"never closed":          {"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/html\n\n<p>x", " multipart/mixed, 1 text/html"},
		"no boundary parameter": {"Content-Type: multipart/mixed\n\n--abcd\n\nx\n--abcd\n\ny\n--abcd--", " multipart/mixed, 1 text/plain, 2 text/plain"},
		"no boundary at all":    {"Content-Type: multipart/mixed; boundary=a\n\njust text", "1 text/plain"},
		"one begins another":    {"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=ab\n\n--ab\n\nx\n--ab--\n--a--", " multipart/mixed, 1 multipart/mixed, 1.1 text/plain"},
		"empty":                 {"Content-Type: multipart/mixed; boundary=a\n\n--a--\n", "1 text/plain"},
		"nonsense type":         {"Content-Type: ???\n\nx", "1 text/plain"},
		"quoted boundary":       {"Content-Type: multipart/mixed; boundary=\"a b\"\n\n--a b\n\nx\n--a b--", " multipart/mixed, 1 text/plain"},
	} {
		message := Parse([]byte(test.raw))
		if got := sections(message); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		if len(Render(message).Text) == 0 && name != "empty" {
			t.Errorf("%s: nothing is shown", name)
		}
	}
}

func TestLimits(t *testing.T) {
	var deep strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	if message := Parse([]byte(deep.String())); !slices.Contains(message.Notes, NoteLimit) {
		t.Errorf("5,000 levels: %v", message.Notes)
	}
	many := Parse([]byte("Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 5000) + "--b--"))
	if len(many.Root.Children) > maxParts {
		t.Errorf("%d parts", len(many.Root.Children))
	}
	Render(many)
	if fields := ParseHeader([]byte(strings.Repeat("A: b\n", 100_000))).Fields(); len(fields) > maxFields {
		t.Errorf("%d fields", len(fields))
	}
	long := Render(Parse([]byte("Subject: x\n\n" + strings.Repeat("word ", 1_000_000))))
	if !slices.Contains(long.Notes, NoteTruncated) {
		t.Errorf("a text of 5 MB: %v", long.Notes)
	}
}

// shown writes the text of a view: ">" for each level of quotation, [URL] after links.
func shown(view View) string {
	var out []string
	for _, block := range view.Text {
		line := strings.Repeat(">", block.Quote)
		for _, span := range block.Spans {
			line += span.Text
			if span.URL != "" {
				line += "[" + span.URL + "]"
			}
		}
		out = append(out, line)
	}
	return strings.Join(out, "|")
}

func TestText(t *testing.T) {
	for name, test := range map[string]struct{ header, body, want string }{
		"paragraphs":      {"", "one\r\ntwo\r\n\r\nthree\r\n", "one\ntwo|three"},
		"quotes":          {"", "hello\r\n> a\r\n> b\r\n>> c\r\n> > d\r\nbye", "hello|>a\nb|>>c\nd|bye"},
		"flowed":          {"Content-Type: text/plain; format=flowed\r\n", "one \r\ntwo\r\nthree\r\n", "one two\nthree"},
		"flowed quote":    {"Content-Type: text/plain; format=flowed\r\n", "> one \r\n> two\r\n>> deep\r\n  stuffed\r\n", ">one two|>>deep| stuffed"},
		"delsp":           {"Content-Type: text/plain; format=flowed; delsp=yes\r\n", "日 \r\n本\r\n", "日本"},
		"links":           {"", "see https://example.edu/a_(b)?c=d, or (www.example.edu). mailto:a@b!", "see https://example.edu/a_(b)?c=d[https://example.edu/a_(b)?c=d], or (www.example.edu[https://www.example.edu]). mailto:a@b[mailto:a@b]!"},
		"no link":         {"", "javascript:alert(1) xhttps://a file:///x http:// https://", "javascript:alert(1) xhttps://a file:///x http:// https://"},
		"html":            {"Content-Type: text/html\r\n", "<style>x</style><p>Hello <b>you</b></p><ul><li>one<li>two</ul><blockquote>q</blockquote><a href='https://a.example/'>link</a><br>end", "Hello you|• one\n• two|>q|link[https://a.example/]\nend"},
		"hidden html":     {"Content-Type: text/html\r\n", "<div style='display: none'>preview</div><p>real</p><script>x</script>", "real"},
		"control":         {"", "a\x00b\x1b[31m\r\n", "ab[31m"},
		"empty":           {"", "\r\n\r\n", ""},
		"legacy charset":  {"Content-Type: text/plain; charset=koi8-r\r\n", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"},
		"unknown charset": {"Content-Type: text/plain; charset=klingon\r\n", "abc", "abc"},
	} {
		if got := shown(Render(Parse([]byte(test.header + "\r\n" + test.body)))); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestWhatIsShownOfAMessage(t *testing.T) {
	part := func(header, body string) string { return "--b\n" + header + "\n\n" + body + "\n" }
	multipart := func(kind string, parts ...string) string {
		return "Content-Type: multipart/" + kind + "; boundary=b\n\n" + strings.Join(parts, "") + "--b--\n"
	}
	plain, rich, file := part("Content-Type: text/plain", "plain"), part("Content-Type: text/html", "<p>rich</p>"), part("Content-Type: application/pdf; name=a.pdf", "x")
	for name, test := range map[string]struct {
		raw, text string
		html      bool
		parts     int
		note      Note
	}{
		"alternative":   {multipart("alternative", plain, rich), "plain", true, 0, ""},
		"mixed":         {multipart("mixed", plain, file), "plain", false, 1, ""},
		"html alone":    {multipart("mixed", rich, file), "rich", true, 1, ""},
		"signed":        {multipart("signed", plain, part("Content-Type: application/pgp-signature", "x")), "plain", false, 1, NoteSigned},
		"encrypted":     {multipart("encrypted", part("Content-Type: application/pgp-encrypted", "x"), part("Content-Type: application/octet-stream", "y")), "", false, 2, NoteEncrypted},
		"report":        {multipart("report", plain, part("Content-Type: message/delivery-status", "Status: 5.1.1"), part("Content-Type: message/rfc822", "Subject: x\n\ny")), "plain|Status: 5.1.1", false, 1, ""},
		"two texts":     {multipart("mixed", plain, file, part("Content-Type: text/plain", "footer")), "plain|footer", false, 1, ""},
		"text file":     {multipart("mixed", plain, part("Content-Type: text/plain; name=a.txt", "file")), "plain", false, 1, ""},
		"text attached": {multipart("mixed", plain, part("Content-Type: text/plain\nContent-Disposition: attachment", "file")), "plain", false, 1, ""},
		"invitation":    {multipart("alternative", plain, part("Content-Type: text/calendar", "BEGIN:VCALENDAR")), "plain", false, 1, ""},
		"smime":         {"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nx", "", false, 1, NoteEncrypted},
	} {
		view := Render(Parse([]byte(test.raw)))
		if got := shown(view); got != test.text || view.HasHTML != test.html || len(view.Parts) != test.parts || test.note != "" && !slices.Contains(view.Notes, test.note) {
			t.Errorf("%s: %q, HTML %v, %d parts, notes %v", name, got, view.HasHTML, len(view.Parts), view.Notes)
		}
	}
}

func TestSnippet(t *testing.T) {
	for name, test := range map[string]struct{ kind, charset, encoding, in, want string }{
		"plain":       {"text/plain", "", "", "Hello\r\nthere,\r\n\r\nhow are you", "Hello there, how are you"},
		"quoted":      {"text/plain", "", "", "On Monday Ana wrote:\r\n> old\r\nNew words", "On Monday Ana wrote: New words"},
		"only quoted": {"text/plain", "", "", "> old", "old"},
		"signature":   {"text/plain", "", "", "Bye\r\n\r\n-- \r\nAna", "Bye"},
		"html":        {"text/html", "", "", "<style>p{}</style><p>Hello <b>you</b></p>", "Hello you"},
		"cut tag":     {"text/html", "", "", "<p>Hello</p><img src=\"htt", "Hello"},
		"cut UTF-8":   {"text/plain", "utf-8", "", "日本\xe8\xaa", "日本"},
		"qp":          {"text/plain", "utf-8", "quoted-printable", "Caf=C3=A9 =", "Café"},
		"base64":      {"text/plain", "utf-8", "base64", "SGVsbG8gdGhl", "Hello the"},
		"long":        {"text/plain", "", "", strings.Repeat("word ", 100), strings.TrimSpace(strings.Repeat("word ", 8))},
		"nothing":     {"text/plain", "", "", "", ""},
	} {
		if got := Snippet(test.kind, test.charset, test.encoding, []byte(test.in), 40); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"))
	f.Add([]byte("Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: x\n\ny"))
	f.Add([]byte("Content-Type: text/plain; format=flowed; charset=utf-7\n\n> a \n+ZeU-"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		message := Parse(raw)
		view := Render(message)
		if len(view.Text) > maxBlocks {
			t.Fatalf("%d blocks", len(view.Text))
		}
		for _, part := range view.Parts {
			if _, err := io.Copy(io.Discard, part.Decode()); err != nil && part.Encoding != "base64" {
				t.Fatal(err)
			}
			if message.Part(part.ID) == nil {
				t.Fatalf("part %q is not found", part.ID)
			}
		}
		for _, field := range message.Header.Fields() {
			message.Header.Addresses(field.Name)
		}
		if found := dangerous(SafeHTML(message, HTMLOptions{}).Markup); len(found) > 0 {
			t.Fatal(found)
		}
	})
}

func FuzzSnippet(f *testing.F) {
	f.Add("text/html", "utf-8", "base64", []byte("PHA+"))
	f.Fuzz(func(t *testing.T, kind, charset, encoding string, data []byte) {
		if text := Snippet(kind, charset, encoding, data, 100); len([]rune(text)) > 100 || strings.ContainsAny(text, "\r\n\x00") {
			t.Fatalf("%q", text)
		}
	})
}
