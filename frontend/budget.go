package frontend

import "sync"

const (
	// earnedByQuestion is how much of another try each question earns: in the long
	// run a tenth of the questions may be asked again, so that trouble does not
	// multiply the load that may have caused it.
	earnedByQuestion = 0.1
	// firstTries is what a frontend begins with, and mostTries what it may save: as
	// much as is under way when a node of a busy cluster goes.
	firstTries, mostTries = 200, 5000
)

// budget bounds how many questions are asked again.
type budget struct {
	mu    sync.Mutex // guards tries
	tries float64
}

// earn counts a question.
func (b *budget) earn() {
	b.mu.Lock()
	b.tries = min(b.tries+earnedByQuestion, mostTries)
	b.mu.Unlock()
}

// spend takes a try; false when there is none left.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tries < 1 {
		return false
	}
	b.tries--
	return true
}
