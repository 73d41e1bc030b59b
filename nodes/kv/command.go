package kv

import (
	"fmt"
	"strings"

	"simrun/nodes/resp"
)

// Flags say what kind of command it is.
type Flags uint8

// The flags.
const (
	Write  Flags = 1 << iota // it changes the store: it has to be ordered
	Read                     // it reads the store
	Local                    // it is answered by the server that is asked, whatever it serves: PING
	Served                   // it is answered by the server that is asked, as its kind has it: CLUSTER
	Grows                    // it writes, and the store may be larger for it
)

// Command is a command, as clients name it and as COMMAND tells of it.
type Command struct {
	Name  string // in capitals
	Arity int    // how many strings it has with its name, or, if negative, at least how many
	Flags Flags
	// First, Last and Step say where its keys are; Last is counted from the end if it is negative. First is 0 if there
	// are none.
	First, Last, Step int

	do func(x *execution) // of commands that write or read
}

// ErrMemory is the error for a command that Grows where there is no room. Whoever orders commands refuses it then; a
// store itself has no limit, or copies with different ones would come apart.
const ErrMemory = "OOM command not allowed when used memory > 'maxmemory'."

// Uncertain is the code of the error for a command that may have been done, or may be yet: one that was ordered by a
// server that has lost the word since. Every other error says that the command certainly did nothing.
const Uncertain = "UNCERTAIN"

// commands that stores do, by their names.
var commands = byName([]Command{
	{"GET", 2, Read, 1, 1, 1, (*execution).get},
	{"MGET", -2, Read, 1, -1, 1, (*execution).mget},
	{"STRLEN", 2, Read, 1, 1, 1, (*execution).strlen},
	{"EXISTS", -2, Read, 1, -1, 1, (*execution).exists},
	{"TYPE", 2, Read, 1, 1, 1, (*execution).typeOf},
	{"TTL", 2, Read, 1, 1, 1, (*execution).ttl},
	{"PTTL", 2, Read, 1, 1, 1, (*execution).pttl},
	{"SCAN", -2, Read, 0, 0, 0, (*execution).scan},
	{"DBSIZE", 1, Read, 0, 0, 0, (*execution).dbsize},
	{"SET", -3, Write | Grows, 1, 1, 1, (*execution).set},
	{"SETNX", 3, Write | Grows, 1, 1, 1, (*execution).setnx},
	{"MSET", -3, Write | Grows, 1, -1, 2, (*execution).mset},
	{"GETDEL", 2, Write, 1, 1, 1, (*execution).getdel},
	{"APPEND", 3, Write | Grows, 1, 1, 1, (*execution).append},
	{"INCR", 2, Write | Grows, 1, 1, 1, (*execution).incr},
	{"DECR", 2, Write | Grows, 1, 1, 1, (*execution).decr},
	{"INCRBY", 3, Write | Grows, 1, 1, 1, (*execution).incrby},
	{"DECRBY", 3, Write | Grows, 1, 1, 1, (*execution).decrby},
	{"DEL", -2, Write, 1, -1, 1, (*execution).del},
	{"UNLINK", -2, Write, 1, -1, 1, (*execution).del},
	{"EXPIRE", -3, Write, 1, 1, 1, (*execution).expire},
	{"PEXPIRE", -3, Write, 1, 1, 1, (*execution).pexpire},
	{"EXPIREAT", -3, Write, 1, 1, 1, (*execution).expireat},
	{"PEXPIREAT", -3, Write, 1, 1, 1, (*execution).pexpireat},
	{"PERSIST", 2, Write, 1, 1, 1, (*execution).persist},
	{"FLUSHALL", -1, Write, 0, 0, 0, (*execution).flushall},
	{"FLUSHDB", -1, Write, 0, 0, 0, (*execution).flushall},
})

// Commands finds commands by their names.
type Commands map[string]*Command

func byName(all []Command) Commands {
	c := Commands{}
	for i := range all {
		c[all[i].Name] = &all[i]
	}
	return c
}

// StoreCommands are those that a store does, and others beside them.
func StoreCommands(others ...[]Command) Commands {
	all := Commands{}
	for name, c := range commands {
		all[name] = c
	}
	for _, more := range others {
		for name, c := range byName(more) {
			all[name] = c
		}
	}
	return all
}

// longestName is that of a command.
const longestName = 32

// Find is the command of that name in whatever case, or nil.
func (c Commands) Find(name []byte) *Command {
	var upper [longestName]byte
	if len(name) > len(upper) {
		return nil
	}
	for i, b := range name {
		if 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		upper[i] = b
	}
	return c[string(upper[:len(name)])]
}

// Is says whether the command has one of the flags.
func (c *Command) Is(f Flags) bool { return c.Flags&f != 0 }

// fits says whether the command can have so many strings.
func (c *Command) fits(n int) bool {
	return n == c.Arity || c.Arity < 0 && n >= -c.Arity
}

// Keys calls f with each key of a request until it says no.
func (c *Command) Keys(args [][]byte, f func(key []byte) bool) {
	if c.First == 0 {
		return
	}
	last := c.Last
	if last < 0 {
		last += len(args)
	}
	for i := c.First; i <= last && i < len(args); i += c.Step {
		if !f(args[i]) {
			return
		}
	}
}

// Slot is the slot of a request's keys, which is -1 if it has none; one says whether they agree.
func (c *Command) Slot(args [][]byte) (slot int, one bool) {
	slot, one = -1, true
	c.Keys(args, func(key []byte) bool {
		s := Slot(key)
		one = slot < 0 || s == slot
		slot = s
		return one
	})
	return slot, one
}

// Request is a command that was asked for, in its envelopes: [ONCE session sequence] [QUORUM r w] [CONTEXT token] [VERSIONED]
// command. QUORUM and CONTEXT are known to those servers alone that have commands of these names.
type Request struct {
	*Command
	Args      [][]byte // of the command, its name first
	All       [][]byte // with its envelopes: what is ordered
	Session   uint64   // 0 if it is not in a session
	Sequence  uint64
	Versioned bool // the answer is [answer, version]
	// ReadQuorum and WriteQuorum are how many copies are to answer; 0 where nothing was said.
	ReadQuorum, WriteQuorum int
	Context                 []byte // what the client has seen of the key; nil where it does not say
}

// The names of the envelopes that only a store without an order has a use for.
const (
	QuorumEnvelope  = "QUORUM"
	ContextEnvelope = "CONTEXT"
)

// mostQuorum is more copies than any store has.
const mostQuorum = 1 << 16

// unwrap takes QUORUM and CONTEXT off a request. What they say is wrong if problem is not empty.
func (c Commands) unwrap(r *Request) (problem string) {
	if c[QuorumEnvelope] != nil && isWord(r.Args[0], QuorumEnvelope) {
		if len(r.Args) < 4 {
			return wrongNumber("quorum")
		}
		read, ok1 := resp.ParseInt(r.Args[1])
		write, ok2 := resp.ParseInt(r.Args[2])
		if !ok1 || !ok2 || min(read, write) < 1 || max(read, write) > mostQuorum {
			return "ERR QUORUM wants two numbers of copies: QUORUM read write command"
		}
		r.ReadQuorum, r.WriteQuorum, r.Args = int(read), int(write), r.Args[3:]
	}
	if c[ContextEnvelope] != nil && isWord(r.Args[0], ContextEnvelope) {
		if len(r.Args) < 3 {
			return wrongNumber("context")
		}
		r.Context, r.Args = append([]byte{}, r.Args[1]...), r.Args[2:]
	}
	return ""
}

// ONCE OPEN opens a session: for all keys, or for those of one slot, which is that of the key that it names.
var (
	openSession    = Command{"ONCE OPEN", 2, Write | Grows, 0, 0, 0, (*execution).open}
	openInSlotOfIt = Command{"ONCE OPEN", 3, Write | Grows, 2, 2, 1, (*execution).open}
)

// Parse finds out what is asked for. If that cannot be, problem is the error to answer with.
func (c Commands) Parse(args [][]byte) (r Request, problem string) {
	r.All, r.Args = args, args
	if isWord(args[0], "ONCE") {
		if len(args) == 2 && isWord(args[1], "OPEN") {
			r.Command = &openSession
			return r, ""
		}
		if len(args) == 3 && isWord(args[1], "OPEN") {
			r.Command = &openInSlotOfIt
			return r, ""
		}
		if len(args) < 4 {
			return r, wrongNumber("once")
		}
		session, ok1 := resp.ParseInt(args[1])
		sequence, ok2 := resp.ParseInt(args[2])
		if !ok1 || !ok2 || session <= 0 || sequence <= 0 {
			return r, "ERR invalid session or sequence"
		}
		r.Session, r.Sequence, r.Args = uint64(session), uint64(sequence), args[3:]
	}
	if problem := c.unwrap(&r); problem != "" {
		return r, problem
	}
	if isWord(r.Args[0], "VERSIONED") {
		if len(r.Args) < 2 {
			return r, wrongNumber("versioned")
		}
		r.Versioned, r.Args = true, r.Args[1:]
	}
	r.Command = c.Find(r.Args[0])
	switch {
	case r.Command == nil:
		return r, unknown(r.Args)
	case !r.fits(len(r.Args)):
		return r, wrongNumber(r.Name)
	case r.Session != 0 && !r.Is(Write):
		return r, "ERR ONCE is for commands that write"
	case r.Versioned && (r.First == 0 || !r.Is(Write|Read)):
		return r, "ERR VERSIONED is for commands with a key"
	}
	return r, ""
}

func isWord(arg []byte, word string) bool {
	return len(arg) == len(word) && strings.EqualFold(string(arg), word)
}

func wrongNumber(name string) string {
	return fmt.Sprintf("ERR wrong number of arguments for '%s' command", strings.ToLower(name))
}

// unknown is the error for a command that there is none of.
func unknown(args [][]byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "ERR unknown command '%s', with args beginning with: ", cut(args[0]))
	for _, arg := range args[1:] {
		if b.Len() > 128 {
			break
		}
		fmt.Fprintf(&b, "'%s' ", cut(arg))
	}
	return b.String()
}

// cut is the beginning of what somebody sent, for an error.
func cut(arg []byte) string {
	arg = arg[:min(len(arg), 128)]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, string(arg))
}

func lower(arg []byte) string { return strings.ToLower(cut(arg)) }
