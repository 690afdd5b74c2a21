package account_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/submit"
)

// corresponding replaces the account by one that keeps settings, writes and sends.
func (w *world) corresponding() *outbox {
	w.t.Helper()
	out := &outbox{}
	w.account = w.correspondent(out)
	return out
}

func (w *world) correspondent(out *outbox) *account.Account {
	w.t.Helper()
	return w.writer(out, func(_ *account.Backend, c *account.Config) { c.SettingsFolder = "AlphaMail" })
}

// identify keeps two identities, and returns the IDs of both: the usual one signs
// with "Ana", the other for the shop.
func (w *world) identify(settings api.Settings) (own, shop string) {
	w.t.Helper()
	ids := w.keep(w.account,
		api.Change{Identity: &api.Identity{ID: api.OwnIdentity, Name: "Ana", Address: "ana@example.edu", Signatures: []api.Signature{{Text: "Ana\nPhysics\n"}}}},
		api.Change{Identity: &api.Identity{
			Name: "Ana's shop", Address: "ana+shop@example.edu", ReplyTo: "shop@example.net", Organization: "Café Größe",
			Signatures: []api.Signature{{Text: "The shop"}, {Text: "The shop\nOpen on Mondays"}},
		}},
		api.Change{Settings: &settings},
	)
	return api.OwnIdentity, ids[1]
}

const quotation = "On 23 November 2026 at 10:00, Bob wrote:\n> Take two.\n"

func TestWhereSignaturesStand(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		w.corresponding()
		origin := w.asked()
		for name, test := range map[string]struct {
			settings api.Settings
			kind     api.ComposeKind
			text     string
			want     string
		}{
			"new":             {api.Settings{}, api.ComposeNew, "", "\n\n-- \nAna\nPhysics\n"},
			"from a link":     {api.Settings{}, api.ComposeNew, "Hello\r\n", "Hello\n\n-- \nAna\nPhysics\n"},
			"reply":           {api.Settings{}, api.ComposeReply, "", "\n" + quotation + "\n-- \nAna\nPhysics\n"},
			"above the quote": {api.Settings{SignatureAboveQuote: true}, api.ComposeReply, "", "\n\n-- \nAna\nPhysics\n\n" + quotation},
			"reply below":     {api.Settings{ReplyPosition: api.ReplyBelow, SignatureAboveQuote: true}, api.ComposeReplyAll, "", quotation + "\n\n\n-- \nAna\nPhysics\n"},
			"no quotation":    {api.Settings{QuoteOriginal: api.QuoteNothing, ReplyPosition: api.ReplyBelow}, api.ComposeReply, "", "\n\n-- \nAna\nPhysics\n"},
			"attached":        {api.Settings{QuoteOriginal: api.QuoteNothing}, api.ComposeForwardAttached, "", "\n\n-- \nAna\nPhysics\n"},
			"in German":       {api.Settings{Language: "de", TimeZone: "Asia/Tokyo"}, api.ComposeReply, "", "\nAm 23.11.2026 um 19:00 schrieb Bob:\n> Take two.\n\n-- \nAna\nPhysics\n"},
		} {
			w.identify(test.settings)
			question := api.ComposeQuestion{Kind: test.kind, Fields: api.DraftFields{Text: test.text}, Language: "en", Zone: "UTC"}
			if test.kind != api.ComposeNew {
				question.ID = origin
			}
			draft := w.compose(question)
			if draft.Fields.Text != test.want {
				t.Errorf("%s begins with %q\nnot %q", name, draft.Fields.Text, test.want)
			}
			if draft.Settings == nil || !reflect.DeepEqual(*draft.Settings, test.settings) {
				t.Errorf("%s comes with the settings %+v", name, draft.Settings)
			}
			again := w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: w.save(form(draft)).ID})
			if again.Fields != draft.Fields {
				t.Errorf("%s is opened again as\n%q\nnot\n%q", name, again.Fields, draft.Fields)
			}
		}
		w.identify(api.Settings{})
		forward := w.compose(api.ComposeQuestion{Kind: api.ComposeForward, ID: origin, Language: "en", Zone: "UTC"}).Fields.Text
		if !strings.HasPrefix(forward, "\n---------- Forwarded") || !strings.HasSuffix(forward, "Take two.\n\n-- \nAna\nPhysics\n") {
			t.Errorf("a forward begins with %q", forward)
		}
		w.identify(api.Settings{SignatureAboveQuote: true, ReplyPosition: api.ReplyBelow})
		forward = w.compose(api.ComposeQuestion{Kind: api.ComposeForward, ID: origin, Language: "en", Zone: "UTC"}).Fields.Text
		if !strings.HasPrefix(forward, "\n\n-- \nAna\nPhysics\n\n---------- Forwarded") || strings.Count(forward, "Physics") != 1 {
			t.Errorf("a forward with the signature above begins with %q", forward)
		}
	})
}

func TestWhichSignatureIsChosen(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		w.corresponding()
		for choice, want := range map[api.SignatureChoice][]string{
			api.SignatureFirst: {"\n\n-- \none\n"}, api.SignatureNone: {""}, api.SignatureRandom: {"\n\n-- \none\n", "\n\n-- \ntwo\n"},
		} {
			w.keep(w.account, api.Change{Identity: &api.Identity{ID: api.OwnIdentity, Address: "ana@example.edu", Signatures: []api.Signature{{Text: "one"}, {Text: "two"}}, SignatureChoice: choice}})
			got := map[string]bool{}
			for range 64 { // both of two come up but for one time in 2⁶³
				got[w.compose(api.ComposeQuestion{}).Fields.Text] = true
			}
			for _, text := range want {
				if !got[text] {
					t.Errorf("%q: no %q in %v", choice, text, got)
				}
			}
			if len(got) != len(want) {
				t.Errorf("%q gives %v", choice, got)
			}
		}
	})
}

// A reply is written as who was written to, and that stays so until it is sent.
func TestRepliesAreWrittenAsWhoWasWrittenTo(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		out := w.corresponding()
		own, shop := w.identify(api.Settings{})
		for header, want := range map[string]string{
			"To: Bob <bob@example.net>, ANA+Shop@example.edu": shop, "To: ana@example.edu\r\nCc: ana+shop@example.edu": own,
			"To: list@example.net\r\nDelivered-To: ana+shop@example.edu": shop, "To: list@example.net": own,
			"To: list@example.net\r\nX-Original-To: ana+shop@example.edu": shop,
		} {
			w.must(w.another(), appending("INBOX", []byte("From: Dora <dora@example.org>\r\n"+header+"\r\nSubject: Beans\r\n\r\nHow many?\r\n")))
			id := w.page("INBOX", 1).Rows[0].ID
			if draft := w.compose(api.ComposeQuestion{Kind: api.ComposeReply, ID: id}); draft.Fields.Identity != want {
				t.Errorf("%q is answered as %q", header, draft.Fields.Identity)
			}
		}
		w.must(w.another(), appending("INBOX", []byte("From: Dora <dora@example.org>\r\nTo: ana+shop@example.edu, Ben <ben@example.net>\r\nCc: ana@example.edu, Eve <eve@example.com>\r\nSubject: Beans\r\n\r\nHow many?\r\n")))
		draft := w.compose(api.ComposeQuestion{Kind: api.ComposeReplyAll, ID: w.page("INBOX", 1).Rows[0].ID})
		if draft.Fields.To != "Dora <dora@example.org>" || draft.Fields.Cc != "Ben <ben@example.net>, Eve <eve@example.com>" || !strings.HasSuffix(draft.Fields.Text, "\n\n-- \nThe shop\n") {
			t.Fatalf("the answer to all begins with %+v", draft.Fields)
		}
		saved := w.save(form(draft))
		// Whoever takes over knows nothing of the account yet.
		w.account = w.correspondent(out)
		out.refuse = map[string]bool{}
		if answer := w.send(saved); answer.State != api.SendSent || !answer.Copied {
			t.Fatalf("sending: %+v", answer)
		}
		raw := out.all()[0].raw
		for _, wanted := range []string{"From: Ana's shop <ana+shop@example.edu>\r\n", "Reply-To: shop@example.net\r\n", "Organization: =?utf-8?", "-- \r\nThe shop\r\n"} {
			if !strings.Contains(raw, wanted) {
				t.Errorf("no %q in\n%s", wanted, raw)
			}
		}
		if strings.Contains(raw, "X-AlphaMail") || strings.Count(raw, "The shop") != 1 {
			t.Errorf("sent\n%s", raw)
		}
		// Those who got it are remembered, by whoever is asked next.
		w.settle()
		book, err := w.keeping().Contacts(t.Context(), &api.ContactsQuestion{})
		if err != nil {
			t.Fatal(err)
		}
		var collected []string
		for _, one := range book.Collected {
			collected = append(collected, fmt.Sprint(one.Name, " ", one.Address, " ", one.Times))
		}
		slices.Sort(collected)
		if !slices.Equal(collected, []string{"Ben ben@example.net 1", "Dora dora@example.org 1", "Eve eve@example.com 1"}) {
			t.Errorf("remembered are %q", collected)
		}
	})
}

// Two identities may have the same address and name.
func TestIdentitiesThatLookAlike(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		out := w.corresponding()
		twin := w.keep(w.account, api.Change{Identity: &api.Identity{Address: "ana@example.edu", Organization: "Choir"}})[0]
		draft := w.compose(api.ComposeQuestion{Fields: api.DraftFields{Identity: twin, To: "bob@example.net", Subject: "x"}})
		saved := w.save(form(draft))
		if again := w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: saved.ID}); again.Fields.Identity != twin {
			t.Errorf("opened again as %q", again.Fields.Identity)
		}
		if w.send(saved); !strings.Contains(out.all()[0].raw, "Organization: Choir\r\n") {
			t.Errorf("sent\n%s", out.all()[0].raw)
		}
	})
}

func TestChangingTheIdentity(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		w.corresponding()
		own, shop := w.identify(api.Settings{})
		none := w.keep(w.account, api.Change{Identity: &api.Identity{Name: "Nobody", Address: "ana+x@example.edu"}})[0]
		for name, test := range map[string]struct{ text, before, after, want string }{
			"unchanged":           {"Hi\n\n-- \nAna\nPhysics\n", own, shop, "Hi\n\n-- \nThe shop\n"},
			"the longer one":      {"Hi\n\n-- \nThe shop\nOpen on Mondays\n", shop, own, "Hi\n\n-- \nAna\nPhysics\n"},
			"saved in between":    {"Hi\n\n-- \nAna\nPhysics\n", shop, shop, "Hi\n\n-- \nThe shop\n"},
			"by a text browser":   {"Hi\r\n\r\n--\r\nAna\r\nPhysics\r\n", own, shop, "Hi\n\n-- \nThe shop\n"},
			"above a quotation":   {"Hi\n\n-- \nAna\nPhysics\n\n> -- \n> Ana\n> Physics\n", own, shop, "Hi\n\n-- \nThe shop\n\n> -- \n> Ana\n> Physics\n"},
			"to none":             {"Hi\n\n-- \nAna\nPhysics\n", own, none, "Hi\n\n"},
			"from none":           {"Hi\n", none, own, "Hi\n\n-- \nAna\nPhysics\n"},
			"changed":             {"Hi\n\n-- \nAna\nPhysics and more\n", own, shop, "Hi\n\n-- \nAna\nPhysics and more\n"},
			"more below":          {"Hi\n\n-- \nAna\nPhysics\nP.S.\n", own, shop, "Hi\n\n-- \nAna\nPhysics\nP.S.\n"},
			"taken away":          {"Hi\n", own, shop, "Hi\n"},
			"another's, by none":  {"Hi\n\n-- \nBob\n", none, shop, "Hi\n\n-- \nBob\n"},
			"no such identity":    {"Hi\n\n-- \nAna\nPhysics\n", "x\r\nBcc: y", shop, "Hi\n\n-- \nThe shop\n"},
			"not asked to":        {"Hi\n\n-- \nAna\nPhysics\n", "", shop, "Hi\n\n-- \nAna\nPhysics\n"},
			"the mark is mended":  {"Hi\n\n--\nAna\nPhysics\n", "", own, "Hi\n\n-- \nAna\nPhysics\n"},
			"another mark is not": {"Hi\n\n--\nBob\n", "", own, "Hi\n\n--\nBob\n"},
			"empty":               {"", "", own, ""},
		} {
			save := form(w.compose(api.ComposeQuestion{}))
			save.Fields.Text, save.Fields.Identity, save.WrittenAs = test.text, test.after, test.before
			for press := range 2 {
				saved := w.save(save)
				got := w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: saved.ID})
				if got.Fields.Text != test.want || got.Fields.Identity != test.after {
					t.Errorf("%s, press %d: %q as %q, not %q", name, press, got.Fields.Text, got.Fields.Identity, test.want)
				}
				save = form(got)
			}
		}
	})
}

// Who had no signature gets one where the settings say: above what is quoted or passed
// on, or at the end.
func TestASignatureAboveTheQuotation(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		w.corresponding()
		origin := w.asked()
		const signed, forwarded = "\n\n-- \nAna\nPhysics\n", "---------- Forwarded message ----------\nFrom: Bob\n\nTake two.\n"
		own, _ := w.identify(api.Settings{})
		none := w.keep(w.account, api.Change{Identity: &api.Identity{Name: "Nobody", Address: "ana+x@example.edu"}})[0]
		above := api.Settings{SignatureAboveQuote: true}
		below := above
		below.ReplyPosition = api.ReplyBelow
		for name, test := range map[string]struct {
			settings   api.Settings
			kind       api.ComposeKind
			text, want string
		}{
			"reply":             {above, api.ComposeReply, "\n" + quotation, signed + "\n" + quotation},
			"written":           {above, api.ComposeReplyAll, "I will.\n\n" + quotation, "I will." + signed + "\n" + quotation},
			"directly above":    {above, api.ComposeReplyList, "I will.\n" + quotation, "I will." + signed + "\n" + quotation},
			"no attribution":    {above, api.ComposeReply, "I will.\n> Take two.\n", "I will." + signed + "\n> Take two.\n"},
			"only quoted":       {above, api.ComposeReply, "> Take two.", signed + "\n> Take two."},
			"answers between":   {above, api.ComposeReply, quotation + "Two.\n> And socks?\nYes.\n", signed + "\n" + quotation + "Two.\n> And socks?\nYes.\n"},
			"nothing quoted":    {above, api.ComposeReply, "I will.\n", "I will." + signed},
			"forward":           {below, api.ComposeForward, "Look.\n\n" + forwarded, "Look." + signed + "\n" + forwarded},
			"signed forward":    {above, api.ComposeForward, "\n" + forwarded + "-- \nBob\n", signed + "\n" + forwarded + "-- \nBob\n"},
			"forward, attached": {above, api.ComposeForwardAttached, "Look.\n> x\n", "Look.\n> x" + signed},
			"new":               {above, "", "Look.\n> x\n", "Look.\n> x" + signed},
			"answer below":      {below, api.ComposeReply, quotation + "\nI will.\n", quotation + "\nI will." + signed},
			"at the end":        {api.Settings{}, api.ComposeReply, "I will.\n" + quotation, "I will.\n" + strings.TrimSuffix(quotation, "\n") + signed},
			"another signature": {above, api.ComposeReply, "I will.\n-- \nme\n" + quotation, "I will.\n-- \nme\n" + quotation},
		} {
			w.keep(w.account, api.Change{Settings: &test.settings})
			save := form(w.compose(api.ComposeQuestion{}))
			save.Fields.Text, save.Fields.Identity, save.WrittenAs = test.text, own, none
			if test.kind != "" {
				save.Origin = &api.Origin{Kind: test.kind, ID: origin}
			}
			if got := w.compose(api.ComposeQuestion{Kind: api.ComposeDraft, ID: w.save(save).ID}).Fields.Text; got != test.want {
				t.Errorf("%s: %q\nnot %q", name, got, test.want)
			}
		}
	})
}

func TestFindAddresses(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		a := w.keeping()
		list := w.keep(a,
			api.Change{Contact: &api.Contact{Name: "Okafor, Ben", Addresses: []string{"ben@example.edu", "ben@example.net"}, Organization: "Physics"}},
			api.Change{Contact: &api.Contact{Name: "Émilie", Addresses: []string{"emilie@example.edu"}}},
			api.Change{List: &api.ContactList{Name: "Seminar", Members: []string{"ben@example.net", "yuki@example.net"}}},
		)[2]
		if err := a.Collect(t.Context(), []api.Address{{Name: "Yuki", Email: "yuki@example.net"}, {Name: "B.", Email: "BEN@example.edu"}}); err != nil {
			t.Fatal(err)
		}
		b := w.keeping()
		find := func(question api.FindAddressesQuestion) *api.FindAddressesAnswer {
			t.Helper()
			answer, err := b.FindAddresses(t.Context(), &question)
			if err != nil {
				t.Fatal(err)
			}
			return answer
		}
		for text, want := range map[string][]api.FoundAddress{
			"x@example.edu, physics": {{ID: "ben@example.edu", Name: "Okafor, Ben", Address: "ben@example.edu"}, {ID: "ben@example.net", Name: "Okafor, Ben", Address: "ben@example.net"}},
			"SEMI":                   {{ID: list, Name: "Seminar", Members: 2}},
			"a@example.edu;\r\nyuki": {{ID: "yuki@example.net", Name: "Yuki", Address: "yuki@example.net"}},
			"ÉMILIE, nobody":         nil,
		} {
			if got := find(api.FindAddressesQuestion{Text: text}); !reflect.DeepEqual(got.Found, want) || got.More != 0 || got.Text != text {
				t.Errorf("%q finds %+v", text, got)
			}
		}
		if all := find(api.FindAddressesQuestion{Text: "x@example.edu, "}); len(all.Found) != 5 || all.Words != "" {
			t.Errorf("no words find %+v", all)
		}
		for name, test := range map[string]struct {
			question api.FindAddressesQuestion
			want     string
		}{
			"in place of the words": {api.FindAddressesQuestion{Text: "x@example.edu, okaf", Words: "okaf", Add: []string{"ben@example.edu"}}, `x@example.edu, "Okafor, Ben" <ben@example.edu>`},
			"to an empty field":     {api.FindAddressesQuestion{Add: []string{"yuki@example.net"}}, "Yuki <yuki@example.net>"},
			"behind what was typed": {api.FindAddressesQuestion{Text: "okaf, dora@example.org", Words: "okaf", Add: []string{"yuki@example.net"}}, "okaf, dora@example.org, Yuki <yuki@example.net>"},
			"a list":                {api.FindAddressesQuestion{Text: "semi", Words: "semi", Add: []string{list, "emilie@example.edu"}}, `"Okafor, Ben" <ben@example.net>, Yuki <yuki@example.net>, Émilie <emilie@example.edu>`},
			"what is there":         {api.FindAddressesQuestion{Text: "Y <YUKI@example.net>, semi", Words: "semi", Add: []string{list, list}}, `Y <YUKI@example.net>, "Okafor, Ben" <ben@example.net>`},
			"nothing of the kind":   {api.FindAddressesQuestion{Text: "a@example.edu", Words: "x", Add: []string{"gone", "a b@c", "a@b\r\nBcc: c@d", "<a@b>"}}, "a@example.edu"},
			"a stranger":            {api.FindAddressesQuestion{Add: []string{"dora@example.org"}}, "dora@example.org"},
			"odd text":              {api.FindAddressesQuestion{Text: "\"a\x00\xff", Words: "?", Add: []string{"dora@example.org"}}, "a �, dora@example.org"},
		} {
			if got := find(test.question).Text; got != test.want {
				t.Errorf("%s: %q, not %q", name, got, test.want)
			}
		}
	})
}

func TestFindingMany(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		a := w.keeping()
		var changes []api.Change
		var members []string
		for i := range 90 {
			address := fmt.Sprintf("p%d@example.edu", i)
			members = append(members, address)
			changes = append(changes, api.Change{Contact: &api.Contact{Name: fmt.Sprint("Person ", i), Addresses: []string{address}}})
		}
		list := w.keep(a, append(changes, api.Change{List: &api.ContactList{Name: "Everybody", Members: members}})...)[90]
		answer, err := a.FindAddresses(t.Context(), &api.FindAddressesQuestion{Text: "person"})
		if err != nil || len(answer.Found) != api.MaxFound || answer.More != 90-api.MaxFound {
			t.Errorf("found %d and %d more, %v", len(answer.Found), answer.More, err)
		}
		if answer, err := a.FindAddresses(t.Context(), &api.FindAddressesQuestion{Add: []string{list}}); err != nil || strings.Count(answer.Text, "@") != 90 {
			t.Errorf("the list: %v, %v", answer, err)
		}
		full := strings.Repeat("x@example.org, ", api.MaxRecipients-50)
		for name, question := range map[string]api.FindAddressesQuestion{
			"too many":  {Text: full, Add: []string{list}},
			"too long":  {Text: strings.Repeat("x", api.MaxDraftField-5), Add: []string{"p1@example.edu"}},
			"longer":    {Text: strings.Repeat("x", api.MaxDraftField+1)},
			"many more": {Add: make([]string, api.MaxRecipients+1)},
		} {
			if _, err := a.FindAddresses(t.Context(), &question); code(err) != api.CodeTooLarge {
				t.Errorf("%s: %v", name, err)
			}
		}
		if answer, err := w.account.FindAddresses(t.Context(), &api.FindAddressesQuestion{Text: "x"}); err != nil || len(answer.Found) > 0 {
			t.Errorf("where nothing is kept: %+v, %v", answer, err)
		}
	})
}

// What the server that sends refuses counts; what nobody was asked about does not.
func TestRefusedMessagesCount(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		for name, test := range map[string]struct {
			fail   submit.Kind
			refuse map[string]bool
			counts bool
		}{
			"refused": {fail: submit.Refused, counts: true}, "recipients": {refuse: map[string]bool{"bob@example.net": true}, counts: true},
			"login": {fail: submit.Authentication, counts: true}, "unclear": {fail: submit.Unclear, counts: true},
			"busy": {fail: submit.Busy}, "not sent": {fail: submit.NotSent},
		} {
			out := &outbox{fail: test.fail, refuse: test.refuse}
			w.account = w.writer(out, func(b *account.Backend, _ *account.Config) {
				b.Submission.Limiter = submit.NewLimiter(submit.Limits{Messages: 1, Recipients: 10})
			})
			try := func() api.SendReason {
				draft := form(w.compose(api.ComposeQuestion{Fields: api.DraftFields{To: "bob@example.net", Subject: name}}))
				return w.send(w.save(draft)).Reason
			}
			try()
			if second := try(); (second == api.ReasonLimit) != test.counts {
				t.Errorf("%s: the second message is answered %q", name, second)
			}
		}
	})
}
