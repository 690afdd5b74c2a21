// Package mailgen writes believable campus mail, the same bytes every time for
// the same seed and clock: course mail, letters, newsletters, mailing lists,
// threads across INBOX and Sent, attachments, forwards, delivery reports and a
// little broken mail, in a dozen and a half languages and the legacy charsets
// in which their mail still arrives.
//
// The distributions, chosen to resemble a university mailbox:
//
//   - Kinds of new messages, in percent: plain text 40, text with an HTML
//     alternative 18, with attachments 12, newsletter 10, mailing list 9,
//     with images inside the HTML 3, forwarded as an attachment 3,
//     invitation 2, delivery report 1, malformed 2.
//   - Half of all messages are English; the rest is spread evenly.
//   - Body text is log-normal: median 900 bytes, sigma 0.8, at most 30 KiB.
//   - One attachment, sometimes two or three; sizes are log-normal: median
//     24 KiB, sigma 1.1, at most 512 KiB.
//   - Three of ten messages in INBOX answer an earlier one. The owner answers
//     three of twenty letters; the answers are in Sent.
//   - Ages reach back to 540 days and grow denser towards the present.
//   - Unread: 35 % of the last three days, 10 % of the last month, 2 % before.
//     Flagged: 4 %.
//
// The newest messages of INBOX are hand-written, so that a first look at a
// demonstration mailbox shows something worth looking at. Every address is
// under example.edu, example.net or example.org.
package mailgen
