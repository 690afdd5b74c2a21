package settings

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"alphamail/node/api"
)

func TestReadCards(t *testing.T) {
	for name, test := range map[string]struct {
		file     string
		want     []api.Contact
		lists    []api.ContactList
		unusable int
	}{
		"4.0": {
			"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ana Ferreira\r\nN:Ferreira;Ana;;Dr.;\r\nEMAIL;TYPE=work:ana@example.edu\r\nEMAIL;PREF=1:ana@example.net\r\n" +
				"TEL;VALUE=uri:tel:+49-30-1\r\nORG:University\\, North;Physics\r\nNOTE:one\\ntwo\\; three\r\nEND:VCARD\r\n",
			[]api.Contact{{Name: "Ana Ferreira", Addresses: []string{"ana@example.edu", "ana@example.net"}, Phone: "+49-30-1", Organization: "University, North, Physics", Note: "one\ntwo; three"}}, nil, 0,
		},
		"3.0, folded within a letter, with a group": {
			"BEGIN:VCARD\nVERSION:3.0\nN:M\xc3\n \xbcller;J\xc3\xbcrgen;;;\nitem1.EMAIL;TYPE=INTERNET:jm@ex\n ample.edu\nitem1.X-ABLabel:Work\nEND:VCARD",
			[]api.Contact{{Name: "Jürgen Müller", Addresses: []string{"jm@example.edu"}}}, nil, 0,
		},
		"2.1, quoted-printable": {
			"BEGIN:VCARD\r\nVERSION:2.1\r\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen =\r\nM=C3=BCller\r\nEMAIL;INTERNET:jm@example.edu\r\nEND:VCARD\r\n",
			[]api.Contact{{Name: "Jürgen Müller", Addresses: []string{"jm@example.edu"}}}, nil, 0,
		},
		"2.1, without charset": {
			"BEGIN:VCARD\r\nFN:J\xfcrgen\r\nEND:VCARD\r\n", []api.Contact{{Name: "Jürgen"}}, nil, 0,
		},
		"a list": {
			"BEGIN:VCARD\r\nVERSION:4.0\r\nKIND:group\r\nFN:Team\r\nMEMBER:mailto:a%2Bb@example.edu\r\nMEMBER:urn:uuid:1\r\nEND:VCARD\r\n",
			nil, []api.ContactList{{Name: "Team", Members: []string{"a+b@example.edu"}}}, 0,
		},
		"not a card among cards": {
			"junk\r\nBEGIN:VCARD\r\nFN:A\r\nBEGIN:VCARD\r\nFN:B\r\nEND:VCARD\r\nEMAIL:outside@example.edu\r\nBEGIN:VCARD\r\nEND:VCARD\r\nBEGIN:VCARD\r\nEMAIL:c@example.edu",
			[]api.Contact{{Name: "A"}, {Name: "B"}, {Addresses: []string{"c@example.edu"}}}, nil, 1,
		},
		"quoted parameters, controls, no address": {
			"\ufeffBEGIN:VCARD\r\nFN;SORT-AS=\"a:b;c\":A\x01B\u202eC\r\nEMAIL:no address\r\nEMAIL:a@b, c@d\r\nEND:VCARD", []api.Contact{{Name: "A B\u202eC"}}, nil, 0,
		},
		"nothing": {"", nil, nil, 0},
	} {
		got := ReadCards([]byte(test.file))
		if !reflect.DeepEqual(got, Cards{test.want, test.lists, test.unusable}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestCardsComeBack: what is exported is imported as it was.
func TestCardsComeBack(t *testing.T) {
	book := &Book{
		Contacts: []api.Contact{
			{Name: "Ana, die; Erste\\", Addresses: []string{"ana@example.edu", "o'neill+x@example.edu"}, Organization: "Universität", Phone: "+49", Note: "a\nb"},
			{Name: strings.Repeat("研究室", 25)},
			{Addresses: []string{"nur@example.edu"}},
			{Phone: "12"},
		},
		Lists: []api.ContactList{{Name: "Team", Members: []string{"ana@example.edu", "100%+a&b?@example.edu"}}},
	}
	for _, version := range []string{Card3, Card4} {
		var file bytes.Buffer
		if err := WriteCards(&file, version, book); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(file.String()) {
			if len(line) > foldAt+2 || !utf8.ValidString(line) || !strings.HasSuffix(line, "\r\n") {
				t.Errorf("version %s has the line %q", version, line)
			}
		}
		want := *book
		want.Contacts = append([]api.Contact(nil), book.Contacts...)
		want.Contacts[2].Name, want.Contacts[3].Name = "nur@example.edu", "12" // a card must have a name
		if version == Card3 {
			want.Lists = nil
		}
		if got := ReadCards(file.Bytes()); !reflect.DeepEqual(got, Cards{want.Contacts, want.Lists, 0}) {
			t.Errorf("version %s: got %+v", version, got)
		}
	}
}

func FuzzCards(f *testing.F) {
	f.Add([]byte("BEGIN:VCARD\r\nVERSION:2.1\r\nFN;ENCODING=QUOTED-PRINTABLE:J=C3=\r\n=BC\r\nEMAIL;INTERNET:jm@example.edu\r\nEND:VCARD\r\n"))
	f.Add([]byte("BEGIN:VCARD\nKIND:group\nFN:T\\, \\n\nMEMBER:mailto:a@example.edu\nEND:VCARD\nBEGIN:VCARD\nN:a;b;c;d;e\n f\nTEL:1\nNOTE:x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first := ReadCards(data)
		for _, contact := range first.Contacts {
			for _, text := range append(contact.Addresses, contact.Name, contact.Note) {
				if !utf8.ValidString(text) || len(text) > api.MaxNote {
					t.Errorf("%q", text)
				}
			}
		}
		var file bytes.Buffer
		if err := WriteCards(&file, Card4, &Book{Contacts: first.Contacts, Lists: first.Lists}); err != nil {
			t.Fatal(err)
		}
		second := ReadCards(file.Bytes())
		if len(second.Contacts) != len(first.Contacts) || len(second.Lists) != len(first.Lists) {
			t.Errorf("%+v became %+v", first, second)
		}
	})
}
