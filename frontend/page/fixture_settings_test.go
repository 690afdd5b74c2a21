package page

import (
	"time"

	"alphamail/node/api"
)

// unkind is a text that a page must never take for markup.
const unkind = `<script>"'&` + "\u202e"

func withSettings(c Context) Context {
	c.Settings = api.Settings{
		DateStyle: api.DateStyleISO, Density: api.DensityCompact, Images: api.ImagesAlways, Sort: api.OrderSender, SortReverse: true,
	}
	return c
}

func sampleSettings(section string, problem FormProblem) Settings {
	identities := []api.Identity{
		{ID: api.OwnIdentity, Name: "Maria Silva", Address: "maria@example.edu"},
		{ID: "c0ffee", Name: "محمد " + unkind, Address: "maria+list@example.edu"},
	}
	shown := Settings{
		Answer: &api.SettingsAnswer{Identities: identities, Folders: sampleFolders(), ImageSenders: []api.ImageSender{{Address: "news@list.example"}, {Address: "<b>@" + unkind}}},
		Settings: api.Settings{
			Language: "de", TimeZone: "Europe/Berlin", RowsPerPage: 37, NoSnippets: true, StartFolder: "Gone/" + unkind, RefreshInterval: 420,
			DefaultIdentity: "c0ffee", ReplyPosition: api.ReplyBelow,
		},
	}
	if problem.Kind == "" {
		shown.Saved = section
	} else {
		shown.ProblemIn, shown.Problem = section, problem
		shown.Settings.TimeZone = unkind
	}
	return shown
}

func sampleIdentity(problem FormProblem) Identity {
	return Identity{
		Identity: api.Identity{
			ID: "c0ffee", Name: "Maria " + unkind, Address: "maria+list@example.edu", ReplyTo: "maria@example.net", Organization: "Linguistics",
			Signatures: []api.Signature{{Name: "short", Text: "\nM. </textarea>"}, {Text: "Maria Silva\n研究室"}}, SignatureChoice: api.SignatureRandom,
		},
		Senders: []string{api.OwnSender, "*@lists.example.edu"}, Problem: problem,
	}
}

func ownIdentity() Identity {
	return Identity{Identity: api.Identity{ID: api.OwnIdentity, Address: "maria@example.edu"}}
}

func sampleContacts() Contacts {
	return Contacts{
		Answer: &api.ContactsAnswer{
			Contacts: []api.Contact{
				{ID: "a", Name: "Ana Ruiz", Addresses: []string{"ana.ruiz@example.edu", "ana@example.net"}, Organization: "Geology", Phone: "+1 541 1"},
				{ID: "b", Addresses: []string{"facilities@example.edu"}},
				{ID: "c", Name: unkind, Note: "x"},
				{ID: "d", Name: "山田 太郎", Organization: "研究室"},
				{ID: "e", Phone: "+49 30 1"},
			},
			Lists:     []api.ContactList{{ID: "l", Name: "Field trip " + unkind, Members: []string{"ana.ruiz@example.edu", "ben@example.edu"}}},
			Collected: []api.CollectedAddress{{Name: "Ben Okafor " + unkind, Address: "ben@example.edu", Used: time.Date(2026, 11, 1, 0, 0, 0, 0, zone), Times: 3}, {Address: "noor&x@example.edu"}},
			Total:     105, All: 200, Page: 2, Pages: 3,
		},
		Query: `a "b"`, Imported: &api.ImportContactsAnswer{Added: 1, Known: 2, Unusable: 3},
	}
}

func sampleContact(problem FormProblem) Contact {
	contact := sampleContacts().Answer.Contacts[0]
	contact.Note = "one\n</textarea>" + unkind
	if problem.Kind != "" {
		contact = api.Contact{}
	}
	return Contact{Contact: contact, Addresses: "ana.ruiz@example.edu\nana@example.net", Problem: problem}
}

func sampleList() ContactList {
	return ContactList{List: sampleContacts().Answer.Lists[0], Members: "ana.ruiz@example.edu\nben@example.edu"}
}
