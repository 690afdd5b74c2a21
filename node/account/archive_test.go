package account_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"alphamail/node/account"
	"alphamail/node/api"
)

// attached is a file of a message, and its name in the archive.
type attached struct{ field, name, content string }

// withFiles is a message with files. A field begins with its media type.
func withFiles(files []attached) string {
	var b strings.Builder
	b.WriteString("From: a@example.edu\r\nSubject: Budget 2025/26: drafts\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=xyz\r\n\r\n--xyz\r\nContent-Type: text/html\r\n\r\n<p>See the files <img src=\"cid:logo\">.\r\n")
	for _, file := range files {
		b.WriteString("--xyz\r\n" + file.field + "\r\nContent-Transfer-Encoding: base64\r\n\r\n")
		encoded := base64.StdEncoding.EncodeToString([]byte(file.content))
		for len(encoded) > 76 {
			b.WriteString(encoded[:76] + "\r\n")
			encoded = encoded[76:]
		}
		b.WriteString(encoded + "\r\n")
	}
	return b.String() + "--xyz--\r\n"
}

func asFile(disposition string) string {
	return "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; " + disposition
}

func oddFiles() []attached {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := func(size int) string {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		return string(data)
	}
	return []attached{
		{asFile(`filename="notes.txt"`), "notes.txt", strings.Repeat("the same words again\n", 5000)},
		{asFile(`filename="notes.txt"`), "notes (2).txt", noise(70_000)},
		{asFile(`filename="NOTES.TXT"`), "NOTES (3).TXT", "small"},
		{asFile(`filename="../../etc/passwd"`), "passwd", "root"},
		{asFile(`filename="..\\..\\boot.ini"`), "boot.ini", "x"},
		{asFile(`filename*=utf-8''%D0%BE%D1%82%D1%87%D1%91%D1%82%E2%80%AE.pdf`), "отчёт.pdf", noise(3000)},
		{asFile(`filename="nul.txt"`), "_nul.txt", "device"},
		{asFile(`filename="empty.bin"`), "empty.bin", ""},
		{asFile(`filename="archive.tar.gz"`), "archive.tar.gz", noise(120_000)},
		{"Content-Type: image/png; name=logo.png\r\nContent-ID: <logo>\r\nContent-Disposition: inline", "logo.png", noise(500)},
	}
}

// unpacked reads an archive from its directory.
func unpacked(t *testing.T, data []byte) (names []string, contents map[string]string) {
	t.Helper()
	reader, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("%d bytes: %v", len(data), err)
	}
	contents = map[string]string{}
	for _, file := range reader.File {
		content, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			t.Fatalf("%s: %v", file.Name, err)
		}
		names = append(names, file.Name)
		contents[file.Name] = string(text)
	}
	return names, contents
}

func (w *world) archive(id api.MessageID, inline bool) (*api.Stream, []byte) {
	w.t.Helper()
	stream, err := w.account.Attachments(w.t.Context(), &api.AttachmentsQuestion{ID: id, Inline: inline})
	if err != nil {
		w.t.Fatal(err)
	}
	defer stream.Content.Close()
	data, err := io.ReadAll(stream.Content)
	if err != nil {
		w.t.Fatal(err)
	}
	return stream, data
}

// TestArchive takes the files of a message, which is read as a whole or in pieces,
// on every server, and its source as a file.
func TestArchive(t *testing.T) {
	files := oddFiles()
	everyServer(t, func(t *testing.T, w *world) {
		raw := withFiles(files)
		w.must(w.another(), appending("INBOX", []byte(raw)))
		for name, config := range map[string]account.Config{"whole": {}, "in pieces": {WholeMessage: 4 << 10, ChunkSize: 10_000}} {
			w.reopen(config)
			id := w.page("INBOX", 1).Rows[0].ID
			for _, inline := range []bool{false, true} {
				stream, data := w.archive(id, inline)
				wanted := files
				if !inline {
					wanted = files[:len(files)-1]
				}
				names, contents := unpacked(t, data)
				if len(names) != len(wanted) || stream.Name != "2026-11-23 Budget 2025-26_ drafts.zip" || stream.MediaType != "application/zip" || stream.Size != -1 {
					t.Errorf("%s: %q of %d bytes holds %q", name, stream.Name, stream.Size, names)
				}
				for _, file := range wanted {
					if contents[file.name] != file.content {
						t.Errorf("%s: %q has %d bytes of %d, among %q", name, file.name, len(contents[file.name]), len(file.content), names)
					}
				}
				if most := 70_000 + 3000 + 120_000 + 12_000; len(data) > most {
					t.Errorf("%s: %d bytes: what can be is not compressed", name, len(data))
				}
			}
			stream, err := w.account.Raw(t.Context(), &api.RawQuestion{ID: id})
			if err != nil {
				t.Fatal(err)
			}
			whole, err := io.ReadAll(stream.Content)
			stream.Content.Close()
			if err != nil || string(whole) != raw || stream.Name != "2026-11-23 Budget 2025-26_ drafts.eml" {
				t.Errorf("%s: the source is %d bytes instead of %d, as %q: %v", name, len(whole), len(raw), stream.Name, err)
			}
			stream, err = w.account.Raw(t.Context(), &api.RawQuestion{ID: id, Header: true})
			if err != nil {
				t.Fatal(err)
			}
			header, err := io.ReadAll(stream.Content)
			stream.Content.Close()
			if want := raw[:strings.Index(raw, "\r\n\r\n")+4]; err != nil || string(header) != want {
				t.Errorf("%s: the header is %q, %v", name, header, err)
			}
		}
	})
}

// TestArchiveBreaksOff loses the mail server in the middle of a file.
func TestArchiveBreaksOff(t *testing.T) {
	w := newWorld(t, startMemory(t, nil))
	w.must(w.another(), appending("INBOX", []byte(withFiles(oddFiles()))))
	w.reopen(account.Config{WholeMessage: 4 << 10, ChunkSize: 10_000})
	id := w.page("INBOX", 1).Rows[0].ID
	stream, err := w.account.Attachments(t.Context(), &api.AttachmentsQuestion{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Content.Close()
	some := make([]byte, 20_000)
	if _, err := io.ReadFull(stream.Content, some); err != nil {
		t.Fatal(err)
	}
	if err := w.proxy.Refuse(true); err != nil {
		t.Fatal(err)
	}
	w.proxy.Cut()
	rest, err := io.ReadAll(stream.Content)
	if code(err) != api.CodeBackendDown {
		t.Fatalf("after %d more bytes: %v", len(rest), err)
	}
	data := append(some, rest...)
	if _, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err == nil {
		t.Error("an archive that broke off looks whole")
	}
	if _, again := stream.Content.Read(some); again == nil || again == io.EOF {
		t.Errorf("read again: %v", again)
	}
}

// TestArchiveNamesWhatIsShort asks a server that gives less of a file than it
// announced, and says no word about it.
func TestArchiveNamesWhatIsShort(t *testing.T) {
	r := withScript(t, "", account.Config{WholeMessage: 16})
	r.hook = func(s *speaker, tag, command string) bool {
		switch {
		case strings.Contains(command, "BODYSTRUCTURE"):
			s.say(`* 1 FETCH (UID 1 FLAGS () INTERNALDATE "01-Jan-2026 10:00:00 +0000" RFC822.SIZE 9000 BODY[]<0> {20}`)
			s.say(`From: a@example.edu` + "\r" + ` BODYSTRUCTURE (("text" "plain" NIL NIL NIL "7bit" 4 1)("application" "x-thing" ("name" "thing.bin") NIL NIL "base64" 4000 NIL ("attachment" ("filename" "thing.bin")) NIL NIL) "mixed"))`)
		case strings.Contains(command, "BODY.PEEK[2]"):
			s.say("* 1 FETCH (UID 1 BODY[2]<0> {8}\r\nc29tZQ==)")
		default:
			return false
		}
		s.say("%s OK done", tag)
		return true
	}
	stream, err := r.account.Attachments(t.Context(), &api.AttachmentsQuestion{ID: api.MessageID{Mailbox: "INBOX", UIDValidity: 7, UID: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Content.Close()
	data, err := io.ReadAll(stream.Content)
	if err != nil {
		t.Fatal(err)
	}
	names, contents := unpacked(t, data)
	if !slices.Equal(names, []string{"thing.bin", "INCOMPLETE.txt"}) || contents["thing.bin"] != "some" || !strings.Contains(contents["INCOMPLETE.txt"], "thing.bin: 8 of 4000 bytes") {
		t.Errorf("the archive holds %q", contents)
	}
}

// TestArchivesAreBounded begins more archives than there may be.
func TestArchivesAreBounded(t *testing.T) {
	w := newWorld(t, startMemory(t, nil))
	w.must(w.another(), appending("INBOX", []byte(withFiles(oddFiles()[:1]))), appending("INBOX", []byte("Subject: none\r\n\r\ntext\r\n")))
	w.reopen(account.Config{Archives: account.NewArchives(4)})
	rows := w.page("INBOX", 1).Rows
	question := &api.AttachmentsQuestion{ID: rows[1].ID}
	var open []*api.Stream
	var last error
	for range 10 {
		stream, err := w.account.Attachments(t.Context(), question)
		if err != nil {
			last = err
			break
		}
		open = append(open, stream)
	}
	if len(open) != 3 || code(last) != api.CodeBusy {
		t.Errorf("%d archives at the same time, then %v", len(open), last)
	}
	for _, stream := range open {
		stream.Content.Close()
		stream.Content.Close()
	}
	for range 5 { // a place is given back when there is nothing to stream, too
		if _, err := w.account.Attachments(t.Context(), &api.AttachmentsQuestion{ID: rows[0].ID}); code(err) != api.CodeNotFound {
			t.Fatalf("a message without attachments: %v", err)
		}
	}
	if _, data := w.archive(rows[1].ID, false); len(data) == 0 {
		t.Error("no archive after the others")
	}
}
