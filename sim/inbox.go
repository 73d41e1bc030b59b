package sim

import (
	"io"
	"slices"

	"simrun/nodes"
)

// inbox holds the requests of the workload that a client has not taken yet.
type inbox struct {
	requests []nodes.Request
	waiting  []*task
}

// Ask hands a request to the host's process. It says whether there was one to hear it: who is dark or
// dead asks for nothing.
func (h *Host) Ask(r nodes.Request) bool {
	if h.life == nil || h.paused() {
		return false
	}
	h.inbox.requests = append(h.inbox.requests, r)
	h.wakeInbox()
	return true
}

func (h *Host) wakeInbox() {
	for _, t := range h.inbox.waiting {
		h.world.wake(t)
	}
	h.inbox.waiting = h.inbox.waiting[:0]
}

func (e *env) Next() (nodes.Request, error) {
	t := e.life.current()
	in := &e.life.host.inbox
	for {
		if err := t.interrupted(); err != nil {
			return nodes.Request{}, err
		}
		if len(in.requests) > 0 {
			r := in.requests[0]
			in.requests = slices.Delete(in.requests, 0, 1)
			return r, nil
		}
		if e.life.stopping {
			return nodes.Request{}, io.EOF
		}
		if !slices.Contains(in.waiting, t) {
			in.waiting = append(in.waiting, t)
		}
		t.park()
	}
}
