package wire

import (
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// NeedsCharset reports whether criteria hold text beyond ASCII, for which a
// server that was not told otherwise wants CHARSET UTF-8 (RFC 9051 section
// 6.4.4). After UTF8=ACCEPT it must not be given (RFC 6855 section 3).
func NeedsCharset(criteria *imap.SearchCriteria) bool {
	beyond := func(texts ...string) bool {
		for _, text := range texts {
			if strings.ContainsFunc(text, func(char rune) bool { return char >= 0x80 }) {
				return true
			}
		}
		return false
	}
	if beyond(criteria.Body...) || beyond(criteria.Text...) {
		return true
	}
	for _, header := range criteria.Header {
		if beyond(header.Value) {
			return true
		}
	}
	for i := range criteria.Not {
		if NeedsCharset(&criteria.Not[i]) {
			return true
		}
	}
	for i := range criteria.Or {
		if NeedsCharset(&criteria.Or[i][0]) || NeedsCharset(&criteria.Or[i][1]) {
			return true
		}
	}
	return false
}

// Criteria writes search criteria; ALL if there are none.
func (e *Encoder) Criteria(criteria *imap.SearchCriteria) {
	w := &criteriaWriter{encoder: e}
	for _, set := range criteria.SeqNum {
		w.key(set.String())
	}
	for _, set := range criteria.UID {
		w.key("UID " + set.String())
	}
	w.dates(criteria)
	for _, header := range criteria.Header {
		w.header(header)
	}
	for _, text := range criteria.Body {
		w.text("BODY ", text)
	}
	for _, text := range criteria.Text {
		w.text("TEXT ", text)
	}
	for _, flag := range criteria.Flag {
		w.flag("", flag)
	}
	for _, flag := range criteria.NotFlag {
		w.flag("UN", flag)
	}
	if criteria.Larger > 0 {
		w.key("LARGER ")
		e.Number(uint64(criteria.Larger))
	}
	if criteria.Smaller > 0 {
		w.key("SMALLER ")
		e.Number(uint64(criteria.Smaller))
	}
	if criteria.ModSeq != nil {
		w.key("MODSEQ ")
		e.Number(criteria.ModSeq.ModSeq)
	}
	for i := range criteria.Not {
		w.key("NOT ")
		w.group(&criteria.Not[i])
	}
	for i := range criteria.Or {
		w.key("OR ")
		w.group(&criteria.Or[i][0])
		e.Raw(" ")
		w.group(&criteria.Or[i][1])
	}
	if !w.written {
		e.Raw("ALL")
	}
}

// criteriaWriter puts spaces between keys.
type criteriaWriter struct {
	encoder *Encoder
	written bool
}

func (w *criteriaWriter) key(key string) {
	if w.written {
		w.encoder.Raw(" ")
	}
	w.written = true
	w.encoder.Raw(key)
}

func (w *criteriaWriter) text(key, text string) {
	w.key(key)
	w.encoder.String(text)
}

func (w *criteriaWriter) group(criteria *imap.SearchCriteria) {
	w.encoder.Raw("(")
	w.encoder.Criteria(criteria)
	w.encoder.Raw(")")
}

func (w *criteriaWriter) dates(criteria *imap.SearchCriteria) {
	for _, one := range []struct {
		key  string
		date time.Time
	}{
		{"SINCE ", criteria.Since}, {"BEFORE ", criteria.Before}, {"SENTSINCE ", criteria.SentSince}, {"SENTBEFORE ", criteria.SentBefore},
	} {
		if !one.date.IsZero() {
			w.key(one.key + one.date.Format("2-Jan-2006"))
		}
	}
}

// header writes the keys that have names of their own without HEADER, which
// servers answer from their indexes.
func (w *criteriaWriter) header(header imap.SearchCriteriaHeaderField) {
	switch name := strings.ToUpper(header.Key); name {
	case "BCC", "CC", "FROM", "SUBJECT", "TO":
		w.text(name+" ", header.Value)
	default:
		w.key("HEADER ")
		w.encoder.String(header.Key)
		w.encoder.Raw(" ")
		w.encoder.String(header.Value)
	}
}

// flag writes the key of a flag; negation is UN, as in UNSEEN and UNKEYWORD.
func (w *criteriaWriter) flag(negation string, flag imap.Flag) {
	switch name := strings.ToUpper(strings.TrimPrefix(string(flag), `\`)); {
	case strings.HasPrefix(string(flag), `\`) && !strings.ContainsAny(name, " (){%*\"\\\r\n"):
		w.key(negation + name)
	case !strings.ContainsAny(string(flag), " (){%*\"\\\r\n"):
		w.key(negation + "KEYWORD " + string(flag))
	}
}
