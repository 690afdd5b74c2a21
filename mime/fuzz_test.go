package mime

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Each target checks what must hold for any input: no panic, valid UTF-8, one
// line where one line is promised, bounds, and where there is a strict reader of
// the same thing, the same answer as that one.

func isLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(char rune) bool { return char < ' ' || char == 0x7F || turnsDirection(char) })
}

func FuzzHeader(f *testing.F) {
	for _, message := range goldenMessages(f) {
		f.Add(message)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		header, body := splitMessage(raw)
		if len(header.fields) > maxFields || len(body) > len(raw) {
			t.Fatalf("%d fields, %d bytes of body", len(header.fields), len(body))
		}
		for _, field := range header.Fields() {
			if !isLine(field.Value) || !isLine(field.Name) {
				t.Fatalf("%q: %q", field.Name, field.Value)
			}
		}
		header.examine()
		header.IDs("References")
		Doubts(header)
		Check(header, []string{"mx.example.edu"})
	})
}

func FuzzVerdicts(f *testing.F) {
	for _, seed := range []string{`mx.example.edu; spf=pass smtp.mailfrom="a;b"@c.example`, "mx.example.edu 1; dkim=pass (a (b) \\)) header.d=example.org; none", `"mx"; dmarc/1 = fail reason = "x"`, "mx; dkim=pass header.b=ab=="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		host, verdicts, ok := readResults(field)
		if host == "" && len(verdicts) > 0 {
			t.Fatalf("nobody says %v", verdicts)
		}
		for _, verdict := range verdicts {
			if !isToken(verdict.Method) || !isToken(verdict.Result) || strings.ContainsAny(verdict.Domain, " ;()\"\\") {
				t.Fatalf("%+v, in order: %t", verdict, ok)
			}
		}
		if len(field) > maxResults/2 {
			return
		}
		if _, again, _ := readResults("(x(y)\\))" + field); !slices.Equal(again, verdicts) {
			t.Fatalf("a comment in front makes %v of %v", again, verdicts)
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, seed := range []string{`"Ruiz, Ana" <ana@example.edu>, ben@example.edu`, "Team: a@b, c@d;", "a@b (c (d))", `=?utf-8?Q?Ruiz, Ana?= <a@b>`, `"x <a@b`, "<@a,@b:c@d>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		list := parseAddresses(toText([]byte(field)), maxAddresses)
		if len(list) > len(field)+1 {
			t.Fatalf("%d addresses", len(list))
		}
		for _, address := range list {
			if !isLine(address.Name) || !isLine(address.Email) || address == (Address{}) {
				t.Fatalf("%q gives %q", field, address)
			}
			ShownEmail(address.Email)
			addressDoubts("From", address)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, seed := range []string{"Mon, 23 Nov 2026 10:42:00 +0100 (CET)", "23.11.26 10:42", "2026-11-23T10:42:00Z", "Nov 23 10:42:00 PM EST 2026"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		date, ok := ParseDate(text)
		if ok && (date.Year() < 1970 || date.Year() > 9999) {
			t.Fatalf("%q is %v", text, date)
		}
		if ok {
			if again, ok := ParseDate(date.Format(time.RFC1123Z)); !ok || !again.Equal(date) {
				t.Fatalf("%v is read as %v", date, again)
			}
		}
	})
}

func FuzzWords(f *testing.F) {
	for _, seed := range []string{"=?utf-8?Q?Caf=C3=A9?= =?utf-8?B?5pel?=", "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "=?a?b?c", "=?utf-7?Q?+ZeU-?="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		decoded := DecodeWords(text)
		if !isLine(decoded) {
			t.Fatalf("%q becomes %q", text, decoded)
		}
		if isASCII([]byte(text)) && !strings.Contains(text, "=?") && isLine(text) && decoded != text {
			t.Fatalf("%q is changed to %q", text, decoded)
		}
	})
}

func FuzzParameters(f *testing.F) {
	for _, seed := range []string{`attachment; filename="a.pdf"`, `a/b; n*0*=utf-8''%E5; n*1=x`, `a/b; x="y`, "a/b c=d e=f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		value, params := parseParameters(field)
		if value != strings.ToLower(value) || len(params) > maxParameters {
			t.Fatalf("%q, %d parameters", value, len(params))
		}
		for name := range params {
			if strings.ContainsAny(name, " \t;=") {
				t.Fatalf("%q gives the name %q", field, name)
			}
		}
		if name := SafeFilename(params["filename"]); strings.ContainsAny(name, "/\\\x00\r\n") || len(name) > maxFilename || !utf8.ValidString(name) {
			t.Fatalf("file name %q", name)
		}
	})
}

func FuzzCharset(f *testing.F) {
	for _, label := range []string{"", "utf-8", "iso-2022-kr", "hz", "utf-7", "gb2312", "utf-16", "x"} {
		f.Add(label, []byte("\xb0\xa1~{<:\x1b$B+ZeU-"))
	}
	f.Fuzz(func(t *testing.T, label string, text []byte) {
		decoded, _ := decodeCharset(label, text)
		if !utf8.ValidString(decoded) || len(decoded) > 8*len(text)+16 {
			t.Fatalf("%d bytes become %q", len(text), decoded)
		}
		if utf8.Valid(text) && bytes.IndexByte(text, 0x1B) < 0 && utf8Names[squeeze(label)] && !bytes.HasPrefix(text, []byte("\xEF\xBB\xBF")) && decoded != string(text) {
			t.Fatalf("UTF-8 is changed to %q", decoded)
		}
	})
}

func FuzzDecoders(f *testing.F) {
	f.Add("base64", []byte("R3LDvMOfZQ==\r\n-- \r\nlist footer here"))
	f.Add("quoted-printable", []byte("a=C3=BC=\r\nb =\r\n"))
	f.Add("x-uuencode", []byte("begin 644 a\n%2&5L;&\\\n`\nend\n"))
	f.Add("uu", []byte("begin 000 0\n0")) // zeros at the end of a line may be missing
	f.Add("uu", []byte("begin 644 a\n   \n%2&5L;&\\\nend\n"))
	f.Fuzz(func(t *testing.T, encoding string, data []byte) {
		decoded, err := io.ReadAll(NewDecoder(encoding, bytes.NewReader(data)))
		most := len(data) + 2
		if strings.Contains(strings.ToLower(encoding), "uu") {
			most = 63 * len(data)
		}
		if err != nil || len(decoded) > most {
			t.Fatalf("%d bytes become %d, %v", len(data), len(decoded), err)
		}
		slow, err := io.ReadAll(NewDecoder(encoding, &oneByteReader{bytes.NewReader(data)}))
		if err != nil || !bytes.Equal(slow, decoded) {
			t.Fatalf("in pieces: %q, %v, at once: %q", slow, err, decoded)
		}
		encoded := []byte(base64.StdEncoding.EncodeToString(data))
		if back, err := io.ReadAll(NewDecoder("base64", bytes.NewReader(encoded))); err != nil || !bytes.Equal(back, data) {
			t.Fatalf("base64 is read back as %q, %v", back, err)
		}
		var quoted bytes.Buffer
		writer := quotedprintable.NewWriter(&quoted)
		writer.Binary = true
		_, _ = writer.Write(data)
		_ = writer.Close()
		if back, err := io.ReadAll(NewDecoder("quoted-printable", &quoted)); err != nil || !bytes.Equal(back, data) {
			t.Fatalf("quoted-printable is read back as %q, %v", back, err)
		}
	})
}

// oneByteReader gives a byte at a time.
type oneByteReader struct{ from io.Reader }

func (o *oneByteReader) Read(p []byte) (int, error) { return o.from.Read(p[:min(len(p), 1)]) }

func FuzzCSS(f *testing.F) {
	for _, seed := range []string{"a{color:red}", "@media (x:1px){.a{b:url(https://t.example/)}}", `p{back\67round:u\72l(//t.example/)}`, "@import 'x';{}};a{", "a{b:calc(1px + (2px))!important}"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, sheet, style string) {
		if len(sheet)+len(style) > 50_000 {
			return
		}
		s := &sanitizer{}
		s.styleSheet(sheet)
		out := s.out.String()
		inner := strings.TrimSuffix(strings.TrimPrefix(out, "<style>"), "</style>")
		declarations := s.declarations(style)
		for _, text := range []string{inner, declarations} {
			if strings.ContainsAny(text, "<\\") || remoteCSS.MatchString(unescapeCSS(text)) {
				t.Fatalf("%q and %q become %q and %q", sheet, style, out, declarations)
			}
		}
		again := &sanitizer{}
		if twice := again.declarations(declarations); twice != declarations {
			t.Fatalf("%q becomes %q, then %q", style, declarations, twice)
		}
	})
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"> a \n> b\n>> c\n-- \nsig", "On 1 Jan, a@b wrote:\n> x", "https://a.example/(x) +49 30 1234567 a@b.example", "-----Original Message-----\nx"} {
		f.Add(seed, true, true)
	}
	f.Fuzz(func(t *testing.T, text string, flowed, delSp bool) {
		part := &Part{Params: map[string]string{}}
		if flowed {
			part.Params["format"] = "flowed"
		}
		if delSp {
			part.Params["delsp"] = "yes"
		}
		text = toText([]byte(text))
		b := &blockBuilder{}
		b.text(text, part)
		shown := 0
		for _, block := range b.blocks {
			if block.Quote < 0 || block.Quote > maxQuote || len(block.Spans) == 0 {
				t.Fatalf("%+v", block)
			}
			for _, span := range block.Spans {
				if !utf8.ValidString(span.Text) {
					t.Fatalf("%q", span.Text)
				}
				shown += countLetters(span.Text)
				if parsed, err := url.Parse(span.URL); err != nil || span.URL != "" && !strings.Contains("http https mailto tel", parsed.Scheme) {
					t.Fatalf("%q leads to %q", span.Text, span.URL)
				}
			}
		}
		if !b.full && shown < countLetters(normaliseLines(text)) {
			t.Fatalf("letters of %q got lost: %+v", text, b.blocks)
		}
	})
}

// countLetters counts what may not get lost.
func countLetters(text string) int {
	count := 0
	for i := range len(text) {
		if isLetter(text[i]) {
			count++
		}
	}
	return count
}

func FuzzCalendar(f *testing.F) {
	f.Add("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:X\nBEGIN:STANDARD\nDTSTART:19701101T030000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nSUMMARY:x\nDTSTART;TZID=X:20261123T104200\nDURATION:PT1H\nRRULE:FREQ=WEEKLY\nATTENDEE:mailto:a@b\nEND:VEVENT", "REQUEST")
	f.Fuzz(func(t *testing.T, text, method string) {
		events := ParseCalendar(toText([]byte(text)), toText([]byte(method)))
		if len(events) > maxEvents {
			t.Fatalf("%d events", len(events))
		}
		for _, event := range events {
			if !isLine(event.Summary) || !isLine(event.Location) || !isLine(event.Zone) || event.End.Before(event.Start) || len(event.Attendees) > maxAttendees {
				t.Fatalf("%+v", event)
			}
		}
	})
}

func FuzzReport(f *testing.F) {
	f.Add([]byte("Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; a@b\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\n"))
	f.Add([]byte("--")) // once read again and again
	f.Add([]byte("Reporting-MTA: dns; a\n\n--b\nFinal-Recipient: rfc822; a@b\nAction: failed\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if report := ParseReport(data); report != nil {
			if len(report.Recipients) == 0 || len(report.Recipients) > maxRecipients {
				t.Fatalf("%+v", report)
			}
			for _, recipient := range report.Recipients {
				if !isLine(recipient.Address) || !isLine(recipient.Diagnostic) || utf8.RuneCountInString(recipient.Diagnostic) > maxDiagnostic {
					t.Fatalf("%+v", recipient)
				}
			}
		}
	})
}

func FuzzSigned(f *testing.F) {
	f.Add([]byte("\x30\x80\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02\xA0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x01\x01\xA0\x80\x24\x80\x04\x01x\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if content := signedContent(data); len(content) > len(data) {
			t.Fatalf("%d bytes out of %d", len(content), len(data))
		}
	})
}

func FuzzLinks(f *testing.F) {
	f.Add("https://example.edu/", "bank.example", "bank.example")
	f.Add("HTTPS://x:y@пример.рф:8080/%zz", "https://a", "xn--80ak6aa92e.com")
	f.Fuzz(func(t *testing.T, address, text, host string) {
		if safe, ok := safeURL(address); ok {
			parsed, err := url.Parse(safe)
			if err != nil || !isASCII([]byte(parsed.Host)) || parsed.User != nil || strings.ContainsAny(safe, "\"<> \n") {
				t.Fatalf("%q becomes %q, %v", address, safe, err)
			}
			otherHost(text, safe)
			if parsed.String() != safe && isPlainURL(address) {
				t.Fatalf("%q would become %q", address, parsed.String())
			}
		}
		if shown := ShownHost(host); utf8.ValidString(host) && !utf8.ValidString(shown) {
			t.Fatalf("%q is shown as %q", host, shown)
		}
	})
}

func FuzzPayloads(f *testing.F) {
	data, err := os.ReadFile("testdata/payloads.txt")
	if err != nil {
		f.Fatal(err)
	}
	for text := range strings.SplitSeq(string(data), "\n# ") {
		f.Add(strings.NewReplacer("{leak}", "https://t.example/", "{bare}", "//t.example/", "{host}", "t.example", "{path}", "/", "{run}", "alert(1)", `\n`, "\n", `\\`, `\`).Replace(text))
	}
	f.Fuzz(func(t *testing.T, markup string) {
		if len(markup) > 100_000 {
			return
		}
		for _, options := range []HTMLOptions{{}, {AllowRemote: true}} {
			out := SafeHTML(htmlMessage(markup), options).Markup
			if found := dangerous(strings.ReplaceAll(out, "https://", "cid:")); len(found) > 0 {
				t.Fatalf("%q becomes %q with %v", markup, out, found)
			}
			if !utf8.ValidString(out) {
				t.Fatalf("%q", out)
			}
		}
	})
}
