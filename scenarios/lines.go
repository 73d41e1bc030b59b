package scenarios

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"simrun/nodes"
	"simrun/scenarios/decode"
)

// document is a scenario file as it is written, with its includes put in. The reference of keys is generated
// from these structs and the ones below.
type document struct {
	Scenario string           `yaml:"scenario,required" doc:"its name: the file's base name, of a-z, 0-9 and -"`
	Summary  string           `yaml:"summary" doc:"what it is about, in a few sentences"`
	Seed     seedText         `yaml:"seed" doc:"in a plan: the luck of packets and disks, in hexadecimal digits"`
	Include  raw              `yaml:"include" wants:"list of files" doc:"files with any of sites, links, link-classes, nodes, workload and claims"`
	Matrix   raw              `yaml:"matrix" wants:"mapping or list" doc:"PATH: [VALUES], paths as for --set; run once for each combination. Or a list of points, each with any of PATH: VALUE and perhaps a name"`
	Classes  named[classLine] `yaml:"link-classes" doc:"NAME: what a link is like on a calm day"`
	Sites    named[siteLine]  `yaml:"sites,required" doc:"NAME: where machines stand"`
	Links    []linkLine       `yaml:"links" doc:"what connects sites and nodes"`
	Nodes    named[nodeLine]  `yaml:"nodes,required" doc:"NAME: what runs where"`
	Workload []*loadLine      `yaml:"workload" doc:"what clients are asked to do; goes on in every phase that does not say otherwise"`
	Phases   []*phaseLine     `yaml:"phases,required" doc:"parts of the run; they follow one another"`
	Claims   []*claimLine     `yaml:"claims" doc:"what is promised, and how it is judged"`
	Restarts *bool            `yaml:"restarts" doc:"no: whatever ends in this run stays ended until a phase heals it; the flag --no-restarts"`
}

type classLine struct {
	Delay     nodes.Spread  `yaml:"delay,open" doc:"of each packet, drawn anew each time"`
	Loss      nodes.Percent `yaml:"loss,open" doc:"the share of packets that are lost"`
	Repeat    nodes.Percent `yaml:"repeat,open" doc:"the share of datagrams that come twice"`
	Bandwidth nodes.Bytes   `yaml:"bandwidth,open" doc:"bytes a second in each direction; without limit if it is not said"`
}

type siteLine struct {
	Power  string       `yaml:"power" doc:"the supplier of its electricity; one that is not said is never cut"`
	UPS    nodes.Spread `yaml:"ups" doc:"how long its hosts outlive a cut"`
	Inside string       `yaml:"inside,open" refers:"link class" doc:"the link class between its own hosts"`
}

type linkLine struct {
	Between []selector `yaml:"between,required" doc:"two or more sites or nodes, each connected to each"`
	Is      string     `yaml:"is,required,open" refers:"link class" doc:"the link class"`

	at   *decode.Node
	path string
}

type nodeLine struct {
	Run     string            `yaml:"run,required" refers:"kind" doc:"a registered kind of node, such as gearman.server"`
	Site    string            `yaml:"site,required,open" refers:"site" doc:"where it stands"`
	Count   decode.Range[int] `yaml:"count" min:"1" max:"10000" doc:"how many copies; they are called NAME/1, NAME/2 and so on"`
	With    raw               `yaml:"with" wants:"mapping" doc:"the kind's own configuration"`
	Limits  Limits            `yaml:"limits" doc:"what a host can run out of"`
	Restart Restart           `yaml:"restart,open" doc:"after how long a process that ended by itself is started again, or never; 1s if it is not said"`

	config any
}

type loadLine struct {
	From []selector `yaml:"from,required" doc:"the clients"`
	Do   string     `yaml:"do,required" doc:"the operation; its own options stand on the line too"`
	Rate Rates      `yaml:"rate,required" doc:"how many in all from these clients; arrivals wait for no answer"`
	Mix  raw        `yaml:"mix" wants:"mapping, or list" doc:"VARIANT: share; they add up to 100%. Or a list of such mixes"`

	at        *decode.Node
	path      string
	operation *nodes.Operation
	options   any
	open      bool      // each plan draws some of its options
	mixes     [][]Share // one of these
	stream    string    // but for its number
}

type phaseLine struct {
	Phase    string       `yaml:"phase,required" doc:"its name"`
	Lasts    nodes.Spread `yaml:"lasts,required" min:"1ns" doc:"how long it is"`
	Heal     selector     `yaml:"heal" doc:"what its beginning mends: all, core (servers, workers and clients that are enough, drawn), or a selector; all else stays broken for ever"`
	Workload raw          `yaml:"workload" wants:"stop, or list" doc:"stop, or lines of its own in place of the scenario's"`
	Faults   []*faultLine `yaml:"faults" doc:"the script: what strikes in every run"`
	Swarm    *swarmLine   `yaml:"swarm" doc:"the weather: each run draws some of these"`

	at    *decode.Node
	path  string
	stop  bool
	loads []*loadLine // its own, if it has any
}

type swarmLine struct {
	Families decode.Range[int] `yaml:"families" min:"0" doc:"of how many families (power, machine, process, network, clock, disk, code) one run has kinds; all if it is not said"`
	Enable   decode.Range[int] `yaml:"enable" min:"0" doc:"how many of these kinds one run enables, 0 being a quiet run; all if it is not said"`
	Tempo    nodes.Spread      `yaml:"tempo" min:"1us" doc:"drawn once for each run: how long kinds without every leave off, on average, between two times"`
	KeepUp   *keepUpLine       `yaml:"keep-up" doc:"what the swarm must leave alive, with the script's outages reckoned in"`
	Restarts *bool             `yaml:"restarts" doc:"no: what the swarm takes down stays down until it is healed"`
	Kinds    []*faultLine      `yaml:"kinds,required" doc:"faults, each with every, unless there is a tempo"`
}

type keepUpLine struct {
	Of      selector          `yaml:"of,required" doc:"which hosts"`
	AtLeast decode.Range[int] `yaml:"at-least,required" min:"0" doc:"how many of them"`
}

type claimLine struct {
	Claim  string  `yaml:"claim,required" doc:"its name"`
	Says   string  `yaml:"says" doc:"the promise as a sentence; the report prints it"`
	Check  raw     `yaml:"check,required" wants:"check" doc:"its name; or {NAME: value, option: …} for a check that has an option of its own name; or {name: NAME, option: …}"`
	Expect Verdict `yaml:"expect" doc:"holds, or violated for a known weakness"`

	at    *decode.Node
	path  string
	check string
}

// Values are what a claim can be expected to be.
func (Verdict) Values() []string { return []string{string(Holds), string(Violated)} }

// raw is a value that is read later, when what it depends on is known.
type raw struct {
	*decode.Node
	path string
}

// DecodeNode keeps the node.
func (r *raw) DecodeNode(_ *decode.Decoder, n *decode.Node, path string, _ decode.Rules) {
	*r = raw{n, path}
}

// named is a map from names to lines, in the order of the file.
type named[T any] []entry[T]

type entry[T any] struct {
	name  string
	line  T
	at    *decode.Node // the key
	value *decode.Node
	path  string
}

var goodName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// DecodeNode reads the lines.
func (m *named[T]) DecodeNode(d *decode.Decoder, n *decode.Node, path string, rules decode.Rules) {
	if n.Kind != decode.Map {
		d.Fail(n, path, "this must be a mapping such as {NAME: {key: value}}")
		return
	}
	*m = make(named[T], 0, len(n.Fields))
	for _, f := range n.Fields {
		at := path + "." + f.Key
		if !goodName.MatchString(f.Key) {
			d.Hint(f.At, at, "use letters, digits, - and _", "%q is no name", f.Key)
			continue
		}
		e := entry[T]{name: f.Key, at: f.At, value: f.Value, path: at}
		d.Value(f.Value, at, &e.line, rules)
		*m = append(*m, e)
	}
}

func (m named[T]) names() []string {
	names := make([]string, len(m))
	for i := range m {
		names[i] = m[i].name
	}
	return names
}

func (m named[T]) find(name string) *T {
	for i := range m {
		if m[i].name == name {
			return &m[i].line
		}
	}
	return nil
}

// DecodeNode reads the link.
func (l *linkLine) DecodeNode(d *decode.Decoder, n *decode.Node, path string, _ decode.Rules) {
	*l = linkLine{at: n, path: path}
	d.Struct(n, path, nil, l)
}

// DecodeNode reads the line but for the options of its operation, which depend on who is asked.
func (l *loadLine) DecodeNode(d *decode.Decoder, n *decode.Node, path string, _ decode.Rules) {
	*l = loadLine{at: n, path: path}
}

// DecodeNode reads the phase and its faults.
func (p *phaseLine) DecodeNode(d *decode.Decoder, n *decode.Node, path string, _ decode.Rules) {
	*p = phaseLine{at: n, path: path}
	d.Struct(n, path, nil, p)
	if p.Phase != "" && !goodName.MatchString(p.Phase) {
		d.Hint(n.Field("phase"), path+".phase", "use letters, digits, - and _", "%q is no name", p.Phase)
	}
}

// DecodeNode reads the claim; its check is read when the rest is known.
func (c *claimLine) DecodeNode(d *decode.Decoder, n *decode.Node, path string, _ decode.Rules) {
	*c = claimLine{at: n, path: path, Expect: Holds}
	d.Struct(n, path, nil, c)
}

// seedText is the seed of a plan, if it is one.
type seedText struct {
	text string
}

// ParseText reads what FormatSeed writes.
func (s *seedText) ParseText(text string) error {
	if _, err := ParseSeed(text); err != nil || len(text) != 16 {
		return decode.NotA(text, "a seed of 16 hexadecimal digits")
	}
	s.text = text
	return nil
}

// UsualRestart is what becomes of a process that ended by itself where nothing is said.
var UsualRestart = Restart{After: usualDelay}

// ParseText reads never, or a duration.
func (r *Restart) ParseText(text string) error {
	if text == "never" {
		*r = Restart{Never: true}
		return nil
	}
	d, err := decode.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%w, nor never", err)
	}
	if d <= 0 {
		return fmt.Errorf("%s is no time at all: a process that fails at once would be restarted for ever in one instant", text)
	}
	*r = Restart{After: d}
	return nil
}

// ParseInterval reads a duration between two.
func (r *Restart) ParseInterval(lo, hi string, u uint64) error {
	var least, most Restart
	if err := cmp.Or(least.ParseText(lo), most.ParseText(hi)); err != nil {
		return err
	}
	if least.Never || most.Never || least.After > most.After {
		return fmt.Errorf("%s..%s is no range of durations; write SHORTEST..LONGEST, or a list", lo, hi)
	}
	*r = Restart{After: decode.Between(least.After, most.After, u)}
	return nil
}

// String is the policy as a scenario writes it.
func (r Restart) String() string {
	if r.Never {
		return "never"
	}
	return nodes.Short(r.After)
}

func streamName(do string, from []selector) string {
	words := []string{do}
	for i := range from {
		words = append(words, from[i].String())
	}
	return strings.Join(words, " ")
}

// Wants says so for the reference.
func (raw) Wants() string { return "" }

// Wants says so for the reference.
func (named[T]) Wants() string { return "mapping of names" }

// Wants says so for the reference.
func (loadLine) Wants() string { return "" }

// Wants says so for the reference.
func (phaseLine) Wants() string { return "" }

// Wants says so for the reference.
func (claimLine) Wants() string { return "" }

// Wants says so for the reference.
func (faultLine) Wants() string { return "" }

// Wants says so for the reference.
func (linkLine) Wants() string { return "" }

// Wants says so for the reference.
func (seedText) Wants() string { return "16 hexadecimal digits" }

// Wants says so for the reference.
func (selector) Wants() string { return "selector" }

// Wants says so for the reference.
func (Rates) Wants() string { return "rate, range" }

// Wants says so for the reference.
func (Slow) Wants() string { return "slowdown, range" }

// Wants says so for the reference.
func (Restart) Wants() string { return "duration, or never" }

// Wants says so for the reference.
func (PPM) Wants() string { return "drift" }
