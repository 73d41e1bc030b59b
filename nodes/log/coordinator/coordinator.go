// Package coordinator answers what those who look after groups and transactions of a log have in common: each is
// the server that leads one partition of an internal topic, works by what stands in that partition, and says
// nothing that its records do not hold.
//
// A coordinator is a core without input or output. Calls and the time go in; records to be appended and answers come
// out. An answer that rests on a record waits in the Ledger until that record is committed.
package coordinator

import (
	"time"
	"unicode/utf16"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
)

// Time is a reading of both clocks of a host. Timeouts go by the monotonic one; what is written down, and must mean
// the same to the next coordinator, by the wall.
type Time struct {
	Mark nodes.Instant
	Wall time.Time
}

// Millis is the wall clock as records have it: milliseconds since 1970.
func (t Time) Millis() int64 { return t.Wall.UnixMilli() }

// After is the time d later, if neither clock is stepped.
func (t Time) After(d time.Duration) Time { return Time{t.Mark.Add(d), t.Wall.Add(d)} }

// Never is a deadline that does not come.
const Never nodes.Instant = 1<<63 - 1

// Call is a request of a client that waits for its answer.
type Call struct {
	ID           uint64 // the driver's own, by which it knows the Answer
	Client, Host string // who asks, as its request says and as its connection does
	Request      kmsg.Request
}

// Answer is the response to a Call.
type Answer struct {
	ID       uint64
	Response kmsg.Response
}

// Partition is which partition of an internal topic with so many keeps a group or a transactional ID: that of
// Kafka's own brokers and clients, Java's hash of the name.
func Partition(name string, partitions int) int32 {
	var hash int32
	for _, unit := range utf16.Encode([]rune(name)) {
		hash = 31*hash + int32(unit)
	}
	return (hash & 0x7fffffff) % int32(partitions)
}
