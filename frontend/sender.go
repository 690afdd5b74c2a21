package frontend

import (
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/valyala/fasthttp"

	"alphamail/frontend/page"
	"alphamail/node/api"
)

// What can be done about the sender of a message. Who that is, the message says, and
// never the form.

// senderOf is the author of a message; false when the request is answered.
func (r *request) senderOf(id api.MessageID) (answer *api.MessageAnswer, sender api.Address, ok bool) {
	answer, err := ask(r, api.Service.Message, &api.MessageQuestion{ID: id})
	if err != nil {
		r.fail(err)
		return nil, api.Address{}, false
	}
	if len(answer.From) > 0 {
		sender = answer.From[0]
	}
	return answer, sender, true
}

// tell leads back to the message with a notice.
func (r *request) tell(told page.Told, who, here string) {
	r.notify(&page.Notice{Told: told, Who: who, Address: here})
	r.redirect(fasthttp.StatusSeeOther, here)
}

// keepOne makes one change, and tells what came of it.
func (r *request) keepOne(change api.Change, told page.Told, who, here string) {
	_, err := ask(r, api.Service.Save, &api.SaveQuestion{Changes: []api.Change{change}})
	switch failure := api.AsError(err); {
	case failure == nil:
	case failure.Code == api.CodeUnsupported:
		told = page.ToldUnkept
	case failure.Code == api.CodeTooLarge:
		told = page.ToldNoRoom
	case failure.Code == api.CodeInvalid:
		told = page.ToldNobody
	default:
		r.fail(err)
		return
	}
	r.tell(told, who, here)
}

// alwaysImages shows the remote images of the sender of a message from now on.
func (r *request) alwaysImages(id api.MessageID, here string) {
	answer, sender, ok := r.senderOf(id)
	switch {
	case !ok:
	case answer.Images != api.ImagesOffered && answer.Images != api.ImagesOfSender:
		r.fail(errNoForm) // no page of ours offered it
	default:
		r.keepOne(api.Change{ImageSender: &api.ImageSender{Address: sender.Email}}, page.ToldImages, sender.Email, here)
	}
}

// addSender makes the sender of a message a contact.
func (r *request) addSender(id api.MessageID, here string) {
	_, sender, ok := r.senderOf(id)
	if !ok {
		return
	}
	if !strings.Contains(sender.Email, "@") {
		r.tell(page.ToldNobody, "", here)
		return
	}
	known, err := ask(r, api.Service.Contacts, &api.ContactsQuestion{Query: sender.Email})
	if err != nil {
		r.fail(err)
		return
	}
	for _, contact := range known.Contacts {
		if slices.ContainsFunc(contact.Addresses, func(one string) bool { return strings.EqualFold(one, sender.Email) }) {
			r.tell(page.ToldContactKnown, sender.Email, here)
			return
		}
	}
	contact := &api.Contact{Name: contactName(sender.Name), Addresses: []string{sender.Email}}
	r.keepOne(api.Change{Contact: contact}, page.ToldContact, sender.Email, here)
}

// contactName makes a line that can be kept of a name that mail chose.
func contactName(name string) string {
	name = strings.TrimSpace(strings.Map(func(char rune) rune {
		if unicode.IsControl(char) {
			return ' '
		}
		return char
	}, strings.ToValidUTF8(name, "")))
	return strings.ToValidUTF8(name[:min(len(name), api.MaxWords)], "")
}

// leave shows the ways to leave the list that a message came by.
func (r *request) leave(id api.MessageID, query url.Values) {
	list, err := page.ParseListView(query)
	if err != nil {
		r.fail(errNoPage)
		return
	}
	answer, _, ok := r.senderOf(id)
	if !ok {
		return
	}
	r.settings = answer.Settings
	if answer.Unsubscribe == nil {
		r.fail(errNoPage)
		return
	}
	r.show(func(w io.Writer, c page.Context) error {
		return page.WriteUnsubscribe(w, c, page.Unsubscribe{Answer: answer, List: list})
	})
}

// unsubscribe has the node tell the list of a message that the user leaves it.
func (r *request) unsubscribe(id api.MessageID, here string) {
	answer, err := ask(r, api.Service.Unsubscribe, &api.UnsubscribeQuestion{ID: id})
	if err != nil {
		r.fail(err)
		return
	}
	r.tell(page.UnsubscribeTold(answer.Problem), answer.Host, here)
}
