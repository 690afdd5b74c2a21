package compose

import (
	"html"
	"strings"
	"time"

	"alphamail/mime"
)

// Quote is a message as text to answer below: the line that says who wrote it,
// and its words behind marks, without its signature.
func Quote(m *mime.Message, words Phrases, zone *time.Location) string {
	return attribution(m.Header, words, zone) + "\n" + QuoteBlocks(mime.Render(m).Text) + "\n"
}

// QuoteHTML is a message as HTML to answer above. markup is its sanitised HTML;
// empty for a text message.
func QuoteHTML(m *mime.Message, markup string, words Phrases, zone *time.Location) string {
	if markup == "" {
		markup = blocksHTML(mime.Render(m).Text)
	}
	return "<p>" + html.EscapeString(attribution(m.Header, words, zone)) + "</p>\n<blockquote type=\"cite\">" + markup + "</blockquote>\n"
}

// QuoteBlocks puts marks before all lines.
func QuoteBlocks(blocks []mime.Block) string {
	var out strings.Builder
	before := 0
	for _, block := range blocks {
		if block.Signature {
			continue
		}
		if out.Len() > 0 {
			out.WriteString(marks(min(before, block.Quote)+1) + "\n")
		}
		for _, line := range strings.Split(blockText(block), "\n") {
			out.WriteString(strings.TrimRight(marks(block.Quote+1)+" "+line, " ") + "\n")
		}
		before = block.Quote
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// PlainText writes blocks as text.
func PlainText(blocks []mime.Block) string {
	var out strings.Builder
	for i, block := range blocks {
		if i > 0 {
			out.WriteString("\n\n")
		}
		for j, line := range strings.Split(blockText(block), "\n") {
			if j > 0 {
				out.WriteByte('\n')
			}
			if block.Quote > 0 {
				line = strings.TrimRight(marks(block.Quote)+" "+line, " ")
			}
			out.WriteString(line)
		}
	}
	return out.String()
}

func marks(depth int) string { return strings.Repeat(">", min(depth, 30)) }

// blockText is the text of a block. The address of a link follows its text, where
// it says something else.
func blockText(block mime.Block) string {
	var out strings.Builder
	for _, span := range block.Spans {
		out.WriteString(span.Text)
		bare := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(span.URL, "mailto:"), "tel:"), "https://")
		if span.URL != "" && !strings.Contains(span.Text, strings.TrimSuffix(bare, "/")) && !strings.HasPrefix(span.URL, "tel:") {
			out.WriteString(" <" + span.URL + ">")
		}
	}
	return out.String()
}

// blocksHTML writes blocks as HTML.
func blocksHTML(blocks []mime.Block) string {
	var out strings.Builder
	depth := 0
	for _, block := range blocks {
		for ; depth < block.Quote; depth++ {
			out.WriteString("<blockquote type=\"cite\">")
		}
		for ; depth > block.Quote; depth-- {
			out.WriteString("</blockquote>")
		}
		out.WriteString("<p>")
		for _, span := range block.Spans {
			text := strings.ReplaceAll(html.EscapeString(span.Text), "\n", "<br>\n")
			if span.URL != "" {
				text = `<a href="` + html.EscapeString(span.URL) + `">` + text + "</a>"
			}
			out.WriteString(text)
		}
		out.WriteString("</p>\n")
	}
	out.WriteString(strings.Repeat("</blockquote>", depth))
	return out.String()
}

// attribution is the line that says who wrote what follows, and when.
func attribution(h mime.Header, words Phrases, zone *time.Location) string {
	name := ""
	if from := h.Addresses("From"); len(from) > 0 {
		if name = oneLine(from[0].Name); name == "" {
			name = oneLine(from[0].Email)
		}
	}
	date, known := h.Date()
	if !known {
		return strings.NewReplacer("{name}", name).Replace(words.WroteUndated)
	}
	date = date.In(zone)
	return strings.NewReplacer("{name}", name, "{date}", date.Format(words.DateForm), "{time}", date.Format("15:04")).Replace(words.Wrote)
}

// Forward begins a message that passes another one on in its own text, with its
// attachments.
func Forward(m *mime.Message, words Phrases, zone *time.Location) *Draft {
	h := m.Header
	d := &Draft{Subject: ForwardSubject(h.Get("Subject"))}
	_, d.References = Threading(h)
	var head strings.Builder
	head.WriteString("---------- " + words.Forwarded + " ----------\n")
	line := func(label, value string) {
		if value != "" {
			head.WriteString(label + ": " + value + "\n")
		}
	}
	line(words.From, addressLine(h.Addresses("From")))
	if date, ok := h.Date(); ok {
		line(words.Date, date.In(zone).Format(words.DateForm+" 15:04 -0700"))
	}
	line(words.Subject, oneLine(h.Get("Subject")))
	line(words.To, addressLine(h.Addresses("To")))
	line(words.Cc, addressLine(h.Addresses("Cc")))
	view := mime.Render(m)
	d.Text = head.String() + "\n" + PlainText(view.Text) + "\n"
	for _, part := range view.Parts {
		d.Attachments = append(d.Attachments, attachmentOf(part))
	}
	return d
}

// ForwardAttached begins a message that carries another one as it is.
func ForwardAttached(h mime.Header, original Attachment) *Draft {
	subject := oneLine(h.Get("Subject"))
	_, references := Threading(h)
	if original.Name == "" {
		name := subject
		if name == "" {
			name = "message"
		}
		original.Name = mime.SafeFilename(strings.NewReplacer("/", "_", `\`, "_").Replace(name) + ".eml")
	}
	original.MediaType = "message/rfc822"
	return &Draft{Subject: ForwardSubject(subject), References: references, Attachments: []Attachment{original}}
}

// addressLine writes addresses for people to read.
func addressLine(list []mime.Address) string {
	const most = 50
	var shown []string
	for _, address := range list[:min(len(list), most)] {
		switch {
		case address.Name == "":
			shown = append(shown, oneLine(address.Email))
		case address.Email == "":
			shown = append(shown, oneLine(address.Name))
		default:
			shown = append(shown, oneLine(address.Name)+" <"+oneLine(address.Email)+">")
		}
	}
	if len(list) > most {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}
