// Package load drives simulated users and times what they wait for.
//
// The load is open: when a session begins, and when each of its clicks is
// meant to be made, is drawn beforehand and does not depend on how quickly the
// server answers. A click counts from its intended moment, however long the
// session's previous click kept it back. So a server that stalls is charged for
// everybody who would have clicked meanwhile, which a generator that waits for
// an answer before it asks again leaves out ("coordinated omission").
//
// The closed mode does wait. It finds the highest throughput, and its latencies
// are no promise to anybody; results carry the mode's name.
//
// The generator watches itself. The send lag of a click is the time between the
// moment when it could have been sent and when it was; a run whose lag is not
// small against its objective measured the generator, and says that it is not
// valid.
//
// A user who thinks is an entry of a heap; a goroutine exists only while a click
// is under way.
package load
