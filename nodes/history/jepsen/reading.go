package jepsen

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"simrun/nodes/history"
)

// reading makes a history of one line after another.
type reading struct {
	options Options
	h       *history.History
	places  []Place
	lines   int
	end     history.Time // the latest time of any line
	ended   bool         // the file says when the run ended

	// Files of this project: operations by host and id, and the weather by id.
	byID    map[string]map[uint64]*history.Operation
	twice   bool // two hosts gave the same id
	weather map[uint64]weather
	// Files of Jepsen: what each process is at, and the time and the index of the line before.
	own      bool
	at       map[int64]*underWay
	hosts    map[int64]string
	timed    bool
	before   history.Time
	index    int
	nemesis  nemesis
	room     []history.Operation
	lastNode string
	lastByID map[uint64]*history.Operation
}

// underWay is an operation whose completion may still come.
type underWay struct {
	*history.Operation
	line  int
	keyed bool // its value was a pair of a key and a value
}

// weather is where to write the end of a Down or an Impairment.
type weather struct {
	down bool
	of   int
}

func newReading(options Options) *reading {
	return &reading{options: options, h: &history.History{Notes: map[string][]history.Note{}, Sometimes: map[string]history.Time{}},
		byID: map[string]map[uint64]*history.Operation{}, weather: map[uint64]weather{},
		at: map[int64]*underWay{}, hosts: map[int64]string{}}
}

// linesEach is how many lines a file may have for each operation that it may have: what is noted and gauged counts too.
const linesEach = 10

// take takes in one line.
func (r *reading) take(e *entry) error {
	if e.has&hasIndex == 0 {
		e.index = r.lines
	}
	if r.lines++; r.lines > linesEach*r.options.Operations {
		return fmt.Errorf("there are more than %d lines", linesEach*r.options.Operations)
	}
	switch {
	case e.who == "setup":
		return r.setup(e)
	case e.who == "nemesis" && e.id != 0:
		r.clock(e)
		return r.weatherLine(e)
	case e.kind == "":
		return errors.New("the operation has no type: invoke, ok, fail or info")
	case e.kind == Gauge || e.kind == Sometimes || e.kind == Note:
		r.clock(e)
		return r.moment(e)
	case e.kind != Invoke && e.kind != Ok && e.kind != Fail && e.kind != Info:
		return fmt.Errorf("there is no type %q: an operation is invoke, ok, fail or info", e.kind)
	case e.has&hasProcess == 0:
		return errors.New("the operation has no process")
	case e.id != 0:
		r.clock(e)
		return r.byItsID(e)
	}
	if err := r.orderly(e); err != nil {
		return err
	}
	if e.who != "" {
		r.nemesis.take(r.h, e)
		return nil
	}
	return r.byProcess(e)
}

// clock takes note of a time.
func (r *reading) clock(e *entry) { r.end = max(r.end, e.time) }

// orderly gives a line of Jepsen's the time that goes with its place among the others.
func (r *reading) orderly(e *entry) error {
	timed := e.has&hasTime != 0
	switch {
	case !r.own && len(r.byID) > 0:
		return errors.New("the operation has no id, though others have one")
	case r.own && timed != r.timed:
		return errors.New("some operations have a time, and some have none")
	case !timed && r.own && e.index <= r.index:
		return fmt.Errorf("index %d comes after index %d, and there are no times to tell the order", e.index, r.index)
	}
	switch {
	case !timed:
		e.time = r.before + 1
		if !r.own {
			e.time = 0
		}
	case r.own && r.options.Epsilon == 0:
		e.time = max(e.time, r.before+1)
	}
	r.own, r.timed, r.before, r.index = true, timed, e.time, e.index
	r.clock(e)
	return nil
}

// byItsID takes in a line of an operation with an id.
func (r *reading) byItsID(e *entry) error {
	if r.own {
		return errors.New("the operation has an id, though others have none")
	}
	if e.has&hasTime == 0 {
		return errors.New("the operation has no time")
	}
	all := r.of(e.node)
	o := all[e.id]
	if e.kind == Invoke {
		if o != nil {
			return fmt.Errorf("operation %d begins twice", e.id)
		}
		o, err := r.open(e)
		if err != nil {
			return err
		}
		o.Host, o.Parent = e.node, e.parent
		all[e.id] = o
		return nil
	}
	if o == nil {
		return fmt.Errorf("operation %d ends, but never began", e.id)
	}
	return complete(o, e)
}

// of is the operations of a host.
func (r *reading) of(node string) map[uint64]*history.Operation {
	if r.lastByID != nil && r.lastNode == node {
		return r.lastByID
	}
	all := r.byID[node]
	if all == nil {
		all = map[uint64]*history.Operation{}
		r.byID[node] = all
	}
	r.lastNode, r.lastByID = node, all
	return all
}

// byProcess takes in a line of Jepsen's own.
func (r *reading) byProcess(e *entry) error {
	under := r.at[e.process]
	if e.kind == Invoke {
		if under != nil {
			return fmt.Errorf("process %d begins %s, though its %s of line %d has not ended", e.process, e.f, under.Kind, under.line)
		}
		e.id = uint64(r.lines)
		keyed := r.options.Keyed && attrOf(e.attrs, "key").Equal(slog.Value{})
		if err := e.spread(keyed); err != nil {
			return err
		}
		o, err := r.open(e)
		if err != nil {
			return err
		}
		o.Host = r.host(e.process)
		r.at[e.process] = &underWay{o, e.line, keyed}
		return nil
	}
	if under == nil {
		return fmt.Errorf("process %d ends %s, but is at nothing", e.process, e.f)
	}
	delete(r.at, e.process)
	if err := e.spread(under.keyed); err != nil {
		return err
	}
	if err := complete(under.Operation, e); err != nil {
		return fmt.Errorf("%w (it began in line %d)", err, under.line)
	}
	return nil
}

// host is the name of a process as a client, which it gets with its first operation.
func (r *reading) host(process int64) string {
	name, known := r.hosts[process]
	if !known {
		name = "process " + strconv.FormatInt(process, 10)
		r.hosts[process] = name
		r.h.Hosts = append(r.h.Hosts, history.Host{Name: name, Node: "process", Role: "client"})
	}
	return name
}

// slab is how many operations are made at once.
const slab = 1024

func (r *reading) open(e *entry) (*history.Operation, error) {
	if len(r.h.Operations) == r.options.Operations {
		return nil, fmt.Errorf("there are more than %d operations", r.options.Operations)
	}
	if len(r.room) == 0 {
		r.room = make([]history.Operation, slab)
	}
	o := &r.room[0]
	r.room = r.room[1:]
	*o = history.Operation{ID: e.id, Request: e.request, Kind: e.f, In: e.attrs, Call: e.time, Return: history.Never}
	r.h.Operations = append(r.h.Operations, o)
	r.places = append(r.places, Place{ID: e.id, Line: e.line, Index: e.index})
	return o, nil
}

func complete(o *history.Operation, e *entry) error {
	switch {
	case o.Outcome != history.Pending:
		return fmt.Errorf("operation %d ends twice", o.ID)
	case e.f != o.Kind && e.f != "":
		return fmt.Errorf("%s ends what began as %s", e, cmp.Or(o.Kind, "nothing"))
	case e.time < o.Call:
		return fmt.Errorf("%s ends before it began", e)
	}
	o.Return, o.Out, o.Reason = e.time, e.attrs, e.err
	switch e.kind {
	case Ok:
		o.Outcome = history.Ok
	case Fail:
		o.Outcome = history.Fail
	default:
		o.Outcome = history.Unknown
	}
	return nil
}

// moment takes in a note, a gauge or an event.
func (r *reading) moment(e *entry) error {
	switch {
	case e.kind == Gauge:
		for _, attr := range e.attrs {
			if n, ok := whole(attr.Value); attr.Key == "value" && ok {
				r.h.Samples = append(r.h.Samples, history.Sample{At: e.time, Host: e.node, Name: e.f, Value: n})
				return nil
			}
		}
		return fmt.Errorf("the gauge %s has no value", e.f)
	case e.kind == Sometimes:
		if at, seen := r.h.Sometimes[e.f]; !seen || e.time < at {
			r.h.Sometimes[e.f] = e.time
		}
	case e.id == 0:
		r.h.Notes[e.node] = append(r.h.Notes[e.node], history.Note{At: e.time, Name: e.f, Attrs: e.attrs})
	default:
		o := r.of(e.node)[e.id]
		if o == nil {
			return fmt.Errorf("the note %s is about operation %d, which never began", e.f, e.id)
		}
		o.Notes = append(o.Notes, history.Note{At: e.time, Name: e.f, Attrs: e.attrs})
	}
	return nil
}

// finish makes what was read a history.
func (r *reading) finish() (*Recording, error) {
	h := r.h
	if !r.ended {
		h.End = r.end
	}
	r.renumber()
	r.sortWeather()
	if r.options.Epsilon > 0 {
		for _, o := range h.Operations {
			o.Call -= r.options.Epsilon
			if o.Return != history.Never {
				o.Return += r.options.Epsilon
			}
		}
	}
	slices.SortStableFunc(h.Operations, func(a, b *history.Operation) int { return cmp.Compare(a.Call, b.Call) })
	slices.SortStableFunc(h.Samples, func(a, b history.Sample) int { return cmp.Compare(a.At, b.At) })
	slices.SortStableFunc(r.places, func(a, b Place) int { return cmp.Compare(a.ID, b.ID) })
	for _, host := range slices.Sorted(maps.Keys(h.Notes)) {
		slices.SortStableFunc(h.Notes[host], func(a, b history.Note) int { return cmp.Compare(a.At, b.At) })
	}
	return &Recording{h, r.places}, nil
}

// renumber gives operations ids of their own where several hosts counted theirs from one.
func (r *reading) renumber() {
	seen := map[uint64]bool{}
	if len(r.byID) > 1 {
		for _, o := range r.h.Operations {
			r.twice = r.twice || seen[o.ID]
			seen[o.ID] = true
		}
	}
	if !r.twice {
		return
	}
	for i, o := range r.h.Operations {
		o.ID, r.places[i].ID = uint64(i)+1, uint64(i)+1
	}
	for _, o := range r.h.Operations {
		if whole := r.byID[o.Host][o.Parent]; whole != nil {
			o.Parent = whole.ID
		} else {
			o.Parent = 0
		}
	}
}

// restored is the verb whose end a line tells of.
func restored(f string) (verb string, is bool) {
	if f == "up" {
		return "down", true
	}
	return strings.CutPrefix(f, restore)
}
