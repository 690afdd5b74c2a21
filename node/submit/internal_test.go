package submit

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestAnswerText(t *testing.T) {
	for said, want := range map[string]string{
		"550 5.1.1 No such user\r\n": "No such user",
		"550 No such user\n":         "No such user",
		"550\r\n":                    "",
		"550 5.1.1\r\n":              "",
		"550-5.1.1 No such\r\n550-5.1.1   user\r\n550 5.1.1 here\r\n": "No such user here",
		"550 4.1.1 of another class\r\n":                              "4.1.1 of another class",
		"550 5.1.1.1 no code\r\n":                                     "5.1.1.1 no code",
		"550 a\tb\x00c\x1b[31md\x7f\r\n":                              "a b c [31md",
		"550 \u202egnp.exe \u200bz\u2066x\r\n":                        "gnp.exe zx",
		"550 a\xffb\r\n":                                              "a\uFFFDb",
		"550 a\u2028b\u00a0c\r\n":                                     "a b c",
		"550 " + strings.Repeat("ü", 500) + "\r\n":                    strings.Repeat("ü", 200) + "…",
		"550 <script>alert(1)</script>\r\n":                           "<script>alert(1)</script>",
	} {
		a, err := readAnswer(bufio.NewReaderSize(strings.NewReader(said), maxAnswerLine))
		if err != nil || a.text() != want {
			t.Errorf("%q: %q, %v, want %q", said, a.text(), err, want)
		}
	}
}

func TestAddressLiteral(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:1234": "[192.0.2.1]", "[2001:db8::1]:1234": "[IPv6:2001:db8::1]", "[fe80::1%eth0]:1234": "[IPv6:fe80::1]",
	} {
		if got := addressLiteral(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))); got != want {
			t.Errorf("%s is called %s, want %s", address, got, want)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"220 hello\r\n", "250-a\r\n250 b\r\n", "550 5.1.1 no\r\n", "550-5.1.1 no\n550", "354\r\n", "5.1.1", "\r\n", "250 \u202e\xff\x00\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := readAnswer(bufio.NewReaderSize(bytes.NewReader(data), maxAnswerLine))
		if err != nil {
			return
		}
		text := a.text()
		if a.code < 200 || a.code > 599 || len(a.lines) == 0 || len(text) > maxText+len("…") || !utf8.ValidString(text) {
			t.Fatalf("%+v, %q", a, text)
		}
		if strings.ContainsFunc(text, func(char rune) bool {
			return char != ' ' && (unicode.IsControl(char) || unicode.IsSpace(char) || unicode.Is(unicode.Cf, char))
		}) {
			t.Fatalf("the text can disturb: %q", text)
		}
		if problem := refused("x", a); text != "" && len(text) > 8 && strings.Contains(problem.Error(), text) {
			t.Fatalf("the error repeats the server's words: %v", problem)
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"ana@example.edu", `"a b"@[192.0.2.1]`, "ö@bücher.example", "a>\r\nDATA@b", `"\"@b`, "a@b@c", "a..b@docomo.example"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, address string, smtputf8 bool) {
		wire, problem := wireAddress(address, smtputf8)
		if problem != goodAddress {
			if wire != "" {
				t.Fatalf("%q gives %q all the same", address, wire)
			}
			return
		}
		at := strings.LastIndexByte(wire, '@')
		if at < 1 || len(wire) > maxAddress || !utf8.ValidString(wire) || !smtputf8 && !isASCII(wire) || !isASCII(wire[at:]) {
			t.Fatalf("%q goes out as %q", address, wire)
		}
		if strings.ContainsFunc(wire, unicode.IsControl) || wire[0] != '"' && strings.ContainsAny(wire, " <>\"") {
			t.Fatalf("%q goes out as %q, which can end the command", address, wire)
		}
	})
}

func FuzzBody(f *testing.F) {
	f.Add([]byte("a\r\n.\r\n"), 3)
	f.Add([]byte(".\r.\n.\r\r\n"), 1)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		var out bytes.Buffer
		body := &bodyWriter{out: bufio.NewWriter(&out)}
		size = max(1, size&0xff)
		for rest := data; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			if n, err := body.Write(rest[:min(size, len(rest))]); err != nil || n != min(size, len(rest)) {
				t.Fatal(n, err)
			}
		}
		if err := body.finish(); err != nil {
			t.Fatal(err)
		}
		lines := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
		if lines != "" && !strings.HasSuffix(lines, "\n") {
			lines += "\n"
		}
		var want strings.Builder
		for line := range strings.Lines(lines) {
			if line[0] == '.' {
				want.WriteByte('.')
			}
			want.WriteString(strings.TrimSuffix(line, "\n") + "\r\n")
		}
		if out.String() != want.String() {
			t.Fatalf("%q is written as %q, want %q", data, out.String(), want.String())
		}
	})
}

// BenchmarkBody writes base64 as attachments are.
func BenchmarkBody(b *testing.B) {
	line := []byte(strings.Repeat("QUJD", 19) + "\r\n")
	block := bytes.Repeat(line, 52)
	body := &bodyWriter{out: bufio.NewWriterSize(io.Discard, writeBuffer)}
	b.SetBytes(int64(len(block)))
	b.ReportAllocs()
	for b.Loop() {
		body.Write(block)
	}
}
