package disk

import (
	"fmt"
	"strconv"
	"strings"

	"simrun/nodes"
	"simrun/sim/luck"
)

// Trial is a script whose recovery is to be tried after every crash that could strike it.
//
// The recovery runs while the script stands still at the moment of the crash, so that it can look at
// what the script has been promised until then, such as the records whose Sync has returned.
type Trial struct {
	// Before, if not nil, makes what was there before; all of it is durable.
	Before func(f nodes.FS) error
	// Faults, if not nil, brings faults on before the script begins.
	Faults func(d *Disk)
	// Script is what is interrupted.
	Script func(f nodes.FS) error
	// Recover finds what a crash left, and returns an error if that breaks a promise. It must leave what
	// the script knows as it is.
	Recover func(f nodes.FS) error
	// Twice interrupts the recovery too, after every crash, and lets it begin again.
	Twice bool
	// Limit is how many crashes are tried at one moment. Zero means 4,096; where there are
	// more, they are drawn.
	Limit   int
	Options Options
	Seed    luck.Seed
}

// Tally is what a trial tried.
type Tally struct {
	Moments   int // at which a crash was tried: before and after each operation that changes the disk
	Crashes   int // recoveries that ran
	Truncated int // moments of which not every crash was tried
}

func (t Tally) String() string {
	return fmt.Sprintf("%d crashes at %d moments, %d of them not tried in full", t.Crashes, t.Moments, t.Truncated)
}

// Broken is a crash after which the recovery failed.
type Broken struct {
	Moment string // "before sync journal"
	Again  string // the moment of the recovery that was interrupted too, if one was
	Files  string // what the crash left, as Dump has it
	Err    error  // what the recovery said
}

func (b *Broken) Error() string {
	again := ""
	if b.Again != "" {
		again = ", and again " + b.Again + " of the recovery"
	}
	return fmt.Sprintf("after a crash %s%s: %v\nthe crash left:\n%s", b.Moment, again, b.Err,
		strings.TrimSuffix(b.Files, "\n"))
}

func (b *Broken) Unwrap() error { return b.Err }

// EveryCrash runs the script once and, before and after each of its operations that change the disk, the
// recovery on every disk that a loss of the cache could leave then. The error is a *Broken for the
// first crash after which the recovery failed, or what Before or Script returned.
func EveryCrash(t Trial) (Tally, error) {
	if t.Limit <= 0 {
		t.Limit = 4096
	}
	d := New(t.Seed.Stream("trial", "disk"), t.Options)
	if t.Before != nil {
		if err := t.Before(FS(d)); err != nil {
			return Tally{}, fmt.Errorf("before the script: %w", err)
		}
		d.Flush()
	}
	if t.Faults != nil {
		t.Faults(d)
	}
	r := &trying{Trial: t}
	err := r.interrupted(d, t.Script, func(moment string) error { return r.crash(d, moment) })
	if err == nil {
		err = r.crash(d, "after the script")
	}
	return r.tally, err
}

// trying is a trial under way.
type trying struct {
	Trial
	tally  Tally
	broken error
}

// interrupted runs a script on a disk and calls crash around each operation that changes it, until that
// finds something.
func (r *trying) interrupted(d *Disk, script func(nodes.FS) error, crash func(moment string) error) error {
	p, err := d.Process(".")
	if err != nil {
		return err
	}
	around := func(when string) func(*Op) {
		return func(o *Op) {
			if r.broken == nil && o.Kind.Changes() {
				r.broken = crash(when + " " + o.String())
			}
		}
	}
	err = script(view{p, &interrupter{before: around("before")}, around("after")})
	if r.broken != nil {
		return r.broken
	}
	return err
}

// interrupter is a Waiter that looks at each operation before it is finished.
type interrupter struct {
	instant
	before func(*Op)
}

func (w *interrupter) Wait(o *Op) error {
	w.before(o)
	return w.instant.Wait(o)
}

// crash tries every crash at one moment of the script.
func (r *trying) crash(d *Disk, moment string) error {
	r.tally.Moments++
	return r.each(d, r.Seed.Stream("trial", "crash", strconv.Itoa(r.tally.Moments)), func(left *Disk) error {
		return r.recover(left, moment)
	})
}

// each calls f with every disk that a crash could leave, those with the same contents once, until f finds something.
func (r *trying) each(d *Disk, stream luck.Stream, f func(left *Disk) error) error {
	if d.CrashWays(r.Limit) > uint64(r.Limit) {
		r.tally.Truncated++
	}
	tried := map[uint64]bool{}
	for left := range d.Crashes(r.Limit, stream) {
		contents := left.Fingerprint()
		if tried[contents] {
			continue
		}
		tried[contents] = true
		if err := f(left); err != nil {
			if b, ok := err.(*Broken); ok && b.Files == "" {
				b.Files = r.dump(d, stream, contents)
			}
			return err
		}
	}
	return nil
}

// dump is what a crash left that has these contents. The recovery has changed the disk since, and most crashes have nothing to
// tell, so it is had again.
func (r *trying) dump(d *Disk, stream luck.Stream, contents uint64) string {
	for left := range d.Crashes(r.Limit, stream) {
		if left.Fingerprint() == contents {
			return left.Dump()
		}
	}
	panic("disk: crashes of one disk are others the second time")
}

// recover tries the recovery after one crash.
func (r *trying) recover(c *Disk, moment string) error {
	r.tally.Crashes++
	if !r.Twice {
		if err := r.Recover(FS(c)); err != nil {
			return &Broken{Moment: moment, Err: err}
		}
		return nil
	}
	err := r.interrupted(c, r.Recover, func(again string) error { return r.crashAgain(c, moment, again) })
	if _, told := err.(*Broken); err != nil && !told {
		err = &Broken{Moment: moment, Err: err}
	}
	return err
}

// crashAgain tries every crash at one moment of a recovery.
func (r *trying) crashAgain(c *Disk, moment, again string) error {
	return r.each(c, r.Seed.Stream("trial", "crash", strconv.Itoa(r.tally.Moments), again), func(left *Disk) error {
		r.tally.Crashes++
		if err := r.Recover(FS(left)); err != nil {
			return &Broken{Moment: moment, Again: again, Err: err}
		}
		return nil
	})
}
