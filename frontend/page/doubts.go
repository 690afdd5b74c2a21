package page

import "alphamail/node/api"

// doubt says what is doubtful about a sender; empty for a kind of a later
// version.
func (l *locale) doubt(d *api.Doubt) phrase {
	values := []string{"Shown", d.Shown, "True", d.True}
	switch d.Kind {
	case api.DoubtName:
		return phrase{l.DoubtName, values}
	case api.DoubtLetters:
		return phrase{l.DoubtLetters, values}
	case api.DoubtReply:
		return phrase{l.DoubtReply, values}
	case api.DoubtSender:
		return phrase{l.DoubtSender, values}
	case api.DoubtSeveral:
		return phrase{pattern{{text: l.DoubtSeveral}}, nil}
	case api.DoubtNobody:
		return phrase{pattern{{text: l.DoubtNobody}}, nil}
	}
	return phrase{}
}

// doubtField names the field that a doubt is about, where that is not the
// author.
func (l *locale) doubtField(d *api.Doubt) string {
	if d.Kind != api.DoubtName && d.Kind != api.DoubtLetters {
		return ""
	}
	switch d.Field {
	case "Sender":
		return l.SenderLabel
	case "Reply-To":
		return l.ReplyToLabel
	}
	return ""
}

// pretends tells a doubt that somebody seems to pretend to be somebody else from
// what is usual in lists and newsletters.
func pretends(d *api.Doubt) bool {
	return d.Kind != api.DoubtReply && d.Kind != api.DoubtSender
}
