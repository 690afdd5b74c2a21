// Package settings keeps what belongs to a user and is no mail, settings,
// identities, saved searches and the address book, as messages in one folder of
// the user's own IMAP store, so that nothing of a user lives on a node.
//
// All of it is one flat Document: fields with a name, a value and the time when
// they were written. Each message of the folder holds some fields. To write is
// to append one message with the fields that changed. To read is to fetch all
// messages and to merge them: the last writer wins, field by field. A field that
// was deleted stays as a tombstone, a time without a value. Merge is commutative,
// associative and idempotent, so neither the order of messages nor one that is
// there twice makes a difference, and two writers lose nothing of each other.
//
// When there are more than a few messages, Folder.Compact appends the merged
// whole first and then removes exactly the messages that it has merged. Whatever
// ends in between leaves each field in one message at least.
//
// A message that cannot be understood completely, because somebody else put it
// there, it is damaged, or a later version wrote it in another way, is neither
// merged nor removed. Fields that this version does not know are kept.
//
// Names of fields:
//
//	setting/{name}            a setting
//	{kind}/{id}               a record exists: an identity, contact, list or search
//	{kind}/{id}/{name}        a field of it
//	address/{address}         a collected address
//	image_sender/{address}    somebody whose remote images are always shown
//	job/{id}                  a long job
//
// A record whose first field is deleted is gone, whatever else is there: who
// deletes wins over who changes, and an id is never used again.
package settings
