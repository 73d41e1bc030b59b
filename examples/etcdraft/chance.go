package main

import (
	"crypto/rand" //simvet:allow the library draws election timeouts from it, and has no other way to be given chance
	"encoding/binary"
	"io"
	mathrand "math/rand/v2"
	"sync"        //simvet:allow several worlds run side by side, and crypto/rand is one for all of them
	"sync/atomic" //simvet:allow others may read crypto/rand meanwhile
)

// chance is crypto/rand.Reader with a hole in it: what is read while a host has lent its own randomness comes from there. All
// calls into the library are made within lend, and none of them gives way; so each draw is the host's whose server makes
// it, however many worlds there are in the process, and one seed is one run.
//
// A call that did not return would hold up the other worlds of its process as well; the watchdog of each says so. Whoever else
// reads crypto/rand at such a moment, in another goroutine, gets what is none, and takes it from the host: a
// program that does has to run worlds in processes of their own.
type chance struct {
	turn  sync.Mutex
	lent  atomic.Pointer[mathrand.Rand]
	other io.Reader
}

var luck = &chance{other: rand.Reader}

func init() { rand.Reader = luck }

// lend makes crypto/rand a host's as long as f lasts. It is not for calls within f.
func (c *chance) lend(host *mathrand.Rand, f func()) {
	c.turn.Lock()
	defer c.turn.Unlock()
	c.lent.Store(host)
	defer c.lent.Store(nil)
	f()
}

// Read is io.Reader's. A host gives one draw for up to eight bytes.
func (c *chance) Read(b []byte) (int, error) {
	host := c.lent.Load()
	if host == nil {
		return c.other.Read(b)
	}
	var draw [8]byte
	for n := 0; n < len(b); n += len(draw) {
		binary.LittleEndian.PutUint64(draw[:], host.Uint64())
		copy(b[n:], draw[:])
	}
	return len(b), nil
}
