package account

import (
	"strings"

	"alphamail/node/api"
	"alphamail/node/settings"
)

// imagesOf tells whether the user always wants the images of the sender of a
// message. That holds only where the receiving host proved that the message comes
// from the sender's domain: anybody can write the address of somebody else, and
// would learn from the images that the message was opened.
func (a *Account) imagesOf(answer *api.MessageAnswer) api.SenderImages {
	senders := a.kept.imageSenders.Load()
	if senders == nil || len(answer.From) != 1 || !settings.Addressable(answer.From[0].Email) {
		return api.ImagesUnknown
	}
	chosen := (*senders)[strings.ToLower(answer.From[0].Email)]
	proven := answer.Checked != nil && answer.Checked.Result == api.CheckPassed
	switch {
	case chosen && proven:
		return api.ImagesOfSender
	case chosen:
		return api.ImagesUnproven
	case proven:
		return api.ImagesOffered
	}
	return api.ImagesUnknown
}
