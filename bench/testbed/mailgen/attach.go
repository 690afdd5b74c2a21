package mailgen

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
	"time"
)

// maxAttachment bounds one attachment before transfer encoding, in bytes.
const maxAttachment = 512 << 10

// attachment draws a file. Compressed formats use their stored form, so that
// the bytes do not depend on the version of a compressor.
func (s *stream) attachment() *part {
	size := s.logNormal(24<<10, 1.1, maxAttachment)
	switch s.rng.IntN(8) {
	case 0, 1:
		name := pick(s, []string{"Syllabus.pdf", "Reading list.pdf", "Prüfungsordnung.pdf", "Einladung zur Feier – Ablaufplan und Anfahrtsbeschreibung.pdf", "レポート課題.pdf", "جدول المحاضرات.pdf", "Расписание.pdf"})
		return s.file("application/pdf", name, s.pdf("Handout", size))
	case 2:
		return s.file("image/png", pick(s, []string{"Plan.png", "poster draft.png", "Höhenprofil.png", "写真.png"}), s.picture(dimensions(size)))
	case 3:
		return s.file("text/csv", pick(s, []string{"measurements.csv", "Noten übersicht.csv"}), s.table(size))
	case 4:
		return s.file("text/plain", "notes.txt", []byte(s.prose(size)))
	case 5:
		return s.file("application/zip", pick(s, []string{"solutions.zip", "Données.zip"}), s.zipArchive(size))
	case 6:
		return s.file("application/gzip", "data.tar.gz", s.tarball(size))
	default:
		d := &draft{from: pick(s, languages()[0].people), subject: "Office hours", id: s.newID(s.owner)}
		return s.file("text/calendar", "office-hours.ics", []byte(s.event(d, "PUBLISH", s.now.Add(72*time.Hour))))
	}
}

// dimensions returns width and height of a paletted picture of about size bytes.
func dimensions(size int) (int, int) {
	w := 64
	for w*w*3/4 < size {
		w += 16
	}
	return w, w * 3 / 4
}

// picture draws hills under a sky as a valid PNG.
func (s *stream) picture(w, h int) []byte {
	hue := uint8(s.rng.IntN(60))
	palette := color.Palette{
		color.RGBA{200, 225, 250, 255}, color.RGBA{250, 210, 120, 255},
		color.RGBA{90 + hue, 130, 150, 255}, color.RGBA{60, 110 + hue, 70, 255}, color.RGBA{40, 70, 45 + hue, 255},
	}
	img := image.NewPaletted(image.Rect(0, 0, w, h), palette)
	sunX, sunY, r := w/4+s.rng.IntN(w/2), h/5, h/9
	for x := range w {
		for y := range h {
			if (x-sunX)*(x-sunX)+(y-sunY)*(y-sunY) < r*r {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	for layer := range 3 {
		y := h/3 + layer*h/6
		for x := range w {
			y = max(h/5, min(h-2, y+s.rng.IntN(3)-1))
			for below := y; below < h; below++ {
				img.SetColorIndex(x, below, uint8(2+layer))
			}
		}
	}
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.NoCompression}
	if err := enc.Encode(&b, img); err != nil {
		panic(err) // a bytes.Buffer returns no errors
	}
	return b.Bytes()
}

// pdf writes a minimal valid document whose pages hold text until size is
// reached.
func (s *stream) pdf(title string, size int) []byte {
	const fixed = 3 // catalog, page tree, font
	var pages, contents []string
	for total := 0; total < size || len(pages) == 0; {
		n := len(pages)
		var text strings.Builder
		fmt.Fprintf(&text, "BT /F1 20 Tf 72 760 Td (%s, page %d) Tj /F1 11 Tf 0 -34 Td\n", title, n+1)
		lines := strings.Split(s.prose(3000), "\r\n")
		for _, line := range lines[:min(44, len(lines))] {
			fmt.Fprintf(&text, "(%s) Tj 0 -15 Td\n", strings.NewReplacer("\\", "\\\\", "(", "\\(", ")", "\\)").Replace(line))
		}
		text.WriteString("ET")
		pages = append(pages, fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>", fixed+2*n+2))
		contents = append(contents, fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String()))
		total += text.Len()
	}
	var kids strings.Builder
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"}
	for i := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", fixed+2*i+1)
		objects = append(objects, pages[i], contents[i])
	}
	objects[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.TrimSpace(kids.String()), len(pages))

	var w bytes.Buffer
	w.WriteString("%PDF-1.4\n")
	var offsets []int
	for i, object := range objects {
		offsets = append(offsets, w.Len())
		fmt.Fprintf(&w, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	xref := w.Len()
	fmt.Fprintf(&w, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&w, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&w, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
	return w.Bytes()
}

func (s *stream) table(size int) []byte {
	var w bytes.Buffer
	w.WriteString("time,site,temperature,humidity\r\n")
	at := s.now.Add(-90 * 24 * time.Hour)
	for w.Len() < size {
		fmt.Fprintf(&w, "%s,%s,%.1f,%d\r\n", at.Format("2006-01-02 15:04"), pick(s, []string{"wall", "roof", "garden"}), -5+30*s.rng.Float64(), 30+s.rng.IntN(60))
		at = at.Add(time.Duration(5+s.rng.IntN(20)) * time.Minute)
	}
	return w.Bytes()
}

// prose returns English text of about size bytes.
func (s *stream) prose(size int) string {
	var ps []string
	for n := 0; n < size; {
		p, _ := s.paragraph(languages()[0])
		ps = append(ps, p)
		n += len(p)
	}
	return plain(ps)
}

func (s *stream) zipArchive(size int) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range 3 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("solutions/part%d.txt", i+1), Method: zip.Store, Modified: s.now.Add(-96 * time.Hour)})
		if err != nil {
			panic(err) // a bytes.Buffer returns no errors
		}
		fmt.Fprint(w, s.prose(size/3))
	}
	z.Close()
	return b.Bytes()
}

func (s *stream) tarball(size int) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.NoCompression) // the level is valid
	t := tar.NewWriter(z)
	for _, name := range []string{"data/README", "data/measurements.csv"} {
		content := s.table(size / 2)
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: s.now.Add(-96 * time.Hour)}); err != nil {
			panic(err) // a bytes.Buffer returns no errors
		}
		t.Write(content)
	}
	t.Close()
	z.Close()
	return b.Bytes()
}

// event writes a calendar with one event (RFC 5545).
func (s *stream) event(d *draft, method string, start time.Time) string {
	const layout = "20060102T150405Z"
	lines := []string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example University//Calendar//EN", "METHOD:" + method,
		"BEGIN:VEVENT", "UID:" + d.id, "DTSTAMP:" + s.now.UTC().Format(layout),
		"DTSTART:" + start.UTC().Format(layout), "DTEND:" + start.Add(90*time.Minute).UTC().Format(layout),
		"SUMMARY:" + strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`).Replace(d.subject),
		"LOCATION:" + pick(s, rooms), "ORGANIZER:mailto:" + d.from.Address,
		"ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:" + s.owner.Address,
		"STATUS:CONFIRMED", "END:VEVENT", "END:VCALENDAR",
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}
