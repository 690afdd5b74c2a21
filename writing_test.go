package main

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/net/html"
)

// filledForm is a form of a page with what it holds.
type filledForm struct {
	action string
	fields [][2]string
}

// formOf finds the form with a field on a page, which must have one.
func formOf(t testing.TB, page seen, field string) *filledForm {
	t.Helper()
	form := findForm(page, field)
	if form == nil {
		t.Fatalf("no form with %s on %s (status %d)\n%s", field, page.url, page.status, page.body)
	}
	return form
}

// findForm finds the form with a field on a page; nil when there is none.
func findForm(page seen, field string) *filledForm {
	root, err := html.Parse(strings.NewReader(page.body))
	if err != nil {
		return nil
	}
	for n := range root.Descendants() {
		if n.Data != "form" {
			continue
		}
		form := &filledForm{action: attributeOf(n, "action")}
		for inner := range n.Descendants() {
			name, value := attributeOf(inner, "name"), attributeOf(inner, "value")
			switch {
			case inner.Data == "input" && (attributeOf(inner, "type") == "file" || attributeOf(inner, "type") == "checkbox" && !has(inner, "checked")):
			case inner.Data == "input":
				form.fields = append(form.fields, [2]string{name, value})
			case inner.Data == "textarea":
				text := ""
				if inner.FirstChild != nil {
					text = inner.FirstChild.Data
				}
				form.fields = append(form.fields, [2]string{name, text})
			case inner.Data == "option" && has(inner, "selected"):
				form.fields = append(form.fields, [2]string{attributeOf(inner.Parent, "name"), value})
			}
		}
		if slices.ContainsFunc(form.fields, func(f [2]string) bool { return f[0] == field }) {
			return form
		}
	}
	return nil
}

func attributeOf(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func (f *filledForm) value(name string) string {
	for _, field := range f.fields {
		if field[0] == name {
			return field[1]
		}
	}
	return ""
}

func (f *filledForm) set(name, value string) {
	for i := range f.fields {
		if f.fields[i][0] == name {
			f.fields[i][1] = value
			return
		}
	}
	f.fields = append(f.fields, [2]string{name, value})
}

// press sends a form as its browser would, with files, by one of its buttons.
func (v *visitor) press(page seen, form *filledForm, button string, files map[string][]byte) (seen, error) {
	v.t.Helper()
	var body bytes.Buffer
	writer := multipart.NewWriter(&body)
	for _, field := range form.fields {
		writer.WriteField(field[0], strings.ReplaceAll(field[1], "\n", "\r\n"))
	}
	for name, content := range files {
		part, _ := writer.CreateFormFile("file", name)
		part.Write(content)
	}
	writer.WriteField("do", button)
	writer.Close()
	address, err := page.url.Parse(form.action)
	if err != nil {
		v.t.Fatal(err)
	}
	response, err := v.client.Post(address.String(), writer.FormDataContentType(), &body)
	return read(response, err)
}

// mailboxOf reads what a user has in a mailbox, the oldest first.
func mailboxOf(t testing.TB, address, user, password, mailbox string) (raw []string, flags [][]imap.Flag) {
	t.Helper()
	client, err := imapclient.DialInsecure(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Login(user, password).Wait(); err != nil {
		t.Fatal(err)
	}
	selected, err := client.Select(mailbox, nil).Wait()
	if err != nil || selected.NumMessages == 0 {
		return nil, nil
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	messages, err := client.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{Flags: true, BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range messages {
		raw = append(raw, string(message.FindBodySection(whole)))
		flags = append(flags, message.Flags)
	}
	return raw, flags
}

func deliver(t testing.TB, address, user, password, raw string) {
	t.Helper()
	client, err := imapclient.DialInsecure(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Login(user, password).Wait(); err != nil {
		t.Fatal(err)
	}
	command := client.Append("INBOX", int64(len(raw)), nil)
	if _, err := io.WriteString(command, raw); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(command.Close(), func() error { _, err := command.Wait(); return err }()); err != nil {
		t.Fatal(err)
	}
}
