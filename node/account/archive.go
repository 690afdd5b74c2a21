package account

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	stdpath "path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"

	"alphamail/mime"
	"alphamail/node/api"
)

// Archives bounds how many archives of attachments are made at the same time: each
// holds a compressor and, of a small message, all of it.
type Archives struct {
	mu    sync.Mutex     // guards the fields below
	total int            // being made
	own   map[string]int // by account
	most  int
}

// archivesEach is how many of them are one account's.
const archivesEach = 3

// NewArchives allows so many archives at the same time.
func NewArchives(most int) *Archives { return &Archives{own: map[string]int{}, most: most} }

// begin takes a place, until end is called. Without Archives there is always one.
func (s *Archives) begin(account string) (end func(), ok bool) {
	if s == nil {
		return func() {}, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= s.most || s.own[account] >= archivesEach {
		return nil, false
	}
	s.total++
	s.own[account]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.total--
		if s.own[account]--; s.own[account] == 0 {
			delete(s.own, account)
		}
	}), true
}

// Attachments streams the attachments of a message as one archive (ZIP). It is made
// while it is read, in constant memory. If the mail server goes away in the middle,
// the stream ends with an error and the archive has no directory, so that no program
// takes it for whole; where the server gave less of a file than it had announced, a
// file in the archive says so. Errors: as Message, not_found for a message without
// attachments, busy.
func (a *Account) Attachments(ctx context.Context, question *api.AttachmentsQuestion) (*api.Stream, error) {
	end, ok := a.config.Archives.begin(a.id)
	if !ok {
		return nil, &api.Error{Code: api.CodeBusy, Message: "Too many archives are being made. Please try again.", RetryAfter: archiveRetry}
	}
	id := question.ID
	id.Mailbox = canonicalMailbox(id.Mailbox)
	var made *archive
	open := func(message *loaded) (err error) {
		if made != nil { // of another connection
			made.cancel()
		}
		made, err = a.newArchive(ctx, id, message, question.Inline)
		return err
	}
	err := a.onMessage(ctx, id, func(ctx context.Context, _ int) error {
		message, err := a.load(ctx, id)
		if err != nil {
			return err
		}
		return open(message)
	}, func(x *index, _ int) bool {
		message := a.loadKnown(x, id)
		return message != nil && open(message) == nil
	})
	if err != nil {
		end()
		return nil, err
	}
	made.end = end
	return &api.Stream{StreamHead: api.StreamHead{MediaType: "application/zip", Name: made.name, Size: -1}, Content: made}, nil
}

const archiveRetry = 5 * time.Second

// archive makes a ZIP file while it is read. Only one goroutine may use it.
type archive struct {
	account *Account
	ctx     context.Context // of its parts; ended by Close
	cancel  context.CancelFunc
	end     func()
	id      api.MessageID
	message *loaded
	name    string
	written time.Time

	names   archiveNames
	left    []archived // to be written
	zip     *zip.Writer
	out     bytes.Buffer // what zip has written
	level   int          // of compression, for the file that begins
	current *archived
	entry   io.Writer     // of the current file
	content io.ReadCloser // what it is made of
	source  *countingReader
	short   []string // files of which less came than was announced
	err     error    // what every later Read returns; io.EOF at the end
	piece   [archiveChunk]byte
}

// archived is a file of an archive.
type archived struct {
	part *mime.Part
	name string
	// announced is how many encoded bytes the mail server says that there are; 0
	// where that is not known or does not matter.
	announced int64
}

// maxArchived bounds the files of an archive.
const maxArchived = 1000

func (a *Account) newArchive(ctx context.Context, id api.MessageID, message *loaded, inline bool) (*archive, error) {
	date, ok := message.Header.Date()
	if !ok {
		date = message.arrived
	}
	// The archive outlives the question that asks for it, and its deadline.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	made := &archive{
		account: a, ctx: ctx, cancel: cancel, id: id, message: message, names: archiveNames{},
		name: fileName(message.Header.Get("Subject"), date, ".zip"),
	}
	if year := date.Year(); year >= 1980 && year < 2100 { // what a ZIP file can say
		made.written = date
	}
	for _, part := range mime.Render(message.Message).Parts {
		if part.Inline() && !inline || len(made.left) == maxArchived {
			continue
		}
		file := archived{part: part, name: made.names.unique(partName(part))}
		if !message.whole {
			file.announced = part.EncodedSize
		}
		made.left = append(made.left, file)
	}
	if len(made.left) == 0 {
		cancel()
		return nil, api.NewError(api.CodeNotFound, "This message has no attachments.", nil)
	}
	made.zip = zip.NewWriter(&made.out)
	// What is compressed already is kept in blocks of DEFLATE that are not: unlike
	// the method that stores, these say themselves where they end, so that programs
	// which read an archive from its beginning can.
	made.zip.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, made.level) })
	return made, nil
}

// Read implements io.Reader.
func (z *archive) Read(p []byte) (int, error) {
	for z.out.Len() == 0 {
		if z.err != nil {
			return 0, z.err
		}
		if err := z.advance(); err != nil {
			if z.err = err; err != io.EOF {
				z.out.Reset() // nothing that looks like an end
			}
		}
	}
	return z.out.Read(p)
}

// archiveChunk is how much of a file is compressed at a time, in bytes.
const archiveChunk = 32 << 10

// advance writes the next piece of the archive. It returns io.EOF once all is
// written.
func (z *archive) advance() error {
	switch {
	case z.current != nil:
		n, err := z.content.Read(z.piece[:])
		if _, failed := z.entry.Write(z.piece[:n]); failed != nil {
			return failed
		}
		if err == io.EOF {
			return z.finish()
		}
		return err
	case len(z.left) > 0:
		file := z.left[0]
		z.left = z.left[1:]
		return z.start(&file)
	}
	if err := z.tellShort(); err != nil {
		return err
	}
	if err := z.zip.Close(); err != nil {
		return err
	}
	return io.EOF
}

// start begins a file.
func (z *archive) start(file *archived) (err error) {
	z.level = flate.DefaultCompression
	if isCompressed(file.part.MediaType, file.name) {
		z.level = flate.NoCompression
	}
	if z.content, z.source, err = z.account.openCounted(z.ctx, z.id, z.message, file.part); err != nil {
		return err
	}
	z.current = file
	z.entry, err = z.zip.CreateHeader(&zip.FileHeader{Name: file.name, Method: zip.Deflate, Modified: z.written})
	return err
}

// finish ends a file.
func (z *archive) finish() error {
	file := z.current
	z.current = nil
	z.content.Close()
	if z.source == nil {
		return nil
	}
	if z.source.err != nil {
		return z.source.err
	}
	if z.source.count < file.announced {
		z.short = append(z.short, fmt.Sprintf("%s: %d of %d bytes", file.name, z.source.count, file.announced))
	}
	return nil
}

// tellShort adds a file that says of which files less came than the mail server had
// announced; nothing if there are none. Some servers count wrongly, so this is no
// reason to give up.
func (z *archive) tellShort() error {
	if len(z.short) == 0 {
		return nil
	}
	entry, err := z.zip.Create(z.names.unique("INCOMPLETE.txt"))
	if err == nil {
		_, err = io.WriteString(entry, "The mail server gave less of these files than it had announced (bytes as encoded in the message):\r\n\r\n"+strings.Join(z.short, "\r\n")+"\r\n")
	}
	return err
}

// Close implements io.Closer. It never fails.
func (z *archive) Close() error {
	z.cancel()
	if z.current != nil {
		z.content.Close()
		z.current = nil
	}
	z.err = api.NewError(api.CodeCanceled, "The archive was closed.", z.err)
	z.out.Reset()
	z.end()
	return nil
}

// countingReader counts the encoded bytes of a part, and remembers what went wrong,
// whatever a decoder makes of that.
type countingReader struct {
	io.ReadCloser
	count int64
	err   error
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.count += int64(n)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// openCounted opens a part of a message, and counts what comes from the mail
// server for it; nil where nothing has to.
func (a *Account) openCounted(ctx context.Context, id api.MessageID, message *loaded, part *mime.Part) (io.ReadCloser, *countingReader, error) {
	if message.whole {
		return io.NopCloser(part.Decode()), nil, nil
	}
	counted := &countingReader{ReadCloser: a.chunks(ctx, id, path(part.ID))}
	return struct {
		io.Reader
		io.Closer
	}{mime.NewDecoder(part.Encoding, counted), counted}, counted, nil
}

// isCompressed tells whether compressing a file again would be in vain.
func isCompressed(mediaType, name string) bool {
	kind, _, _ := strings.Cut(mediaType, "/")
	switch mediaType {
	case "image/svg+xml", "image/bmp", "image/tiff", "audio/wav", "audio/x-wav":
		return false
	}
	if kind == "image" || kind == "audio" || kind == "video" {
		return true
	}
	return slices.Contains(compressedExtensions, strings.ToLower(stdpath.Ext(name)))
}

var compressedExtensions = strings.Fields(".zip .gz .tgz .bz2 .xz .zst .7z .rar .jar .apk .docx .xlsx .pptx .odt .ods .odp .epub .pdf .jpg .jpeg .png .gif .webp .heic .mp3 .m4a .ogg .mp4 .mov .webm .mkv")

// archiveNames are those of an archive that are taken, in lower case and composed:
// on many machines a file would replace another whose name differs in that alone.
type archiveNames map[string]bool

// unique makes a name that no other file of the archive has, and that every system
// takes, of one without a path.
func (n archiveNames) unique(name string) string {
	name = strings.TrimRight(strings.ToValidUTF8(strings.NewReplacer("/", "_", `\`, "_").Replace(name), "_"), ". ")
	extension := stdpath.Ext(name)
	stem := strings.TrimSuffix(name, extension)
	if name == "" || isDevice(stem) {
		name, stem = "_"+name, "_"+stem
	}
	key := func() string { return norm.NFC.String(strings.ToLower(name)) }
	for count := 2; n[key()]; count++ {
		name = stem + " (" + strconv.Itoa(count) + ")" + extension
	}
	n[key()] = true
	return name
}

// isDevice tells the names that stand for devices on Windows, with any extension.
func isDevice(stem string) bool {
	first, _, _ := strings.Cut(strings.ToUpper(stem), ".")
	switch first {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(first) == 4 && (strings.HasPrefix(first, "COM") || strings.HasPrefix(first, "LPT")) && first[3] >= '0' && first[3] <= '9'
}

// maxSubjectInName bounds how much of a subject goes into the name of a file, in
// bytes.
const maxSubjectInName = 120

// fileName is the name under which a message, or what is in it, is saved: the day,
// so that files stand in order, and the subject.
func fileName(subject string, date time.Time, extension string) string {
	words := mime.SafeFilename(strings.NewReplacer("/", "-", `\`, "-").Replace(subject))
	words = strings.TrimRight(strings.ToValidUTF8(words[:min(len(words), maxSubjectInName)], ""), ". ")
	if words == "" {
		words = "message"
	}
	if year := date.Year(); year < 1970 || year > 9999 {
		return words + extension
	}
	return date.Format(time.DateOnly) + " " + words + extension
}
