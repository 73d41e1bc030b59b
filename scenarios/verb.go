package scenarios

import (
	"slices"

	"simrun/nodes"
	"simrun/scenarios/decode"
)

// Verb is what a fault does.
type Verb string

// The verbs.
const (
	CutPower         Verb = "cut-power"
	CrashMachine     Verb = "crash-machine"
	PauseMachine     Verb = "pause-machine"
	Crash            Verb = "crash"
	Pause            Verb = "pause"
	Stop             Verb = "stop"
	Start            Verb = "start"
	SlowCPU          Verb = "slow-cpu"
	Partition        Verb = "partition"
	Flap             Verb = "flap"
	SlowLink         Verb = "slow-link"
	Jam              Verb = "jam"
	LosePackets      Verb = "lose-packets"
	RepeatPackets    Verb = "repeat-packets"
	CorruptPackets   Verb = "corrupt-packets"
	ResetConnections Verb = "reset-connections"
	LimitBandwidth   Verb = "limit-bandwidth"
	Exhaust          Verb = "exhaust"
	StepClock        Verb = "step-clock"
	DriftClock       Verb = "drift-clock"
	SlewClock        Verb = "slew-clock"
	FreezeClock      Verb = "freeze-clock"
	SlowDisk         Verb = "slow-disk"
	StallDisk        Verb = "stall-disk"
	FailSync         Verb = "fail-sync"
	FailRead         Verb = "fail-read"
	FillDisk         Verb = "fill-disk"
	CorruptDisk      Verb = "corrupt-disk"
	MisdirectWrite   Verb = "misdirect-write"
	WipeDisk         Verb = "wipe-disk"
	Buggify          Verb = "buggify"
)

// VerbInfo is a line of the table of verbs.
type VerbInfo struct {
	Verb   Verb
	Family string // "power", "machine", "process", "network", "clock", "disk", "code"
	Doc    string
	// Real is how the same is done to a real machine; "" is sim-only.
	Real string
	// Takes is what the verb strikes.
	Takes Takes
	// Lasts is whether the verb has a length.
	Lasts Lasts
	// Down says that its hosts serve nobody meanwhile: the swarm's keep-up counts them as lost.
	Down bool
	// Common verbs are those that an error message offers.
	Common bool

	options func() verbOptions // what else may stand on the line; nil if nothing
}

// Takes is what a verb strikes.
type Takes uint8

// What verbs strike: suppliers of power, hosts, or traffic between groups of hosts.
const (
	Hosts Takes = iota
	Suppliers
	Traffic
)

// Lasts is whether a verb has a length.
type Lasts uint8

// Whether verbs have a length. A verb that may last goes on, without `for`, until a phase heals it; what a
// crash without `for` ended starts again as its node's `restart` says.
const (
	MayLast Lasts = iota
	MustLast
	Instant
)

// Verbs is the table of verbs, in reading order.
func Verbs() []VerbInfo { return slices.Clone(verbs) }

// Info is the verb's line in the table. It panics if there is none.
func (v Verb) Info() *VerbInfo {
	if i, ok := verbIndex[v]; ok {
		return &verbs[i]
	}
	panic("scenarios: no verb " + string(v))
}

var verbIndex = func() map[Verb]int {
	m := map[Verb]int{}
	for i, v := range verbs {
		m[v.Verb] = i
	}
	return m
}()

var verbs = []VerbInfo{
	{Verb: CutPower, Family: "power", Takes: Suppliers, Down: true, Common: true,
		Doc:  "Every host that hangs on the supplier goes dark at one instant: processes and page cache are gone, peers hear silence.",
		Real: "switching off the power strip, or stopping every virtual machine of the site without a shutdown"},

	{Verb: CrashMachine, Family: "machine", Down: true,
		Doc:  "The kernel panics or is reset: processes and page cache are gone, peers hear silence until it is back.",
		Real: "echo b > /proc/sysrq-trigger"},
	{Verb: PauseMachine, Family: "machine", Down: true, Lasts: MustLast,
		Doc:  "The whole machine stands still, as when a virtual machine migrates: it acknowledges nothing, and its clocks jump.",
		Real: "virsh suspend and resume"},

	{Verb: Crash, Family: "process", Down: true, Common: true,
		Doc:  "The process is killed; the kernel lives, closes its connections and keeps the page cache.",
		Real: "kill -9"},
	{Verb: Pause, Family: "process", Down: true, Lasts: MustLast, Common: true,
		Doc:  "The process stands still, as in a long garbage collection; the kernel goes on acknowledging until windows are full.",
		Real: "kill -STOP and kill -CONT"},
	{Verb: Stop, Family: "process", Down: true,
		Doc:  "The process is asked to end, and is killed after its grace; it is started again after `for`, or when a phase heals.",
		Real: "kill -TERM"},
	{Verb: Start, Family: "process", Lasts: Instant,
		Doc:  "The process is started, if it is down and its machine is not.",
		Real: "starting the service"},
	{Verb: SlowCPU, Family: "process", options: func() verbOptions { return &slowCPU{} },
		Doc:  "Computations take longer.",
		Real: "a quota of CPU time (cgroup cpu.max)"},

	{Verb: Partition, Family: "network", Takes: Traffic, Common: true, options: func() verbOptions { return &partition{} },
		Doc:  "Nothing passes between the parts.",
		Real: "iptables -j DROP"},
	{Verb: Flap, Family: "network", Takes: Traffic, Lasts: MustLast, options: func() verbOptions { return &flap{} },
		Doc:  "A partition that comes and goes.",
		Real: "iptables -j DROP, in and out by a timer"},
	{Verb: SlowLink, Family: "network", Takes: Traffic, Common: true, options: func() verbOptions { return &slowLink{} },
		Doc:  "Packets take longer.",
		Real: "tc qdisc netem delay"},
	{Verb: Jam, Family: "network", Takes: Traffic, options: func() verbOptions { return &wayOnly{} },
		Doc: "Packets are held without end; they come when the jam does end."},
	{Verb: LosePackets, Family: "network", Takes: Traffic, Common: true, options: func() verbOptions { return &packets{} },
		Doc:  "A share of the packets is lost. Streams feel it as delay, datagrams are gone.",
		Real: "tc qdisc netem loss"},
	{Verb: RepeatPackets, Family: "network", Takes: Traffic, options: func() verbOptions { return &packets{} },
		Doc:  "A share of the packets comes twice. Streams do not notice, datagrams do.",
		Real: "tc qdisc netem duplicate"},
	{Verb: CorruptPackets, Family: "network", Takes: Traffic, options: func() verbOptions { return &packets{} },
		Doc:  "A share of the packets has a bit flipped. Checksums find it: streams feel delay, datagrams are gone or, rarely, wrong.",
		Real: "tc qdisc netem corrupt"},
	{Verb: ResetConnections, Family: "network", Takes: Traffic, Lasts: Instant, options: func() verbOptions { return &wayOnly{} },
		Doc:  "Established connections are reset at both ends.",
		Real: "ss --kill"},
	{Verb: LimitBandwidth, Family: "network", Takes: Traffic, options: func() verbOptions { return &limitBandwidth{} },
		Doc:  "No more than so many bytes a second pass each way.",
		Real: "tc qdisc tbf"},
	{Verb: Exhaust, Family: "network", options: func() verbOptions { return &exhaust{} },
		Doc:  "The host has none left of a resource: connections that exist go on, new ones find no port, no descriptor, or no place in the queue.",
		Real: "prlimit --nofile, sysctl net.ipv4.ip_local_port_range, a listener whose queue is full"},

	{Verb: StepClock, Family: "clock", Lasts: Instant, Common: true, options: func() verbOptions { return &stepClock{} },
		Doc:  "The wall clock jumps; the monotonic clock does not.",
		Real: "date -s, or ntpd -g"},
	{Verb: DriftClock, Family: "clock", options: func() verbOptions { return &driftClock{} },
		Doc:  "Both clocks run fast or slow.",
		Real: "adjtimex"},
	{Verb: SlewClock, Family: "clock", Lasts: MustLast, options: func() verbOptions { return &slewClock{} },
		Doc:  "Both clocks are moved evenly over the length of the fault.",
		Real: "adjtime, or chronyd"},
	{Verb: FreezeClock, Family: "clock", Lasts: MustLast,
		Doc: "Both clocks stand still and then go on from where they stood."},

	{Verb: SlowDisk, Family: "disk", Common: true, options: func() verbOptions { return &slowDisk{} },
		Doc:  "Reads, writes and syncs take longer.",
		Real: "dmsetup with the delay target"},
	{Verb: StallDisk, Family: "disk", Down: true,
		Doc:  "No disk operation ends before the fault does.",
		Real: "dmsetup suspend"},
	{Verb: FailSync, Family: "disk", Down: true, options: func() verbOptions { return &failing{} },
		Doc:  "Syncs fail as on Linux: some pages are written, the rest are marked clean, and the error is told once.",
		Real: "dmsetup with the flakey or error target"},
	{Verb: FailRead, Family: "disk", options: func() verbOptions { return &failing{} },
		Doc:  "Reads give EIO.",
		Real: "dmsetup with the error target"},
	{Verb: FillDisk, Family: "disk",
		Doc:  "Writes that need room give ENOSPC.",
		Real: "fallocate -l, as much as is free"},
	{Verb: CorruptDisk, Family: "disk", Lasts: Instant, options: func() verbOptions { return &corruptDisk{} },
		Doc:  "Bits rot in durable sectors.",
		Real: "dd onto the block device"},
	{Verb: MisdirectWrite, Family: "disk", Lasts: Instant,
		Doc: "The next write of a sector lands in another's place."},
	{Verb: WipeDisk, Family: "disk", Lasts: Instant,
		Doc:  "The machine crashes and finds an empty disk when it is back, at once.",
		Real: "a new disk in the machine"},

	{Verb: Buggify, Family: "code", options: func() verbOptions { return &buggify{} },
		Doc: "The node takes rarer paths, as right as its usual ones, at some of the points where its code has such: smaller batches, " +
			"earlier retries, a moment's delay. What is promised holds all the same."},
}

// verbOptions is what may stand on a fault's line besides its verb, as its own struct for each verb. Draw
// makes the concrete options of them; it takes the same number of variates whatever they are.
type verbOptions interface {
	draw(s source) Options
}

type slowCPU struct {
	Delay Slow `yaml:"delay,required" doc:"how many times as long a computation takes, or by how much longer"`
}

func (o *slowCPU) draw(s source) Options { return Options{Delay: o.Delay.at(s.next())} }

type partition struct {
	Shape     decode.Choice[Shape]     `yaml:"shape" doc:"what divides the hosts"`
	Direction decode.Choice[Direction] `yaml:"direction" doc:"both, or only what the first part sends to the others"`
}

func (o *partition) draw(s source) Options {
	return Options{Shape: o.Shape.At(s.next(), Groups), Direction: o.Direction.At(s.next(), Both)}
}

type flap struct {
	partition `yaml:",inline"`
	Down      nodes.Spread `yaml:"down,required" doc:"how long it is cut each time"`
	Up        nodes.Spread `yaml:"up,required" doc:"how long it is whole in between"`
}

func (o *flap) draw(s source) Options {
	p := o.partition.draw(s)
	p.Down, p.Up = s.length(o.Down), s.length(o.Up)
	return p
}

type slowLink struct {
	wayOnly `yaml:",inline"`
	Delay   Slow `yaml:"delay,required" doc:"how many times as long a packet takes, or by how much longer"`
}

func (o *slowLink) draw(s source) Options {
	p := o.wayOnly.draw(s)
	p.Delay = o.Delay.at(s.next())
	return p
}

type wayOnly struct {
	Direction decode.Choice[Direction] `yaml:"direction" doc:"both, or only what the first sends to the others"`
}

func (o *wayOnly) draw(s source) Options { return Options{Direction: o.Direction.At(s.next(), Both)} }

type packets struct {
	wayOnly `yaml:",inline"`
	Rate    decode.Range[nodes.Percent] `yaml:"rate,required" doc:"the share of packets"`
}

func (o *packets) draw(s source) Options {
	p := o.wayOnly.draw(s)
	p.Rate = o.Rate.At(s.next())
	return p
}

type limitBandwidth struct {
	wayOnly   `yaml:",inline"`
	Bandwidth decode.Range[nodes.Bytes] `yaml:"bandwidth,required" min:"1" doc:"bytes a second, each way"`
}

func (o *limitBandwidth) draw(s source) Options {
	p := o.wayOnly.draw(s)
	p.Bandwidth = o.Bandwidth.At(s.next())
	return p
}

type exhaust struct {
	Limit decode.Choice[Resource] `yaml:"limit,required" doc:"what the host runs out of"`
}

func (o *exhaust) draw(s source) Options { return Options{Limit: o.Limit.At(s.next(), Files)} }

type stepClock struct {
	By nodes.Spread `yaml:"by,required,signed" doc:"how far it jumps: forward, or back if negative"`
}

func (o *stepClock) draw(s source) Options { return Options{By: s.span(o.By)} }

type driftClock struct {
	By decode.Range[PPM] `yaml:"by,required" doc:"how much too fast it runs, or too slow if negative"`
}

func (o *driftClock) draw(s source) Options { return Options{Drift: o.By.At(s.next())} }

type slewClock struct {
	By nodes.Spread `yaml:"by,required,signed" doc:"how far it is moved in all: forward, or back if negative"`
}

func (o *slewClock) draw(s source) Options { return Options{By: s.span(o.By)} }

type slowDisk struct {
	Delay Slow `yaml:"delay,required" doc:"how many times as long a disk operation takes, or by how much longer"`
}

func (o *slowDisk) draw(s source) Options { return Options{Delay: o.Delay.at(s.next())} }

type failing struct {
	Rate decode.Range[nodes.Percent] `yaml:"rate" doc:"the share of calls that fail; 100% if it is not said"`
}

func (o *failing) draw(s source) Options {
	p := Options{Rate: o.Rate.At(s.next())}
	if o.Rate.IsZero() {
		p.Rate = nodes.PerMillion
	}
	return p
}

type corruptDisk struct {
	Sectors decode.Range[int] `yaml:"sectors" min:"1" max:"10000" doc:"how many sectors; 1 if it is not said"`
}

func (o *corruptDisk) draw(s source) Options { return Options{Sectors: max(1, o.Sectors.At(s.next()))} }

type buggify struct {
	Points points                      `yaml:"points" doc:"which of the points that its targets have, or how many; about a quarter of them, by the seed, if it is not said"`
	Rate   decode.Range[nodes.Percent] `yaml:"rate" doc:"the share of times that the rarer path is taken there; 25% if it is not said"`
}

// usualOdds are those at which rarer paths are taken where nothing is said.
const usualOdds = nodes.PerMillion / 4

// draw leaves the points open, which hang on the target.
func (o *buggify) draw(s source) Options {
	p := Options{Rate: o.Rate.At(s.next())}
	if o.Rate.IsZero() {
		p.Rate = usualOdds
	}
	return p
}
