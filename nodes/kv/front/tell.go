package front

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// Version is the one of Redis whose behaviour the commands that there are have.
const Version = "7.0.15"

// longestClientName is that of a client, and of its library.
const longestClientName = 256

const errName = "ERR Client names cannot contain spaces, newlines or special characters."

func fitName(name []byte) bool {
	return len(name) <= longestClientName && !slices.ContainsFunc(name, func(c byte) bool { return c < '!' || c > '~' })
}

// client answers CLIENT.
func (p *Peer) client(args [][]byte) []byte {
	word := strings.ToUpper(string(args[0][:min(len(args[0]), 16)]))
	arity := map[string]int{"HELP": 1, "ID": 1, "GETNAME": 1, "INFO": 1, "LIST": 1, "SETNAME": 2, "SETINFO": 3, "NO-EVICT": 2, "NO-TOUCH": 2}
	n, known := arity[word]
	switch {
	case !known:
		return unknownSubcommand(args[0], "CLIENT")
	case n != len(args):
		return wrongNumber("client|" + strings.ToLower(word))
	}
	switch word {
	case "HELP":
		return help("CLIENT")
	case "ID":
		return resp.AppendInt(nil, int64(p.number))
	case "GETNAME":
		if p.name == "" {
			return resp.AppendNull(nil)
		}
		return resp.AppendBulk(nil, p.name)
	case "INFO":
		return resp.AppendBulk(nil, p.String()+"\n")
	case "LIST":
		var all strings.Builder
		for _, other := range p.front.inOrder() {
			all.WriteString(other.String() + "\n")
		}
		return resp.AppendBulk(nil, all.String())
	case "SETNAME":
		if !fitName(args[1]) {
			return failure(errName)
		}
		p.name = string(args[1])
	case "SETINFO":
		which := slices.IndexFunc([]string{"LIB-NAME", "LIB-VER"}, func(name string) bool { return isWord(args[1], name) })
		switch {
		case which < 0:
			return failure("ERR Unrecognized option")
		case !fitName(args[2]):
			return failure("ERR " + strings.ToLower(string(args[1])) + " cannot contain spaces, newlines or special characters.")
		}
		p.library[which] = string(args[2])
	}
	return ok
}

// String is the connection on one line, as CLIENT LIST has it.
func (p *Peer) String() string {
	now, flags := p.front.env.Mark(), "N"
	if p.ReadOnly {
		flags = "r"
	}
	return fmt.Sprintf("id=%d addr=%s laddr=%s name=%s age=%d idle=%d flags=%s db=0 obl=%d oll=%d cmd=%s lib-name=%s lib-ver=%s resp=2",
		p.number, p.Stream().RemoteAddr(), p.Stream().LocalAddr(), p.name, now.Sub(p.began)/time.Second,
		now.Sub(p.heard)/time.Second, flags, len(p.Out), p.Owed(), strings.ToLower(p.command), p.library[0], p.library[1])
}

// info answers INFO: all, or the sections that are named.
func (f *Front) info(names [][]byte) string {
	sections := append([]Section{
		{"Server", []string{
			"redis_version:" + Version, "redis_mode:" + f.options.Mode, "server_name:simrun",
			"tcp_port:" + portOf(f.Addr().String()),
			fmt.Sprintf("uptime_in_seconds:%d", f.env.Mark().Sub(f.began)/time.Second),
		}},
		{"Clients", []string{
			fmt.Sprintf("connected_clients:%d", len(f.peers)),
			fmt.Sprintf("maxclients:%d", f.options.MaxClients),
		}},
		{"Stats", []string{
			fmt.Sprintf("total_connections_received:%d", f.accepted),
			fmt.Sprintf("total_commands_processed:%d", f.commands),
		}},
	}, f.backend.Info()...)
	var b strings.Builder
	for _, s := range sections {
		if len(names) > 0 && !slices.ContainsFunc(names, func(name []byte) bool {
			return isWord(name, s.Name) || isWord(name, "all") || isWord(name, "everything") || isWord(name, "default")
		}) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString("# " + s.Name + "\r\n" + strings.Join(s.Lines, "\r\n") + "\r\n")
	}
	return b.String()
}

func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// describe answers COMMAND: which commands there are, and where their keys are.
func (f *Front) describe(args [][]byte) []byte {
	names := slices.Sorted(maps.Keys(f.options.Commands))
	switch {
	case len(args) == 0:
		out := resp.AppendArray(nil, len(names))
		for _, name := range names {
			out = appendDescription(out, f.options.Commands[name])
		}
		return out
	case isWord(args[0], "HELP"):
		return help("COMMAND")
	case isWord(args[0], "COUNT"):
		return resp.AppendInt(nil, int64(len(names)))
	case isWord(args[0], "LIST"):
		out := resp.AppendArray(nil, len(names))
		for _, name := range names {
			out = resp.AppendBulk(out, strings.ToLower(name))
		}
		return out
	case isWord(args[0], "DOCS"):
		return resp.AppendArray(nil, 0)
	case isWord(args[0], "INFO"):
		out := resp.AppendArray(nil, len(args)-1)
		for _, name := range args[1:] {
			if c := f.options.Commands.Find(name); c != nil {
				out = appendDescription(out, c)
			} else {
				out = append(out, "*-1\r\n"...)
			}
		}
		return out
	}
	return unknownSubcommand(args[0], "COMMAND")
}

func appendDescription(out []byte, c *kv.Command) []byte {
	flag := "fast"
	switch {
	case c.Is(kv.Write):
		flag = "write"
	case c.Is(kv.Read):
		flag = "readonly"
	}
	out = resp.AppendBulk(resp.AppendArray(out, 6), strings.ToLower(c.Name))
	out = resp.AppendInt(out, int64(c.Arity))
	out = resp.AppendSimple(resp.AppendArray(out, 1), flag)
	for _, n := range [...]int{c.First, c.Last, c.Step} {
		out = resp.AppendInt(out, int64(n))
	}
	return out
}
