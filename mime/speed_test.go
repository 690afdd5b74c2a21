package mime

import (
	"encoding/base64"
	"strings"
	"testing"
)

// The corpus of the benchmarks: what most mail is.
var speedCorpus = map[string]func() []byte{
	"text of 2 KB": func() []byte {
		return []byte(speedHeader + "Content-Type: text/plain; charset=utf-8; format=flowed\r\n\r\n" + strings.Repeat("Some words of a message, grüße, and \r\n", 45) + "\r\n> quoted words\r\n-- \r\nAna\r\n")
	},
	"text and HTML of 10 KB": func() []byte {
		return []byte(speedHeader + "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
			strings.Repeat("Some words of a message, and a link https://example.edu/.\r\n", 50) + "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" +
			strings.Repeat(`<p style="color:#333;margin:0">Some <b>words</b> and <a href="https://example.edu/x">a link</a>.</p>`+"\r\n", 65) + "\r\n--b--\r\n")
	},
	"newsletter of 100 KB": func() []byte {
		return []byte(speedHeader + "Content-Type: text/html; charset=utf-8\r\n\r\n<html><head><style>" + strings.Repeat(".a1 td{color:#333;padding:0 4px}\n@media (max-width:600px){.a1{width:100%!important}}\n", 60) + "</style></head><body bgcolor=#eeeeee>" +
			strings.Repeat(`<table width="600" cellpadding="0" class="a1"><tr><td align=center style="font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:20px;color:#333333;padding:10px 20px"><img src="https://img.example/x.png" width=560 alt="A picture" style="display:block"><a href="https://click.example/?id=123" style="color:#0066cc">Read more about the things that happened this week</a> and some more words</td></tr></table>`+"\n", 210) + "</body></html>")
	},
	"Japanese of 5 KB": func() []byte {
		return []byte(speedHeader + "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + strings.Repeat("\x1b$B$3$s$K$A$O!\"F|K\\8l$N%a!<%k$G$9!#\x1b(B\r\n", 110))
	},
	"attachment of 1 MB": func() []byte {
		return []byte(speedHeader + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee the file.\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			strings.Repeat(base64.StdEncoding.EncodeToString(make([]byte, 57))+"\r\n", 13_500) + "--b--\r\n")
	},
}

const speedHeader = "Received: from a.example (a.example [192.0.2.1])\r\n\tby mx.example.edu with ESMTPS id 1234567890\r\n\tfor <ben@example.edu>; Mon, 23 Nov 2026 10:42:00 +0100\r\nFrom: =?utf-8?Q?J=C3=BCrgen?= <j@example.edu>\r\nTo: \"Ober, Ben\" <ben@example.edu>, ana@example.edu\r\n" +
	"Subject: =?utf-8?Q?Caf=C3=A9?= on Monday\r\nDate: Mon, 23 Nov 2026 10:42:00 +0100\r\nMessage-ID: <1@example.edu>\r\nMIME-Version: 1.0\r\n"

func BenchmarkParse(b *testing.B) { speed(b, func(raw []byte) { Parse(raw) }) }

func BenchmarkRender(b *testing.B) { speed(b, func(raw []byte) { Render(Parse(raw)) }) }

// BenchmarkPage does what a page does: the view, and the HTML once more for its
// own document.
func BenchmarkPage(b *testing.B) {
	speed(b, func(raw []byte) {
		m := Parse(raw)
		Render(m)
		SafeHTML(m, HTMLOptions{})
		m.Header.Fields()
	})
}

func speed(b *testing.B, work func([]byte)) {
	for name, make := range speedCorpus {
		raw := make()
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				work(raw)
			}
		})
	}
}

func BenchmarkSnippet(b *testing.B) {
	text := []byte(strings.Repeat("<p style='color:red'>Some words of a newsletter</p>", 40))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		Snippet("text/html", "utf-8", "", text, 140)
	}
}

func BenchmarkDecode(b *testing.B) {
	plain := strings.Repeat("0123456789abcdef", 4<<10)
	for name, encoded := range map[string]string{"base64": base64.StdEncoding.EncodeToString([]byte(plain)), "quoted-printable": strings.Repeat("Gr=C3=BC=C3=9Fe aus K=C3=B6ln und ein paar Worte mehr auf dieser Zeile =\r\n", 900)} {
		part := &Part{Encoding: name, Encoded: []byte(encoded)}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(encoded)))
			b.ReportAllocs()
			for b.Loop() {
				if data, _ := decodeText(part, len(encoded)); len(data) == 0 {
					b.Fatal("nothing comes out")
				}
			}
		})
	}
}

// BenchmarkGolden reads all messages of testdata/messages.
func BenchmarkGolden(b *testing.B) {
	all := goldenMessages(b)
	size := 0
	for _, raw := range all {
		size += len(raw)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, raw := range all {
			Render(Parse(raw))
		}
	}
	b.ReportMetric(float64(len(all)), "messages/op")
}
