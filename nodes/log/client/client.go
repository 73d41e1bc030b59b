// Package client answers what those who use a partitioned log see of it: producers and consumers of the Kafka protocol, that
// follow where they are sent, try again, and note what they know of what came of it.
//
// A producer keeps to what idempotence asks for: a batch is sent again as it was, under the same number, until its fate is known; and where
// that stays unknown, what follows is sent by another producer's number, never under the same one. A consumer is a member of a group, or has its
// partitions given; it processes what it polls and says how far it has come after that (at-least-once), before (at-most-once), or in
// the transaction in which it writes what came of it (exactly-once).
//
// The history has what checkers of logs ask for: send (partition, key, value → partition, offset), txn (steps), poll (→ records, with a note
// "rebalance" where the partitions are others than before), seek; and grow, which adds partitions. A partition is named by its topic and number: orders-0.
package client

import (
	"errors"
	"fmt"
	"time"

	"simrun/nodes"
)

// Network is how a client speaks to brokers.
type Network struct {
	Servers    []nodes.NodeName `yaml:"servers" doc:"brokers to begin with; the others are learnt from them"`
	Timeout    time.Duration    `yaml:"timeout" doc:"how long an attempt may take; a broker that is silent for as long is dialled anew"`
	BackoffMin time.Duration    `yaml:"backoff-min" doc:"wait before the first new attempt to reach a broker, and before a retry; doubles"`
	BackoffMax time.Duration    `yaml:"backoff-max" doc:"longest such wait"`
	MaxAnswer  nodes.Bytes      `yaml:"max-answer" doc:"largest answer; a broker that claims more is dialled anew"`
}

func defaultNetwork() Network {
	return Network{Timeout: 2 * time.Second, BackoffMin: 50 * time.Millisecond, BackoffMax: time.Second, MaxAnswer: 64 << 20}
}

func (n *Network) validate() error {
	switch {
	case len(n.Servers) == 0:
		return errors.New("servers: a client needs a broker")
	case n.Timeout <= 0:
		return errors.New("timeout: must be positive")
	case n.BackoffMin <= 0 || n.BackoffMax < n.BackoffMin:
		return errors.New("backoff-min: must be positive and no more than backoff-max")
	case n.MaxAnswer < 1<<16 || n.MaxAnswer > 1<<30:
		return fmt.Errorf("max-answer: %s is not between 64KiB and 1GiB", n.MaxAnswer)
	}
	return nil
}

// least is an error if an option is less than it may be.
func least(name string, value, least int64) error {
	if value < least {
		return fmt.Errorf("%s: is less than %d", name, least)
	}
	return nil
}
