package checks

import (
	"time"
)

// refHost is a machine with one process. Life counts its processes: what belongs to an earlier one is void.
type refHost struct {
	w       *refWorld
	name    string
	role    string
	life    int
	up      bool // the process runs
	machine bool
	paused  int
	waiting []func() // what a paused process will do
	start   func(life int)
	crashed func(machine bool) // what becomes of the disk
}

// on does something in the host's process, unless it has died by then; a paused one does it later.
func (h *refHost) on(d time.Duration, do func()) {
	life := h.life
	h.w.after(d, func() { h.now(life, do) })
}

func (h *refHost) now(life int, do func()) {
	switch {
	case !h.up || h.life != life:
	case h.paused > 0:
		h.waiting = append(h.waiting, func() { h.now(life, do) })
	default:
		do()
	}
}

func (h *refHost) resume() {
	if h.paused--; h.paused == 0 {
		todo := h.waiting
		h.waiting = nil
		for _, do := range todo {
			do()
		}
	}
}

func (h *refHost) boot() {
	h.machine, h.up = true, true
	h.life++
	h.start(h.life)
}

// die ends the process; with the machine, peers hear nothing.
func (h *refHost) die(machine bool) {
	if !h.up {
		return
	}
	h.up, h.waiting = false, nil
	if machine {
		h.machine = false
	}
	if h.crashed != nil {
		h.crashed(machine)
	}
	for _, c := range h.w.conns {
		if end := c.end(h); end != nil && !end.closed {
			if machine {
				end.closed, c.gone = true, true
			} else {
				c.close(h)
			}
		}
	}
}
