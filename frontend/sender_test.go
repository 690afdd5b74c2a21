package frontend_test

import (
	"net/http"
	"strings"
	"testing"

	"alphamail/node/api"
)

const openMessage = "/mail/INBOX/1-2?filter=unread"

func from(name, address string) func(*api.MessageAnswer) {
	return func(m *api.MessageAnswer) { m.From = []api.Address{{Name: name, Email: address}} }
}

func TestAddSender(t *testing.T) {
	a := newActing(t)
	a.node.edit = from("Zoë\r\nRuiz "+strings.Repeat("é", 200), "zoe@example.net")
	if shown := get(t, a.client, a.base+openMessage); !strings.Contains(shown.text, "Add sender to contacts") {
		t.Error("no button")
	}
	shown := a.follow(a.post(openMessage, a.form("do", "contact", "address", "other@example.net")), openMessage)
	saved := a.node.question(t, "*api.SaveQuestion").(*api.SaveQuestion).Changes
	if len(saved) != 1 || saved[0].Contact == nil || saved[0].Contact.ID != "" || len(saved[0].Contact.Addresses) != 1 || saved[0].Contact.Addresses[0] != "zoe@example.net" ||
		!strings.HasPrefix(saved[0].Contact.Name, "Zoë  Ruiz é") || len(saved[0].Contact.Name) > api.MaxWords {
		t.Errorf("saved %+v", saved)
	}
	if !strings.Contains(shown.text, "is one of your contacts now") || !strings.Contains(shown.text, "<bdi>zoe@example.net</bdi>") {
		t.Error("nothing is said")
	}
	before := a.node.asks("*api.SaveQuestion")
	a.node.edit = from("Ben", "BEN@example.edu")
	if shown := a.follow(a.post(openMessage, a.form("do", "contact")), openMessage); !strings.Contains(shown.text, "was one of your contacts already") {
		t.Error("nothing is said about a contact that is known")
	}
	a.node.edit = func(m *api.MessageAnswer) { m.From = nil }
	if shown := a.follow(a.post(openMessage, a.form("do", "contact")), openMessage); !strings.Contains(shown.text, "no sender with an address") || strings.Contains(shown.text, "Add sender") {
		t.Error("nothing is said about a sender without address")
	}
	if a.node.asks("*api.SaveQuestion") != before {
		t.Error("something was saved")
	}
	a.node.edit = from("", "a@example.net")
	for code, words := range map[api.Code]string{api.CodeUnsupported: "cannot be kept here", api.CodeTooLarge: "fault", api.CodeInvalid: "no sender with an address"} {
		a.node.refusal = api.NewError(code, "", nil)
		if shown := a.follow(a.post(openMessage, a.form("do", "contact")), openMessage); !strings.Contains(shown.text, words) || !strings.Contains(shown.text, "confirmed fault") {
			t.Errorf("%s: nothing is said", code)
		}
	}
}

func TestAlwaysImages(t *testing.T) {
	a := newActing(t)
	offered := func(images api.SenderImages) func(*api.MessageAnswer) {
		return func(m *api.MessageAnswer) {
			m.From, m.Images, m.BlockedRemote = []api.Address{{Email: "news@list.example"}}, images, 1
		}
	}
	a.node.edit = offered(api.ImagesOffered)
	if shown := get(t, a.client, a.base+openMessage); !strings.Contains(shown.text, "Always show those from news@list.example") || strings.Contains(shown.text, "/body?remote=1") {
		t.Error("no button, or images are shown")
	}
	shown := a.follow(a.post(openMessage, a.form("do", "images")), openMessage)
	saved := a.node.question(t, "*api.SaveQuestion").(*api.SaveQuestion).Changes
	if len(saved) != 1 || saved[0].ImageSender == nil || saved[0].ImageSender.Address != "news@list.example" {
		t.Errorf("saved %+v", saved)
	}
	if !strings.Contains(shown.text, "are shown from now on") {
		t.Error("nothing is said")
	}
	a.node.edit = offered(api.ImagesOfSender)
	if shown := get(t, a.client, a.base+openMessage); !strings.Contains(shown.text, "/body?remote=1") || !strings.Contains(shown.text, "as always from news@list.example") {
		t.Error("the images of the sender are not shown")
	}
	if shown := get(t, a.client, a.base+openMessage+"&remote=0"); strings.Contains(shown.text, "/body?remote=1") {
		t.Error("the images cannot be hidden")
	}
	for _, images := range []api.SenderImages{api.ImagesUnproven, api.ImagesUnknown, "later"} {
		a.node.edit = offered(images)
		shown := get(t, a.client, a.base+openMessage)
		if strings.Contains(shown.text, "/body?remote=1\"") || strings.Contains(shown.text, `value="images"`) {
			t.Errorf("%q: images are shown or offered", images)
		}
		if strings.Contains(shown.text, "nothing proves") != (images == api.ImagesUnproven) {
			t.Errorf("%q: it is not said why", images)
		}
		if answer := a.post(openMessage, a.form("do", "images")); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: chosen all the same: status %d", images, answer.StatusCode)
		}
	}
	// The list of them in the settings.
	a.node.kept = &api.SettingsAnswer{Identities: []api.Identity{{ID: api.OwnIdentity}}, ImageSenders: []api.ImageSender{{Address: "news@list.example"}}}
	if shown := get(t, a.client, a.base+"/settings"); !strings.Contains(shown.text, "Remove news@list.example") {
		t.Error("the settings do not list the sender")
	}
	form := a.form("section", "images", "forget", "news@list.example", "operation", "o")
	if answer := a.post("/settings", form); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("removing: status %d", answer.StatusCode)
	}
	if saved := a.node.question(t, "*api.SaveQuestion").(*api.SaveQuestion).Changes; len(saved) != 1 || saved[0].Settings != nil || saved[0].Delete == nil || *saved[0].Delete != (api.Record{Kind: api.RecordImageSender, ID: "news@list.example"}) {
		t.Errorf("saved %+v", saved)
	}
}

func TestUnsubscribePage(t *testing.T) {
	a := newActing(t)
	a.node.edit = func(m *api.MessageAnswer) {
		m.From = []api.Address{{Email: "news@list.example"}}
		m.Unsubscribe = &api.Unsubscribe{OneClick: true, Link: "https://list.example:8443/u?a=1&b=2", Mailto: "mailto:leave@list.example?subject=leave%20me"}
	}
	shown := get(t, a.client, a.base+openMessage)
	if !strings.Contains(shown.text, `value="unsubscribe"`) || !strings.Contains(shown.text, `href="/mail/INBOX/1-2/unsubscribe?filter=unread"`) {
		t.Error("no way to unsubscribe")
	}
	asks := a.node.asks("*api.UnsubscribeQuestion")
	page := get(t, a.client, a.base+"/mail/INBOX/1-2/unsubscribe?filter=unread")
	for _, part := range []string{
		"list.example:8443", `href="https://list.example:8443/u?a=1&amp;b=2"`, `rel="noopener noreferrer nofollow"`, "leave@list.example",
		`href="/compose?mailto=mailto%3Aleave%40list.example%3Fsubject%3Dleave%2520me"`, `action="/mail/INBOX/1-2?filter=unread"`,
	} {
		if !strings.Contains(page.text, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	if page.StatusCode != 200 || a.node.asks("*api.UnsubscribeQuestion") != asks {
		t.Errorf("status %d, or looking unsubscribes", page.StatusCode)
	}
	for problem, words := range map[api.UnsubscribeProblem]string{
		"": "and took it", api.UnsubscribeRefused: "and refused", api.UnsubscribeUnreached: "could not be reached", api.UnsubscribeElsewhere: "asked elsewhere",
		api.UnsubscribeInner: "must not reach", "later": "and refused",
	} {
		a.node.stays = problem
		shown := a.follow(a.post(openMessage, a.form("do", "unsubscribe")), openMessage)
		if !strings.Contains(shown.text, words) || strings.Contains(shown.text, "confirmed fault") != (problem != "") {
			t.Errorf("%q: not told", problem)
		}
	}
	if answer := send(t, a.client, "POST", a.base+"/mail/INBOX/1-2/unsubscribe", a.form(), nil); answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST to the page: status %d", answer.StatusCode)
	}
	a.node.edit = nil
	if page := get(t, a.client, a.base+"/mail/INBOX/1-2/unsubscribe"); page.StatusCode != http.StatusNotFound {
		t.Errorf("no list: status %d", page.StatusCode)
	}
}

// TestToolsNeedOurForm sends forms that are not ours: from elsewhere, without
// token.
func TestToolsNeedOurForm(t *testing.T) {
	a := newActing(t)
	a.node.edit = from("", "a@example.net")
	for _, do := range []string{"contact", "images", "unsubscribe"} {
		before := len(a.node.calls())
		bare := a.form("do", do)
		bare.Del("csrf")
		if answer := a.post(openMessage, bare); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s without token: status %d", do, answer.StatusCode)
		}
		if answer := send(t, a.client, "POST", a.base+openMessage, a.form("do", do), map[string]string{"Sec-Fetch-Site": "cross-site"}); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s from another site: status %d", do, answer.StatusCode)
		}
		if asked := len(a.node.calls()) - before; asked != 2 { // for the forms
			t.Errorf("%s: %d questions", do, asked)
		}
	}
}
