//go:build !race

package mime_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"alphamail/mime"
)

// hostile are shapes of input that cost somebody the square once, or could.
// Each makes about n bytes, or n/10 where every unit is long.
var hostile = map[string]func(n int) string{
	"nested divs":          htmlShape("<div>", ""),
	"nested blockquotes":   htmlShape("<blockquote>", ""),
	"nested tables":        htmlShape("<table><tr><td>", ""),
	"nested formatting":    htmlShape("<b><i><font size=1>", ""),
	"adoption agency":      htmlShape("<a><b><p></a>x</b>", ""),
	"adoption with styles": htmlShape("<b style=color:red><p></b>", ""),
	"unclosed paragraphs":  htmlShape("<p><font color=red>", ""),
	"end tags of nothing":  htmlShape("</div></b></td>", ""),
	"fostered text":        htmlShape("<table>x<b>", ""),
	"svg in svg":           htmlShape("<svg>", ""),
	"comments":             htmlShape("<!--x-->", ""),
	"one comment":          htmlShape("-", "<!--"),
	"half comments":        htmlShape("<!--", ""),
	"one tag":              htmlShape("a=b ", "<p "),
	"one tag, all new": func(n int) string {
		return htmlMail("<p " + numbered(" a%d", n/8) + "><b>" + strings.Repeat("<i>", n/8))
	},
	"tags of many":          func(n int) string { return htmlMail(strings.Repeat("<p "+numbered(" a%d", 150)+">", n/900)) },
	"open tags":             htmlShape("<", ""),
	"open quotes":           htmlShape(`<p title="`, ""),
	"entities":              htmlShape("&amp;", ""),
	"half entities":         htmlShape("&notanentity", ""),
	"numeric entities":      htmlShape("&#1114111;", ""),
	"unclosed script":       htmlShape("</scrip", "<script>"),
	"unclosed style":        htmlShape("a{color:red}", "<style>"),
	"styles":                htmlShape("<style>a{color:red}</style>", ""),
	"selectors":             func(n int) string { return htmlMail("<style>" + strings.Repeat("a,", n/2) + "b{color:red}</style>") },
	"selector parts":        func(n int) string { return htmlMail("<style>" + strings.Repeat("a ", n/2) + "{color:red}</style>") },
	"media in media":        htmlShape("@media screen{", "<style>"),
	"braces":                htmlShape("{", "<style>a"),
	"font list":             func(n int) string { return htmlMail("<p style='font-family:" + strings.Repeat("a,", n/2) + "b'>x") },
	"declarations":          func(n int) string { return htmlMail("<p style='" + strings.Repeat("color:red;", n/10) + "'>x") },
	"calc in calc":          func(n int) string { return htmlMail("<p style='width:" + strings.Repeat("calc(", n/5) + "'>x") },
	"style urls":            htmlShape("<p style='background:url(https://t.example/x)'>", ""),
	"data pictures":         htmlShape("<img src='data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=='>", ""),
	"markers of data":       htmlShape("data:image/;base64,", ""),
	"same picture":          htmlShape("<img src='data:image/png;base64,iVBORw0KGgo"+strings.Repeat("A", 5000)+"'>", ""),
	"links":                 htmlShape("<a href=https://a.example/>x</a>", ""),
	"links in links":        htmlShape("<a href=https://a.example/>", ""),
	"lists in lists":        htmlShape("<ul><li>", ""),
	"cells":                 htmlShape("<td>", "<table border=1><tr>"),
	"base64 images":         htmlShape("<img src=cid:a>", ""),
	"header lines":          func(n int) string { return strings.Repeat("A: b\n", n/5) + "\nx" },
	"folded header":         func(n int) string { return "Subject: a\n" + strings.Repeat(" b\n", n/3) + "\nx" },
	"folded address list":   func(n int) string { return "To: a@b\n" + strings.Repeat(" ,c@d\n", n/6) + "\nx" },
	"garbage header":        func(n int) string { return "Subject: a\n" + strings.Repeat("garbage\n", n/8) + "\nx" },
	"comments in addresses": func(n int) string { return "To: " + strings.Repeat("(", n) + "\n\nx" },
	"angles in addresses":   func(n int) string { return "To: " + strings.Repeat("<", n) + "\n\nx" },
	"groups":                func(n int) string { return "To: " + strings.Repeat("a:", n/2) + "\n\nx" },
	"at signs":              func(n int) string { return "To: " + strings.Repeat("a@", n/2) + "\n\nx" },
	"words":                 func(n int) string { return "Subject: " + strings.Repeat("=?utf-8?Q?a?= ", n/14) + "\n\nx" },
	"half words":            func(n int) string { return "Subject: " + strings.Repeat("=?", n/2) + "\n\nx" },
	"half words, long":      func(n int) string { return "Subject: " + strings.Repeat("=?a?q?", n/6) + "\n\nx" },
	"words of marks":        func(n int) string { return "Subject: " + strings.Repeat("=?a?b?c", n/7) + "\n\nx" },
	"parameters":            func(n int) string { return "Content-Type: text/plain" + numbered("; a%d=b", n/10) + "\n\nx" },
	"continued parameters":  func(n int) string { return "Content-Type: text/plain" + numbered("; name*%d=b", n/12) + "\n\nx" },
	"continued filename": func(n int) string {
		return "Content-Disposition: attachment" + numbered("; filename*%d*=%%41", n/18) + "\n\nx"
	},
	"long filename": func(n int) string {
		return "Content-Disposition: attachment; filename=" + strings.Repeat("x", n) + ".pdf\n\nx"
	},
	"unclosed quotes": func(n int) string { return "Content-Type: a/b; " + strings.Repeat("x=\"", n/3) + "\n\nx" },
	"near boundaries": func(n int) string {
		return "Content-Type: multipart/mixed; boundary=a\n\n" + strings.Repeat("--ab\n", n/5)
	},
	"guessed boundaries": func(n int) string { return "Content-Type: multipart/mixed\n\n" + numbered("--b%05d\n", n/10) },
	"parts": func(n int) string {
		return "Content-Type: multipart/mixed; boundary=a\n\n" + strings.Repeat("--a\n\nx\n", n/7) + "--a--"
	},
	"nested multiparts": func(n int) string {
		return numbered("Content-Type: multipart/mixed; boundary=b%[1]d\n\n--b%[1]d\n", n/55)
	},
	"nested messages":  func(n int) string { return strings.Repeat("Content-Type: message/rfc822\n\n", n/30) },
	"quotes":           func(n int) string { return "\n" + strings.Repeat(">", n) },
	"quoted lines":     func(n int) string { return "\n" + strings.Repeat("> a\n", n/4) },
	"empty lines":      func(n int) string { return "\n" + strings.Repeat("\n", n) },
	"flowed":           func(n int) string { return "Content-Type: text/plain; format=flowed\n\n" + strings.Repeat("a \n", n/3) },
	"links in text":    func(n int) string { return "\n" + strings.Repeat("http://(", n/8) },
	"closing brackets": func(n int) string { return "\nhttp://a/" + strings.Repeat(")", n) },
	"half addresses":   func(n int) string { return "\n" + strings.Repeat("a@", n/2) },
	"quoted-printable": func(n int) string {
		return "Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("=", n)
	},
	"spaces":               func(n int) string { return "\n" + strings.Repeat(" ", n) },
	"UTF-7":                func(n int) string { return "Content-Type: text/plain; charset=utf-7\n\n" + strings.Repeat("+", n) },
	"UTF-7 broken":         func(n int) string { return "Content-Type: text/plain; charset=utf-7\n\n" + strings.Repeat("+A", n/2) },
	"broken UTF-8":         func(n int) string { return "\n" + strings.Repeat("\xe6", n) },
	"carriage turns":       func(n int) string { return "\n" + strings.Repeat("\r", n) },
	"words without an end": func(n int) string { return "Subject: " + strings.Repeat("=?utf-8?Q?a ", n/12) + "\n\nx" },
	"groups of base64":     func(n int) string { return "Subject: " + strings.Repeat("=?utf-8?B?w6?= ", n/15) + "\n\nx" },
	"two charsets in turn": func(n int) string {
		return "Subject: " + strings.Repeat("=?utf-8?Q?a?= =?koi8-r?Q?b?= ", n/29) + "\n\nx"
	},
	"quotes in addresses":  func(n int) string { return "To: " + strings.Repeat("\"a", n/2) + "\n\nx" },
	"brackets and quotes":  func(n int) string { return "To: " + strings.Repeat("<\"", n/2) + "\n\nx" },
	"words in addresses":   func(n int) string { return "To: " + strings.Repeat("=?a?q?", n/6) + "\n\nx" },
	"names without an end": func(n int) string { return "To: " + strings.Repeat("a, ", n/3) + "\n\nx" },
	"a long date":          func(n int) string { return "Date: " + strings.Repeat("1 Nov ", n/6) + "\n\nx" },
	"quotes in parameters": func(n int) string { return "Content-Type: a/b; x=\"" + strings.Repeat("\" ", n/2) + "\n\nx" },
	"many references":      func(n int) string { return "References: " + strings.Repeat("<a@b> ", n/6) + "\n\nx" },
	"begins in a line":     func(n int) string { return "\n" + strings.Repeat("begin ", n/6) },
	"area codes":           func(n int) string { return "\n" + strings.Repeat("(202) ", n/6) },
	"results":              func(n int) string { return "Authentication-Results: mx" + strings.Repeat(";a=pass", n/7) + "\n\nx" },
	"results of signs":     func(n int) string { return "Authentication-Results: mx;a=" + strings.Repeat("=", n) + "\n\nx" },
	"results in comments":  func(n int) string { return "Authentication-Results: mx" + strings.Repeat("(", n) + "\n\nx" },
	"many results":         func(n int) string { return strings.Repeat("Authentication-Results: mx;a=b\n", n/31) + "\nx" },
	"reports of dashes": func(n int) string {
		return "Content-Type: message/delivery-status\n\n" + strings.Repeat("--\n", n/3)
	},
	"begin lines":     func(n int) string { return "\n" + strings.Repeat("begin 644 a\n", n/12) },
	"uuencoded lines": func(n int) string { return "\nbegin 644 a\n" + strings.Repeat("M"+strings.Repeat("A", 60)+"\n", n/62) },
	"uuencoded files": func(n int) string { return "\n" + strings.Repeat("begin 644 a\n#86)C\nend\n", n/23) },
	"closing boundaries": func(n int) string {
		return "Content-Type: multipart/mixed; boundary=a\n\n" + strings.Repeat("--a--\n--a\n\nx\n", n/14)
	},
	"base64 with a footer": func(n int) string {
		return "Content-Transfer-Encoding: base64\n\naGVsbG8=\n" + strings.Repeat("a footer of words\n", n/18)
	},
	"base64, padded lines": func(n int) string { return "Content-Transfer-Encoding: base64\n\n" + strings.Repeat("YQ==\n", n/5) },
	"signed values": func(n int) string {
		return "Content-Type: application/pkcs7-mime; smime-type=signed-data\n\n\x30\x80\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02" + strings.Repeat("\xA0\x80", n/2)
	},
	"hidden encoding":        func(n int) string { return "\n" + strings.Repeat("=41=\n", n/5) },
	"guessed charset":        func(n int) string { return "\n" + strings.Repeat("\xcf\xf0\xe8 ", n/4) },
	"at signs in text":       func(n int) string { return "\n" + strings.Repeat("a@b.", n/4) },
	"plus signs":             func(n int) string { return "\n" + strings.Repeat("+1 2 3 4 5 6 7 8 9", n/18) },
	"enriched":               func(n int) string { return "Content-Type: text/enriched\n\n" + strings.Repeat("<param>", n/7) },
	"enriched, open":         func(n int) string { return "Content-Type: text/enriched\n\n" + strings.Repeat("< \n", n/3) },
	"attributions":           func(n int) string { return "\n" + strings.Repeat("On 1, a@b wrote:\n> x\n", n/21) },
	"signatures":             func(n int) string { return "\n" + strings.Repeat("-- \nx\n", n/6) },
	"histories":              func(n int) string { return "\nx\n" + strings.Repeat("-----Original Message-----\n", n/27) },
	"links that warn":        htmlShape("<a href=https://a.example/>b.example</a>", ""),
	"a link of text":         func(n int) string { return htmlMail("<a href=https://a.example/>" + strings.Repeat("b.example", n/9)) },
	"signature in signature": htmlShape("<div class=signature>x", ""),
	"calendar lines": func(n int) string {
		return "Content-Type: text/calendar\n\nBEGIN:VEVENT\n" + strings.Repeat("X:y\n", n/4)
	},
	"calendar folds": func(n int) string {
		return "Content-Type: text/calendar\n\nBEGIN:VEVENT\nSUMMARY:x\n" + strings.Repeat(" y\n", n/3)
	},
	"calendar zones": func(n int) string {
		return "Content-Type: text/calendar\n\nBEGIN:VTIMEZONE\nTZID:X\n" + strings.Repeat("BEGIN:STANDARD\nDTSTART:19701101T030000\nTZOFFSETTO:+0100\nEND:STANDARD\n", n/73) + "END:VTIMEZONE\n" +
			strings.Repeat("BEGIN:VEVENT\nDTSTART;TZID=X:20261123T104200\nEND:VEVENT\n", 30)
	},
	"calendar components": func(n int) string { return "Content-Type: text/calendar\n\n" + strings.Repeat("BEGIN:VEVENT\n", n/13) },
	"calendar attendees": func(n int) string {
		return "Content-Type: text/calendar\n\nBEGIN:VEVENT\n" + strings.Repeat("ATTENDEE:mailto:a@b\n", n/20)
	},
	"reported recipients": func(n int) string {
		return "Content-Type: message/delivery-status\n\n" + strings.Repeat("Final-Recipient: rfc822;a@b\n\n", n/29)
	},
	"authors and answers": func(n int) string {
		return "From: " + numbered("a@b%d.example,", n/60) + "\nReply-To: " + strings.Repeat(numbered("a@b%d.example,", n/60), 2) + "\n\nx"
	},
	"raw fields and a long type": func(n int) string {
		return "Content-Type: text/plain; charset=koi8-r; x=\"" + strings.Repeat("y", n/2) + "\"\n" + strings.Repeat("X: \xf0\n", n/10) + "\nx"
	},
	"verdicts": func(n int) string { return strings.Repeat("Authentication-Results: mx; spf=pass\n", n/37) + "\nx" },
}

func htmlMail(markup string) string { return "Content-Type: text/html; charset=utf-8\n\n" + markup }

// htmlShape repeats a unit, after a beginning.
func htmlShape(unit, beginning string) func(n int) string {
	return func(n int) string { return htmlMail(beginning + strings.Repeat(unit, max(1, n/len(unit)))) }
}

func numbered(format string, n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, format, i)
	}
	return out.String()
}

// work does all that a page does with a message.
func work(raw []byte) {
	m := mime.Parse(raw)
	mime.Render(m)
	m.Examine()
	mime.Doubts(m.Header)
	mime.Check(m.Header, []string{"mx"})
	m.Header.Date()
	m.Header.IDs("References")
	mime.SafeHTML(m, mime.HTMLOptions{AllowRemote: true})
	m.Header.Addresses("To")
	m.Header.Get("Subject")
	m.Header.Fields()
	mime.Snippet("text/html", "", "", raw, 200)
	mime.Snippet("text/plain", "", "", raw, 200)
}

// allocated measures the bytes that work allocates.
func allocated(raw []byte) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work(raw)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func fastest(raw []byte) time.Duration {
	best := time.Duration(1 << 62)
	for range 3 {
		best = min(best, mime.ProcessorTime(func() { work(raw) }))
	}
	return best
}

// These tests measure memory and time, which the race detector distorts: they are
// left out with it, and make test runs them without.

// TestWorkIsLinear makes hostile input eight times as long: neither time nor allocated bytes may
// grow as the square. Eight times the input is allowed sixteen times the work;
// the square would be sixty-four times.
func TestWorkIsLinear(t *testing.T) {
	const small, times, allowed = 16 << 10, 8, 16
	for name, shape := range hostile {
		t.Run(name, func(t *testing.T) {
			less, more := []byte(shape(small)), []byte(shape(times*small))
			work(less) // what is made once is made now
			bytesLess, bytesMore := allocated(less), allocated(more)
			if bytesMore > allowed*bytesLess+1<<20 {
				t.Errorf("%d bytes of input allocate %d, %d bytes %d", len(less), bytesLess, len(more), bytesMore)
			}
			// A machine that does other things too is given several chances.
			for chance := 1; ; chance++ {
				timeLess, timeMore := fastest(less), fastest(more)
				if timeMore <= allowed*timeLess+10*time.Millisecond {
					break
				}
				if chance == 4 {
					t.Errorf("%d bytes of input take %v, %d bytes %v", len(less), timeLess, len(more), timeMore)
					break
				}
			}
		})
	}
}

// TestMemoryIsBounded gives every shape at full size. What is allocated in all
// is an upper bound of what is in use at a time.
func TestMemoryIsBounded(t *testing.T) {
	const size, perByte, fixed = 1 << 20, 256, 16 << 20
	for name, shape := range hostile {
		t.Run(name, func(t *testing.T) {
			raw := []byte(shape(size))
			start := time.Now()
			used := allocated(raw)
			if limit := uint64(len(raw)*perByte + fixed); used > limit {
				t.Errorf("%d bytes of input allocate %d MiB", len(raw), used>>20)
			}
			t.Logf("%s, %d KiB: %v, %d MiB", name, len(raw)>>10, time.Since(start).Round(time.Millisecond), used>>20)
		})
	}
}

// BenchmarkHostile prints for every shape what a megabyte of it costs, and how many
// times the work grows when the input doubles from half of that.
func BenchmarkHostile(b *testing.B) {
	const size = 1 << 20
	for _, name := range slices.Sorted(maps.Keys(hostile)) {
		b.Run(name, func(b *testing.B) {
			half, whole := []byte(hostile[name](size/2)), []byte(hostile[name](size))
			b.SetBytes(int64(len(whole)))
			b.ReportAllocs()
			least := [2]time.Duration{1 << 62, 1 << 62}
			for b.Loop() {
				least[0] = min(least[0], mime.ProcessorTime(func() { work(half) }))
				least[1] = min(least[1], mime.ProcessorTime(func() { work(whole) }))
			}
			b.ReportMetric(float64(least[1])/float64(time.Millisecond), "ms/MB")
			b.ReportMetric(float64(least[1])/float64(max(1, least[0])), "times/doubling")
		})
	}
}
