package page

import (
	"cmp"
	"slices"

	"alphamail/node/api"
)

// quotaWords say how much of a quota is used.
func (l *locale) quotaWords(q api.Quota) string {
	if q.Resource == api.QuotaMessages {
		return l.QuotaMessages.form(int(q.Limit)).fill("Used", l.number(int(q.Used)), "Count", l.number(int(q.Limit)))
	}
	return l.QuotaStorage.fill("Used", l.size(q.Used), "Limit", l.size(q.Limit))
}

func quotaPercent(q api.Quota) int {
	return int(min(100, max(0, float64(q.Used)*100/float64(max(1, q.Limit)))))
}

// sortedSizes are the sizes of folders, the largest first.
func sortedSizes(sizes []api.FolderSize) []api.FolderSize {
	return slices.SortedStableFunc(slices.Values(sizes), func(a, b api.FolderSize) int { return cmp.Compare(b.Bytes, a.Bytes) })
}
