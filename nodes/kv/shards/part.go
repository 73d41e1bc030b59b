package shards

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"simrun/nodes"
)

// Part is what a server's configuration says of its group's part in a cluster of several.
type Part struct {
	Slots     string           `yaml:"slots" doc:"hash slots that the group begins with, such as 0-8191, or none, where there are several groups; if empty it keeps all, for ever"`
	Others    []nodes.NodeName `yaml:"others" doc:"servers of other groups to hear from who owns which slots, some of each"`
	Poll      time.Duration    `yaml:"poll" doc:"how often each of these is asked"`
	Parcel    nodes.Bytes      `yaml:"parcel" doc:"about how much of a slot goes to another group at a time"`
	BatchKeys int              `yaml:"batch-keys" doc:"most keys that are handed over together, unless one slot alone has more"`
}

// DefaultPart is all there is.
func DefaultPart() Part { return Part{Poll: time.Second, Parcel: 256 << 10, BatchKeys: 10_000} }

// Validate says what cannot be meant of a group of that name.
func (p *Part) Validate(group string) error {
	if p.Slots == "" && len(p.Others) > 0 {
		return errors.New("slots: must say with which slots a group begins that is not alone; none, for none")
	}
	options := p.Options(group, 0)
	if err := options.Validate(); err != nil {
		return fmt.Errorf("cluster, slots: %w", err)
	}
	return cmp.Or(
		nodes.AtLeast("poll", p.Poll, time.Millisecond),
		nodes.Between("parcel", p.Parcel, 1, 16<<20),
		nodes.AtLeast("batch-keys", p.BatchKeys, 1),
	)
}

// Options are those of a shard of that group, which waits so long for an answer of another group.
func (p *Part) Options(group string, patience time.Duration) Options {
	if p.Slots == "" {
		return Options{}
	}
	return Options{Group: group, Slots: p.Slots, Others: nodes.Addresses(p.Others, "6379"), Poll: p.Poll, Patience: patience,
		ParcelBytes: p.Parcel, BatchKeys: p.BatchKeys}
}
