package scenarios

import (
	"slices"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/scenarios/decode"
)

// usualDelay is how long a supervisor waits before it starts a process again.
const usualDelay = time.Second

// faultLine is a fault as a scenario writes it: when it strikes, one verb with its target as a key, and how.
type faultLine struct {
	At      *nodes.Spread      `yaml:"at" doc:"when, from the start of the phase"`
	Every   *nodes.Spread      `yaml:"every" min:"1us" doc:"again and again: how long it leaves off between two times, from the end of one to the start of the next; drawn each time"`
	After   string             `yaml:"after" doc:"an event: VERB TARGET, restore-VERB TARGET or heal"`
	On      string             `yaml:"on" doc:"a moment: NODE and sync-begin, sync-end, rename, or a note of the node such as send JOB_CREATED"`
	Nth     *decode.Range[int] `yaml:"nth" min:"1" doc:"which occurrence of after or on, in this phase; the first if it is not said"`
	Wait    *nodes.Spread      `yaml:"wait" doc:"how long after after or on"`
	For     *nodes.Spread      `yaml:"for" min:"1ns" doc:"how long; until it is healed if it is not said"`
	DrawnBy drawnBy            `yaml:"drawn-by" doc:"in a plan: script or swarm"`

	verb    *VerbInfo // nil if none could be read
	target  selector
	options verbOptions
	at      *decode.Node
	path    string
	broken  bool // something is wrong with it, and has been said
	untimed bool // it says nothing of when it strikes
	event   Event
	moment  Moment
	watches *selector // whose moment
}

type drawnBy string

// Values are who can have drawn a fault.
func (drawnBy) Values() []string { return []string{ByScript, BySwarm} }

const (
	ByScript = "script"
	BySwarm  = "swarm"
)

// DecodeNode reads the line; names in it are looked up later.
func (f *faultLine) DecodeNode(d *decode.Decoder, n *decode.Node, path string, _ decode.Rules) {
	*f = faultLine{at: n, path: path}
	before := len(*d.Problems)
	defer func() { f.broken = len(*d.Problems) > before }()
	if n.Kind != decode.Map {
		d.Fail(n, path, "a fault is a mapping such as {at: 5s, crash: NODE, for: 2s}")
		return
	}
	f.findVerb(d, n)
	into := []any{f}
	if f.verb != nil && f.verb.options != nil {
		f.options = f.verb.options()
		into = append(into, f.options)
	}
	d.Struct(n, path, func(field decode.Field) bool { return f.other(d, field, into) }, into...)
	f.readWhen(d)
	f.readLength(d)
}

// findVerb looks for the one key that is a verb.
func (f *faultLine) findVerb(d *decode.Decoder, n *decode.Node) {
	for _, field := range n.Fields {
		i, isVerb := verbIndex[Verb(field.Key)]
		switch {
		case isVerb && f.verb != nil:
			d.Fail(field.At, f.path, "%q is a second verb; a fault has exactly one", field.Key)
		case isVerb:
			f.verb = &verbs[i]
			d.Value(field.Value, f.path+"."+field.Key, &f.target, decode.Rules{})
		}
	}
	if f.verb == nil {
		d.Hint(n, f.path, "one of: "+strings.Join(commonVerbs(), ", "), "a fault needs a verb")
	}
}

func commonVerbs() []string {
	var common []string
	for _, v := range verbs {
		if v.Common {
			common = append(common, string(v.Verb))
		}
	}
	return common
}

// other takes the keys that are neither a trigger nor an option of the verb: verbs, which are read already,
// and mistakes.
func (f *faultLine) other(d *decode.Decoder, field decode.Field, into []any) bool {
	if _, isVerb := verbIndex[Verb(field.Key)]; isVerb {
		return true
	}
	known := decode.Keys(into...)
	options := everyOption()
	switch {
	case f.verb == nil && slices.Contains(options, field.Key):
		return true // of a verb that is not known
	case f.verb != nil && slices.Contains(options, field.Key):
		hint := string(f.verb.Verb) + " has no options"
		if f.options != nil {
			hint = string(f.verb.Verb) + " takes: " + strings.Join(decode.Keys(f.options), ", ")
		}
		d.Hint(field.At, f.path, hint, "%s has no %q", f.verb.Verb, field.Key)
		return true
	case f.verb == nil:
		for _, v := range verbs {
			known = append(known, string(v.Verb))
		}
		known = append(known, options...)
	}
	d.NoSuchKey(field, f.path, known)
	return true
}

// everyOption is every key that some verb takes.
func everyOption() []string {
	var all []string
	for _, v := range verbs {
		if v.options != nil {
			all = append(all, decode.Keys(v.options())...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// readWhen holds the line to one trigger, and reads events and moments.
func (f *faultLine) readWhen(d *decode.Decoder) {
	var triggers []string
	for _, key := range []string{"at", "every", "after", "on"} {
		if f.at.Field(key) != nil {
			triggers = append(triggers, key)
		}
	}
	f.untimed = len(triggers) == 0 && f.verb != nil
	if len(triggers) > 1 {
		d.Fail(f.at, f.path, "a fault strikes either by %s or by %s", triggers[0], triggers[1])
	}
	waits := f.After != "" || f.On != ""
	for _, key := range []string{"nth", "wait"} {
		if n := f.at.Field(key); n != nil && !waits && len(triggers) == 1 {
			d.Fail(n, f.path+"."+key, "%s needs after or on: something to wait for", key)
		}
	}
	if f.After != "" {
		f.readEvent(d, f.at.Field("after"))
	}
	if f.On != "" {
		f.readMoment(d, f.at.Field("on"))
	}
}

func (f *faultLine) readEvent(d *decode.Decoder, n *decode.Node) {
	word, target, _ := strings.Cut(strings.TrimSpace(n.Text), " ")
	if n.Text == "heal" {
		f.event.Heal = true
		return
	}
	word, f.event.Restore = strings.CutPrefix(word, "restore-")
	f.event.Verb, f.event.Target = Verb(word), strings.Join(strings.Fields(target), " ")
	info, ok := verbIndex[f.event.Verb]
	switch {
	case !ok:
		d.Hint(n, f.path+".after", decode.Suggest(word, verbNames()), "%q is no event: write VERB TARGET, restore-VERB TARGET or heal", n.Text)
	case f.event.Target == "":
		d.Fail(n, f.path+".after", "%q is no event: the target is missing", n.Text)
	case f.event.Restore && verbs[info].Lasts == Instant:
		d.Fail(n, f.path+".after", "%s has no end that one could wait for", word)
	}
}

func verbNames() []string {
	names := make([]string, len(verbs))
	for i, v := range verbs {
		names[i] = string(v.Verb)
	}
	return names
}

func (f *faultLine) readMoment(d *decode.Decoder, n *decode.Node) {
	node, name, ok := strings.Cut(strings.TrimSpace(n.Text), " ")
	if !ok {
		d.Fail(n, f.path+".on", "%q is no moment: write NODE and what it does, such as %s sync-begin", n.Text, node)
		return
	}
	f.moment = Moment{Node: node, Name: strings.Join(strings.Fields(name), " ")}
	f.watches = &selector{at: n, path: f.path + ".on", name: node}
	if node == "all" {
		f.watches.op, f.watches.name = "all", ""
	}
}

// readLength holds the line to what its verb says of `for`.
func (f *faultLine) readLength(d *decode.Decoder) {
	if f.verb == nil {
		return
	}
	n := f.at.Field("for")
	switch {
	case n != nil && f.verb.Lasts == Instant:
		d.Fail(n, f.path+".for", "%s is over at once; it has no length", f.verb.Verb)
	case n == nil && f.verb.Lasts == MustLast:
		d.Fail(f.at, f.path, "%s needs for: how long", f.verb.Verb)
	case n == nil && f.Every != nil:
		f.mustEnd(d)
	}
}

// mustEnd holds what comes again and again to having an end.
func (f *faultLine) mustEnd(d *decode.Decoder) {
	if f.For == nil && f.verb.Lasts == MayLast && !f.endsItself() {
		d.Fail(f.at, f.path, "what comes every so often must end: %s needs for", f.verb.Verb)
	}
}

// endsItself says that what the verb took down is started again without `for`.
func (f *faultLine) endsItself() bool { return f.verb.Verb == Crash || f.verb.Verb == CrashMachine }

// String is the line's sentence: its verb and its target.
func (f *faultLine) String() string {
	if f.verb == nil {
		return ""
	}
	return string(f.verb.Verb) + " " + f.target.String()
}

// when is the line's trigger as a word or two, to tell apart the luck of lines with the same verb and target.
func (f *faultLine) when() string {
	switch {
	case f.Every != nil || f.untimed:
		return "every"
	case f.After != "":
		return "after " + f.event.String()
	case f.On != "":
		return "on " + f.moment.String()
	default:
		return "at"
	}
}
