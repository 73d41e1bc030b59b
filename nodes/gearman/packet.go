package gearman

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Type is the second word of a packet: what it asks or answers. Numbers and names are those of the text
// PROTOCOL in gearmand's repository.
type Type uint32

// The packet types. Workers and clients send requests, servers send responses; the WORK_ types travel in
// both roles.
const (
	CanDo             Type = 1
	CantDo            Type = 2
	ResetAbilities    Type = 3
	PreSleep          Type = 4
	Noop              Type = 6
	SubmitJob         Type = 7
	JobCreated        Type = 8
	GrabJob           Type = 9
	NoJob             Type = 10
	JobAssign         Type = 11
	WorkStatus        Type = 12
	WorkComplete      Type = 13
	WorkFail          Type = 14
	GetStatus         Type = 15
	EchoReq           Type = 16
	EchoRes           Type = 17
	SubmitJobBG       Type = 18
	Error             Type = 19
	StatusRes         Type = 20
	SubmitJobHigh     Type = 21
	SetClientID       Type = 22
	CanDoTimeout      Type = 23
	AllYours          Type = 24
	WorkException     Type = 25
	OptionReq         Type = 26
	OptionRes         Type = 27
	WorkData          Type = 28
	WorkWarning       Type = 29
	GrabJobUniq       Type = 30
	JobAssignUniq     Type = 31
	SubmitJobHighBG   Type = 32
	SubmitJobLow      Type = 33
	SubmitJobLowBG    Type = 34
	SubmitJobSched    Type = 35
	SubmitJobEpoch    Type = 36
	SubmitReduceJob   Type = 37
	SubmitReduceJobBG Type = 38
	GrabJobAll        Type = 39
	JobAssignAll      Type = 40
	GetStatusUnique   Type = 41
	StatusResUnique   Type = 42

	typeCount = 43
)

// form is what a type is called and how many arguments it has. The last argument takes all that is left,
// NUL bytes included.
type form struct {
	name string
	args int
}

var forms = [typeCount]form{
	CanDo: {"CAN_DO", 1}, CantDo: {"CANT_DO", 1}, ResetAbilities: {"RESET_ABILITIES", 0}, PreSleep: {"PRE_SLEEP", 0},
	Noop: {"NOOP", 0}, SubmitJob: {"SUBMIT_JOB", 3}, JobCreated: {"JOB_CREATED", 1}, GrabJob: {"GRAB_JOB", 0},
	NoJob: {"NO_JOB", 0}, JobAssign: {"JOB_ASSIGN", 3}, WorkStatus: {"WORK_STATUS", 3}, WorkComplete: {"WORK_COMPLETE", 2},
	WorkFail: {"WORK_FAIL", 1}, GetStatus: {"GET_STATUS", 1}, EchoReq: {"ECHO_REQ", 1}, EchoRes: {"ECHO_RES", 1},
	SubmitJobBG: {"SUBMIT_JOB_BG", 3}, Error: {"ERROR", 2}, StatusRes: {"STATUS_RES", 5}, SubmitJobHigh: {"SUBMIT_JOB_HIGH", 3},
	SetClientID: {"SET_CLIENT_ID", 1}, CanDoTimeout: {"CAN_DO_TIMEOUT", 2}, AllYours: {"ALL_YOURS", 0},
	WorkException: {"WORK_EXCEPTION", 2}, OptionReq: {"OPTION_REQ", 1}, OptionRes: {"OPTION_RES", 1},
	WorkData: {"WORK_DATA", 2}, WorkWarning: {"WORK_WARNING", 2}, GrabJobUniq: {"GRAB_JOB_UNIQ", 0},
	JobAssignUniq: {"JOB_ASSIGN_UNIQ", 4}, SubmitJobHighBG: {"SUBMIT_JOB_HIGH_BG", 3}, SubmitJobLow: {"SUBMIT_JOB_LOW", 3},
	SubmitJobLowBG: {"SUBMIT_JOB_LOW_BG", 3}, SubmitJobSched: {"SUBMIT_JOB_SCHED", 8}, SubmitJobEpoch: {"SUBMIT_JOB_EPOCH", 4},
	SubmitReduceJob: {"SUBMIT_REDUCE_JOB", 4}, SubmitReduceJobBG: {"SUBMIT_REDUCE_JOB_BACKGROUND", 4},
	GrabJobAll: {"GRAB_JOB_ALL", 0}, JobAssignAll: {"JOB_ASSIGN_ALL", 5}, GetStatusUnique: {"GET_STATUS_UNIQUE", 1},
	StatusResUnique: {"STATUS_RES_UNIQUE", 6},
}

// Known says whether the protocol has this type.
func (t Type) Known() bool { return t < typeCount && forms[t].name != "" }

// String is the protocol's name of the type.
func (t Type) String() string {
	if t.Known() {
		return forms[t].name
	}
	return fmt.Sprintf("TYPE_%d", uint32(t))
}

// Magic is the first word of a packet: who speaks.
type Magic uint32

// The two magics: "\0REQ" goes to a server, "\0RES" comes from one.
const (
	Request  Magic = 0x00524551
	Response Magic = 0x00524553
)

// HeaderSize is the length of magic, type and size, four bytes each, big endian.
const HeaderSize = 12

// MaxHandle is the longest job handle, by the protocol's 64 bytes with a NUL.
const MaxHandle = 63

// MaxUnique is the longest unique id of a job.
const MaxUnique = 64

// Packet is one message. Its Data belongs to the reader it came from, until that reads the next one.
type Packet struct {
	Magic Magic
	Type  Type
	Data  []byte
}

// Args are the arguments of a packet; those beyond its type's number are nil.
type Args [8][]byte

// ErrArguments tells that a packet has fewer arguments than its type needs.
var ErrArguments = errors.New("gearman: packet has too few arguments")

// Args cuts the packet's data into its arguments without copying it. It returns ErrArguments where some
// are missing.
func (p Packet) Args() (args Args, err error) {
	if !p.Type.Known() {
		return args, nil
	}
	rest, count := p.Data, forms[p.Type].args
	for i := range count - 1 {
		at := bytes.IndexByte(rest, 0)
		if at < 0 {
			return args, ErrArguments
		}
		args[i], rest = rest[:at], rest[at+1:]
	}
	if count > 0 {
		args[count-1] = rest
	}
	return args, nil
}

// Append adds a packet to dst. The arguments are separated by NUL bytes; all but the last must contain
// none. It allocates only what dst needs to grow.
func Append(dst []byte, magic Magic, t Type, args ...[]byte) []byte {
	size := max(len(args)-1, 0)
	for _, arg := range args {
		size += len(arg)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(magic))
	dst = binary.BigEndian.AppendUint32(dst, uint32(t))
	dst = binary.BigEndian.AppendUint32(dst, uint32(size))
	for i, arg := range args {
		if i > 0 {
			dst = append(dst, 0)
		}
		dst = append(dst, arg...)
	}
	return dst
}
