package settings

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"alphamail/node/api"
)

// Changed returns the fields that make changes of a document, as a document to be
// appended, and the ID of the record of each. Whether the changes make sense was
// checked. A record that is changed has been there: one that is not is an error
// with the code not_found.
func Changed(d Document, all []api.Change, operation string, now time.Time) (Document, []string, error) {
	c := newChanges(d, now)
	ids := make([]string, len(all))
	for i, one := range all {
		var err error
		if ids[i], err = c.change(one, newID(operation, i)); err != nil {
			return nil, nil, err
		}
	}
	return c.written, ids, nil
}

// newID is the ID of a new record. It is the same when the operation is repeated.
func newID(operation string, number int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", operation, number))
	return strings.ToLower(base32.HexEncoding.EncodeToString(sum[:10]))
}

func (c *changes) change(one api.Change, fresh string) (string, error) {
	switch {
	case one.Settings != nil:
		return "", c.fields(kindSetting, one.Settings)
	case one.Identity != nil:
		return c.record(api.RecordIdentity, one.Identity.ID, fresh, one.Identity)
	case one.Contact != nil:
		return c.record(api.RecordContact, one.Contact.ID, fresh, one.Contact)
	case one.List != nil:
		return c.record(api.RecordList, one.List.ID, fresh, one.List)
	case one.Search != nil:
		return c.record(api.RecordSearch, one.Search.ID, fresh, one.Search)
	case one.ImageSender != nil:
		return c.imageSender(*one.ImageSender)
	case one.Delete != nil:
		id := one.Delete.ID
		if one.Delete.Kind == api.RecordImageSender {
			id = strings.ToLower(id)
		}
		c.delete(string(one.Delete.Kind) + "/" + id)
		return one.Delete.ID, nil
	}
	return "", api.NewError(api.CodeInvalid, "There is nothing to change.", nil)
}

// imageSender adds somebody whose images are shown, unless that is so already.
func (c *changes) imageSender(one api.ImageSender) (string, error) {
	address := strings.ToLower(one.Address)
	name := kindImageSender + "/" + address
	if known, ok := c.known[name]; ok && !known.deleted() {
		return address, nil
	}
	one.Added = time.UnixMilli(c.now).UTC().Truncate(time.Second)
	value, err := marshal(one)
	if err != nil {
		return "", err
	}
	c.set(name, value)
	return address, nil
}

// record writes a record, new or not.
func (c *changes) record(kind api.RecordKind, id, fresh string, value any) (string, error) {
	isNew := id == ""
	if isNew {
		id = fresh
	}
	name := string(kind) + "/" + id
	mark, known := c.known[name]
	switch {
	case known && mark.deleted():
		return "", api.NewError(api.CodeNotFound, "It has been deleted.", nil)
	case !known && !isNew && !(kind == api.RecordIdentity && id == api.OwnIdentity):
		return "", api.NewError(api.CodeNotFound, "It is not there any more.", nil)
	case !known:
		c.set(name, json.RawMessage("true"))
	}
	return id, c.fields(name, value)
}

// fields writes the fields of a value, and deletes those that it leaves empty.
func (c *changes) fields(name string, value any) error {
	encoded, err := marshal(value)
	if err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(encoded, &fields); err != nil {
		return err
	}
	for _, part := range partsOf(value) {
		c.set(name+"/"+part, fields[part])
	}
	return nil
}

// delete leaves tombstones for a record and all of its fields.
func (c *changes) delete(name string) {
	for known := range c.known {
		if known == name || strings.HasPrefix(known, name+"/") {
			c.set(known, nil)
		}
	}
}

// Collect returns the fields that remember that a user wrote to addresses, which
// have at most 320 bytes.
func Collect(d Document, used []api.Address, now time.Time) (Document, error) {
	c := newChanges(d, now)
	for _, address := range used {
		name := kindAddress + "/" + strings.ToLower(address.Email)
		one := api.CollectedAddress{}
		if known := d[name]; !known.deleted() {
			_ = json.Unmarshal(known.Value, &one) // what cannot be read is written anew
		}
		if address.Name != "" {
			one.Name = address.Name
		}
		one.Used, one.Times = now.UTC().Truncate(time.Second), one.Times+1
		value, err := marshal(one)
		if err != nil {
			return nil, err
		}
		c.set(name, value)
	}
	return c.written, nil
}

// marshal writes compact JSON that stays as it is, byte for byte, when it is
// copied.
func marshal(value any) (json.RawMessage, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return json.RawMessage(strings.TrimSuffix(text.String(), "\n")), nil
}

// partsOf returns the names under which the fields of a struct are kept, a pointer
// to which is given.
func partsOf(value any) []string {
	kind := reflect.TypeOf(value).Elem()
	parts := make([]string, 0, kind.NumField())
	for i := range kind.NumField() {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		if name != "" && name != "-" {
			parts = append(parts, name)
		}
	}
	return parts
}
