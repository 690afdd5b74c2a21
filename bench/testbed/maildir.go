package testbed

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"alphamail/bench/testbed/mailgen"

	"github.com/emersion/go-imap/v2"
)

// Fill delivers generated mail to a user by writing Maildir files, far faster
// than APPEND does. Mailboxes are made, and subscribed, as they are named. It
// may run while the server does.
func (d *Dovecot) Fill(user string, messages iter.Seq[mailgen.Message]) error {
	known := map[string]*maildir{}
	for m := range messages {
		box := known[m.Mailbox]
		if box == nil {
			var err error
			if box, err = d.openMaildir(user, m.Mailbox); err != nil {
				return fmt.Errorf("mailbox %q of %s: %w", m.Mailbox, user, err)
			}
			known[m.Mailbox] = box
		}
		if err := d.deliver(box, m); err != nil {
			return fmt.Errorf("delivering to %q of %s: %w", m.Mailbox, user, err)
		}
	}
	return nil
}

// maildir is one mailbox in Maildir++ layout.
type maildir struct {
	path     string
	keywords []imap.Flag // those that the letters a, b, … in file names stand for
}

// openMaildir makes a mailbox, its levels separated by "/", unless it exists.
func (d *Dovecot) openMaildir(user, mailbox string) (*maildir, error) {
	root := filepath.Join(d.dir, "mail", user, "Maildir")
	box := &maildir{path: root}
	if mailbox != "INBOX" {
		box.path = filepath.Join(root, "."+strings.ReplaceAll(modifiedUTF7(mailbox), "/", "."))
	}
	home := filepath.Join(d.dir, "mail", user)
	dirs := []string{home, root, filepath.Join(root, "cur"), filepath.Join(root, "new"), filepath.Join(root, "tmp")}
	if box.path != root {
		dirs = append(dirs, box.path, filepath.Join(box.path, "cur"), filepath.Join(box.path, "new"), filepath.Join(box.path, "tmp"))
	}
	isNew := false
	for _, dir := range dirs {
		err := os.Mkdir(dir, 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = os.Chown(dir, mailUID, mailUID)
		}
		if err != nil {
			return nil, err
		}
		isNew = isNew || dir == box.path
	}
	if isNew && box.path != root {
		if err := box.write("maildirfolder", nil); err != nil {
			return nil, err
		}
		if err := d.subscribe(root, mailbox); err != nil {
			return nil, err
		}
	}
	return box, box.readKeywords()
}

// subscribe adds a mailbox to the list of subscriptions, version 2: names in
// modified UTF-7, levels separated by tabs.
func (d *Dovecot) subscribe(root, mailbox string) error {
	path := filepath.Join(root, "subscriptions")
	old, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		old = []byte("V\t2\n\n")
	} else if err != nil {
		return err
	}
	line := strings.ReplaceAll(modifiedUTF7(mailbox), "/", "\t") + "\n"
	return (&maildir{path: root}).write("subscriptions", append(old, line...))
}

func (b *maildir) write(name string, content []byte) error {
	path := filepath.Join(b.path, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return os.Chown(path, mailUID, mailUID)
}

func (b *maildir) readKeywords() error {
	content, err := os.ReadFile(filepath.Join(b.path, "dovecot-keywords"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for line := range strings.Lines(string(content)) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		b.keywords = append(b.keywords, imap.Flag(name))
	}
	return err
}

// Deliver puts a message into a user's INBOX as a delivery agent does that knows
// nothing of Dovecot: into the folder new of the Maildir. It may be called while
// the server runs.
func (d *Dovecot) Deliver(user string, raw []byte) error {
	box, err := d.openMaildir(user, "INBOX")
	if err == nil {
		var name string
		if name, err = d.writeTemporary(box, raw); err == nil {
			err = os.Rename(filepath.Join(box.path, "tmp", name), filepath.Join(box.path, "new", name))
		}
	}
	if err != nil {
		return fmt.Errorf("delivering to %s: %w", user, err)
	}
	return nil
}

// deliver writes one file. Dovecot gives UIDs in the order of the numbers that
// names begin with, which it would take for times, and takes the internal date
// from the file's time.
func (d *Dovecot) deliver(box *maildir, m mailgen.Message) error {
	letters, err := box.letters(m.Flags)
	if err != nil {
		return err
	}
	name, err := d.writeTemporary(box, m.Raw)
	if err != nil {
		return err
	}
	tmp := filepath.Join(box.path, "tmp", name)
	if err := os.Chtimes(tmp, m.Date, m.Date); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(box.path, "cur", name+":2,"+letters))
}

// writeTemporary writes a message into the folder tmp and returns the file's name.
func (d *Dovecot) writeTemporary(box *maildir, raw []byte) (name string, err error) {
	d.delivered++
	name = fmt.Sprintf("%d.M%dP%d.testbed,S=%d,W=%d", 1_000_000_000+d.delivered, time.Now().UnixNano(), os.Getpid(), len(raw), len(raw))
	return name, box.write(filepath.Join("tmp", name), raw)
}

var maildirFlags = map[imap.Flag]string{
	imap.FlagDraft: "D", imap.FlagFlagged: "F", imap.FlagAnswered: "R", imap.FlagSeen: "S", imap.FlagDeleted: "T",
}

// letters returns flags as they stand in a file name, in ASCII order.
func (b *maildir) letters(flags []imap.Flag) (string, error) {
	var letters []string
	for _, f := range flags {
		if letter, ok := maildirFlags[f]; ok {
			letters = append(letters, letter)
			continue
		}
		i := slices.Index(b.keywords, f)
		if i < 0 {
			i = len(b.keywords)
			if i >= 26 {
				return "", fmt.Errorf("more keywords than Maildir has letters: %s", f)
			}
			b.keywords = append(b.keywords, f)
			var file strings.Builder
			for n, k := range b.keywords {
				fmt.Fprintf(&file, "%d %s\n", n, k)
			}
			if err := b.write("dovecot-keywords", []byte(file.String())); err != nil {
				return "", err
			}
		}
		letters = append(letters, string(rune('a'+i)))
	}
	slices.Sort(letters)
	return strings.Join(letters, ""), nil
}

// modifiedUTF7 encodes a mailbox name (RFC 3501 section 5.1.3).
func modifiedUTF7(name string) string {
	encoding := base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)
	var w strings.Builder
	var run []rune
	flush := func() {
		if len(run) > 0 {
			var b []byte
			for _, unit := range utf16.Encode(run) {
				b = binary.BigEndian.AppendUint16(b, unit)
			}
			w.WriteString("&" + encoding.EncodeToString(b) + "-")
			run = nil
		}
	}
	for _, r := range name {
		if r < 0x20 || r > 0x7e {
			run = append(run, r)
			continue
		}
		flush()
		w.WriteRune(r)
		if r == '&' {
			w.WriteByte('-')
		}
	}
	flush()
	return w.String()
}
