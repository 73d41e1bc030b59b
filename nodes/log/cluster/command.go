package cluster

import (
	"encoding/json"
	"fmt"

	"simrun/nodes/log/wire"
)

// Command is one thing that the controllers agree to do: the one that is not nil. Commands are few and people read them in dumps of the
// log, so they are JSON.
type Command struct {
	Register         *Register         `json:",omitempty"`
	Fence            *Standing         `json:",omitempty"`
	Unfence          *Standing         `json:",omitempty"`
	CreateTopic      *CreateTopic      `json:",omitempty"`
	DeleteTopic      *DeleteTopic      `json:",omitempty"`
	CreatePartitions *CreatePartitions `json:",omitempty"`
	Configure        *Configure        `json:",omitempty"`
	Alter            *Alter            `json:",omitempty"`
	Prefer           *Prefer           `json:",omitempty"`
	Producers        *Standing         `json:",omitempty"`
}

// Register makes a broker known, fenced.
type Register struct {
	Broker
	// Kept says that the broker still has everything that it ever said it has, but for the partitions in Lost.
	Kept bool
	Lost []Ref `json:",omitempty"`
}

// Standing names a life of a broker: to be fenced, to be unfenced, or to get producer IDs.
type Standing struct {
	ID    int32
	Epoch int64
}

// CreateTopic makes a topic. Where Assignment is empty the replicas are placed by the state (see place).
type CreateTopic struct {
	Name, ID    string
	Partitions  int
	Replication int
	Assignment  [][]int32 `json:",omitempty"`
	Config      Config    `json:",omitempty"`
	// Check says that nothing is to be created, only said whether it would be.
	Check bool `json:",omitempty"`
}

// DeleteTopic deletes a topic.
type DeleteTopic struct{ Name string }

// CreatePartitions adds partitions to a topic, until there are Count. Keys find their way to other partitions then.
type CreatePartitions struct {
	Name       string
	Count      int
	Assignment [][]int32 `json:",omitempty"`
	Check      bool      `json:",omitempty"`
}

// Configure changes how a topic is configured, by one step after the other; or, if one of them cannot be done, not at all.
type Configure struct {
	Name  string
	Steps []Step
	Check bool `json:",omitempty"`
}

// Step changes one setting.
type Step struct {
	Setting string
	Do      Change
	Value   string `json:",omitempty"`
}

// Change is what becomes of a setting.
type Change string

// The changes. Those of a list concern settings that are one.
const (
	Set      Change = "set"
	Unset    Change = "unset"
	Append   Change = "append"   // to a list what is not in it
	Subtract Change = "subtract" // from a list
)

// Alter is what a leader asks for: other in-sync sets for partitions that it leads.
type Alter struct {
	Standing
	Partitions []AlterPartition
}

// AlterPartition is one of them. The epochs say what the leader knew when it asked, and which lives of the brokers it means.
type AlterPartition struct {
	Ref
	LeaderEpoch, Epoch int32
	InSync             []Standing
}

// Prefer lets preferred leaders lead where they are in sync.
type Prefer struct{}

// Result is the answer to a command.
type Result struct {
	Code wire.Code
	// Why says it in words, where Code is an error.
	Why string `json:",omitempty"`
	// Epoch is that of a registration, or the first ID of a block of producer IDs.
	Epoch int64 `json:",omitempty"`
	// Codes are those of an Alter's partitions.
	Codes []wire.Code `json:",omitempty"`
}

// ProducerBlock is how many producer IDs a broker gets at once.
const ProducerBlock = 1000

// Encode is the command as the log has it.
func (c *Command) Encode() []byte { return encode(c) }

// Encode is the result as it is answered.
func (r *Result) Encode() []byte { return encode(r) }

// DecodeCommand reads a command. Errors: of bytes that are none.
func DecodeCommand(b []byte) (Command, error) {
	var c Command
	err := json.Unmarshal(b, &c)
	return c, err
}

// DecodeResult reads a result. Errors: of bytes that are none.
func DecodeResult(b []byte) (Result, error) {
	var r Result
	err := json.Unmarshal(b, &r)
	return r, err
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("cluster: %T cannot be written down: %v", v, err))
	}
	return b
}

// refuse is a Result that says why not.
func refuse(code wire.Code, format string, args ...any) Result {
	return Result{Code: code, Why: fmt.Sprintf(format, args...)}
}

// Apply does a command and appends its Result to dst.
func (s *State) Apply(command, dst []byte) []byte {
	c, err := DecodeCommand(command)
	r := refuse(wire.InvalidRequest, "not a command: %v", err)
	if err == nil {
		r = s.Do(&c)
	}
	return append(dst, r.Encode()...)
}

// Do does a command.
func (s *State) Do(c *Command) Result {
	switch {
	case c.Register != nil:
		return s.register(c.Register)
	case c.Fence != nil:
		return s.fence(*c.Fence)
	case c.Unfence != nil:
		return s.unfence(*c.Unfence)
	case c.CreateTopic != nil:
		return s.createTopic(c.CreateTopic)
	case c.DeleteTopic != nil:
		return s.deleteTopic(c.DeleteTopic)
	case c.CreatePartitions != nil:
		return s.createPartitions(c.CreatePartitions)
	case c.Configure != nil:
		return s.configure(c.Configure)
	case c.Alter != nil:
		return s.alter(c.Alter)
	case c.Prefer != nil:
		return s.prefer()
	case c.Producers != nil:
		return s.producers(*c.Producers)
	}
	return refuse(wire.InvalidRequest, "a command that says nothing")
}

// producers gives out a block of producer IDs, which nobody else will ever be given.
func (s *State) producers(who Standing) Result {
	if r := s.check(who); r.Code != wire.None {
		return r
	}
	first := s.producer
	s.producer += ProducerBlock
	return Result{Epoch: first}
}
