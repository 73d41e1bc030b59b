// Package plain is no node: it does not import simrun/nodes.
package plain

import "time"

func now() time.Time { go now(); return time.Now() }
