package imapconn

import (
	"slices"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// Mailbox is told everything that the server says of the selected mailbox, in
// its order, while a command or Idle waits. Sequence numbers are those of the
// moment: each Expunged moves the messages behind it up.
type Mailbox interface {
	// Exists tells how many messages there are; more than before are at the end.
	Exists(count uint32)
	// Expunged tells that a message is gone.
	Expunged(seqNum uint32)
	// Vanished tells that messages are gone by their UIDs: since the mailbox was
	// last seen, if earlier, or now (RFC 7162).
	Vanished(uids imap.UIDSet, earlier bool)
	// Flagged tells the flags of a message. The UID and the mod-sequence are 0 if
	// the server did not send them.
	Flagged(seqNum uint32, uid imap.UID, flags []imap.Flag, modSeq uint64)
}

// tellMailbox tells the mailbox that a response is about: from SELECT on, that
// is the one that is being selected. Until the server has begun to speak of that,
// what it says of messages is about the one before.
func (c *Conn) tellMailbox(response wire.Response) {
	mailbox := c.mailbox
	if len(c.flights) > 0 {
		selecting, ok := c.flights[0].command.(*Select)
		if _, counts := response.(*wire.Exists); ok && (counts || selecting.begun) {
			if mailbox = selecting.Mailbox; c.flights[0].abandoned {
				mailbox = nil
			}
		}
	}
	if mailbox == nil {
		mailbox = nobody{}
	}
	switch response := response.(type) {
	case *wire.Exists:
		mailbox.Exists(response.Count)
	case *wire.Expunge:
		mailbox.Expunged(response.SeqNum)
	case *wire.Vanished:
		mailbox.Vanished(response.UIDs, response.Earlier)
	case *wire.Fetch:
		for _, name := range response.Unknown {
			c.options.Strange("unknown item", name)
		}
		for _, name := range response.Broken {
			c.options.Strange("broken item", name)
		}
		flags := response.Flags
		if flags == nil && slices.Contains(response.Broken, "FLAGS") {
			flags = []imap.Flag{} // the message is there all the same
		}
		if flags == nil {
			return
		}
		mailbox.Flagged(response.SeqNum, response.UID, flags, response.ModSeq)
	default:
		return
	}
	c.news++
}

// nobody is told of a mailbox that nobody wants to hear of.
type nobody struct{}

func (nobody) Exists(uint32)                                 {}
func (nobody) Expunged(uint32)                               {}
func (nobody) Vanished(imap.UIDSet, bool)                    {}
func (nobody) Flagged(uint32, imap.UID, []imap.Flag, uint64) {}
