package front

import (
	"fmt"
	"slices"
	"strings"

	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// locals are the commands that a front answers itself.
var locals = []kv.Command{
	{Name: "PING", Arity: -1, Flags: kv.Local},
	{Name: "ECHO", Arity: 2, Flags: kv.Local},
	{Name: "INFO", Arity: -1, Flags: kv.Local},
	{Name: "COMMAND", Arity: -1, Flags: kv.Local},
	{Name: "CLIENT", Arity: -2, Flags: kv.Local},
	{Name: "CONFIG", Arity: -2, Flags: kv.Local},
	{Name: "HELLO", Arity: -1, Flags: kv.Local},
	{Name: "AUTH", Arity: -2, Flags: kv.Local},
	{Name: "SELECT", Arity: 2, Flags: kv.Local},
	{Name: "QUIT", Arity: -1, Flags: kv.Local},
	{Name: "READONLY", Arity: 1, Flags: kv.Local},
	{Name: "READWRITE", Arity: 1, Flags: kv.Local},
	{Name: "ASKING", Arity: 1, Flags: kv.Local},
}

// With are the commands of stores and of the front, and those of a backend.
func With(served ...kv.Command) kv.Commands { return kv.StoreCommands(locals, served) }

var ok = []byte("+OK\r\n")

// local is the answer to a command that the front knows.
func (p *Peer) local(r *kv.Request) []byte {
	args := r.Args
	switch r.Name {
	case "PING":
		return ping(args)
	case "ECHO":
		return resp.AppendBulk(nil, args[1])
	case "INFO":
		return resp.AppendBulk(nil, p.front.info(args[1:]))
	case "COMMAND":
		return p.front.describe(args[1:])
	case "CLIENT":
		return p.client(args[1:])
	case "CONFIG":
		return p.front.config(args[1:])
	case "HELLO":
		return p.hello(args[1:])
	case "AUTH":
		return failure("ERR Client sent AUTH, but no password is set")
	case "SELECT":
		if string(args[1]) != "0" {
			return failure("ERR DB index is out of range")
		}
	case "QUIT":
		p.finish()
	case "READONLY":
		p.ReadOnly = true
	case "READWRITE":
		p.ReadOnly = false
	case "ASKING":
		p.asking = true
	}
	return ok
}

func failure(text string) []byte { return resp.AppendError(nil, text) }

func wrongNumber(command string) []byte {
	return failure(fmt.Sprintf("ERR wrong number of arguments for '%s' command", command))
}

func unknownSubcommand(word []byte, command string) []byte {
	return failure(fmt.Sprintf("ERR unknown subcommand '%.128s'. Try %s HELP.", word, command))
}

func ping(args [][]byte) []byte {
	switch len(args) {
	case 1:
		return resp.AppendSimple(nil, "PONG")
	case 2:
		return resp.AppendBulk(nil, args[1])
	default:
		return wrongNumber("ping")
	}
}

// hello tells of the server, in the protocol that there is. A client that wants another falls back to it.
func (p *Peer) hello(args [][]byte) []byte {
	if len(args) > 0 {
		if n, isNumber := resp.ParseInt(args[0]); !isNumber {
			return failure("ERR Protocol version is not an integer or out of range")
		} else if n != 2 {
			return failure("NOPROTO unsupported protocol version")
		}
		for rest := args[1:]; len(rest) > 0; {
			switch {
			case isWord(rest[0], "SETNAME") && len(rest) > 1:
				if !fitName(rest[1]) {
					return failure(errName)
				}
				p.name, rest = string(rest[1]), rest[2:]
			case isWord(rest[0], "AUTH") && len(rest) > 2:
				return failure("ERR Client sent AUTH, but no password is set")
			default:
				return failure("ERR syntax error in HELLO option")
			}
		}
	}
	out := resp.AppendArray(nil, 12)
	for _, pair := range [...][2]string{{"server", "simrun"}, {"version", Version}} {
		out = resp.AppendBulk(resp.AppendBulk(out, pair[0]), pair[1])
	}
	out = resp.AppendInt(resp.AppendBulk(out, "proto"), 2)
	out = resp.AppendInt(resp.AppendBulk(out, "id"), int64(p.number))
	out = resp.AppendBulk(resp.AppendBulk(out, "mode"), p.front.options.Mode)
	return resp.AppendArray(resp.AppendBulk(out, "modules"), 0)
}

// config answers what a tool asks of a server's settings.
func (f *Front) config(args [][]byte) []byte {
	switch {
	case isWord(args[0], "HELP"):
		return help("CONFIG")
	case !isWord(args[0], "GET"):
		return unknownSubcommand(args[0], "CONFIG")
	}
	if len(args) < 2 {
		return wrongNumber("config|get")
	}
	var found [][2]string
	for _, setting := range f.options.Settings {
		if slices.ContainsFunc(args[1:], func(pattern []byte) bool {
			return kv.Matches(strings.ToLower(string(pattern)), setting[0])
		}) {
			found = append(found, setting)
		}
	}
	out := resp.AppendArray(nil, 2*len(found))
	for _, setting := range found {
		out = resp.AppendBulk(resp.AppendBulk(out, setting[0]), setting[1])
	}
	return out
}

func isWord(arg []byte, word string) bool {
	return len(arg) == len(word) && strings.EqualFold(string(arg), word)
}
