package page

import (
	"embed"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales/active.*.json
var localeFiles embed.FS

// languages are offered in this order; the first is the default.
var languages = []string{"en", "de", "ar"}

// Languages returns the tags of the languages that pages come in. The first is
// the default.
func Languages() []string { return append([]string(nil), languages...) }

// maxAcceptLanguage bounds the header that Negotiate reads, in bytes; browsers
// send a few dozen.
const maxAcceptLanguage = 512

// Negotiate returns the offered language that fits an Accept-Language header
// best (RFC 9110 section 12.5.4), the default when none does.
func Negotiate(acceptLanguage string) string {
	if acceptLanguage == "" || len(acceptLanguage) > maxAcceptLanguage {
		return languages[0]
	}
	if known, ok := negotiated.Load(acceptLanguage); ok {
		return known.(string)
	}
	found := negotiate(acceptLanguage)
	if negotiatedSize.Add(1) <= maxNegotiated {
		negotiated.Store(acceptLanguage, found)
	}
	return found
}

// negotiated remembers what headers led to: browsers send few different ones, on
// every request. Those of somebody who sends many are not remembered.
var (
	negotiated     sync.Map // header to language
	negotiatedSize atomic.Int64
)

const maxNegotiated = 1000

func negotiate(acceptLanguage string) string {
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return languages[0]
	}
	_, index, confidence := matcher().Match(wanted...)
	if confidence == language.No {
		return languages[0]
	}
	return languages[index]
}

var matcher = sync.OnceValue(func() language.Matcher {
	tags := make([]language.Tag, len(languages))
	for i, name := range languages {
		tags[i] = language.MustParse(name)
	}
	return language.NewMatcher(tags)
})

// locale is a language with everything that pages need ready to use. It is
// never changed after loading.
type locale struct {
	words
	language  string
	direction string

	monthsShort, monthsLong []string
	daysShort, daysLong     []string
	weekNumbers             []string // and the word for the last one
}

// localeOf returns the locale of an offered language, else of the default one.
func localeOf(tag string) *locale {
	all := locales()
	if l, ok := all[tag]; ok {
		return l
	}
	return all[languages[0]]
}

// locales are loaded once. The files are part of the program and a test loads
// them, so one that does not load is a defect of the build.
var locales = sync.OnceValue(func() map[string]*locale {
	all := make(map[string]*locale, len(languages))
	for _, name := range languages {
		l, err := loadLocale(name)
		if err != nil {
			panic("page: " + err.Error())
		}
		all[name] = l
	}
	return all
})

func loadLocale(name string) (*locale, error) {
	path := "locales/active." + name + ".json"
	content, err := localeFiles.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := i18n.ParseMessageFileBytes(content, path, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	l := &locale{language: name, direction: "ltr"}
	if isRightToLeft(file.Tag) {
		l.direction = "rtl"
	}
	if err := l.words.load(file.Tag, file.Messages); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	l.monthsShort, l.monthsLong = strings.Fields(l.MonthsShort), strings.Fields(l.MonthsLong)
	l.daysShort, l.daysLong = strings.Fields(l.DaysShort), strings.Fields(l.DaysLong)
	l.weekNumbers = strings.Fields(l.WeekNumbers)
	if len(l.weekNumbers) != 6 || len(l.monthsShort) != 12 || len(l.monthsLong) != 12 || len(l.daysShort) != 7 || len(l.daysLong) != 7 {
		return nil, fmt.Errorf("%s: names of months, days or weeks are missing", path)
	}
	return l, nil
}

func isRightToLeft(tag language.Tag) bool {
	script, _ := tag.Script()
	switch script.String() {
	case "Arab", "Hebr", "Syrc", "Thaa", "Nkoo":
		return true
	}
	return false
}

// load fills every field from the message of its name. A missing message or one
// without a field is an error.
func (w *words) load(tag language.Tag, messages []*i18n.Message) error {
	fields := reflect.ValueOf(w).Elem()
	loaded := 0
	for _, m := range messages {
		field := fields.FieldByName(m.ID)
		if !field.IsValid() {
			return fmt.Errorf("message %s is not used", m.ID)
		}
		var err error
		switch target := field.Addr().Interface().(type) {
		case *string:
			*target = m.Other
		case *pattern:
			*target, err = compile(m.Other)
		case *counted:
			*target, err = compileCounted(tag, m)
		}
		if err == nil && m.Other == "" {
			err = fmt.Errorf("the form %q is missing", "other")
		}
		if err != nil {
			return fmt.Errorf("message %s: %w", m.ID, err)
		}
		loaded++
	}
	if loaded != fields.NumField() {
		for i := range fields.NumField() {
			if fields.Field(i).IsZero() {
				return fmt.Errorf("message %s is missing", fields.Type().Field(i).Name)
			}
		}
	}
	return nil
}
