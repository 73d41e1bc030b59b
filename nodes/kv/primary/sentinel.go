package primary

import (
	"fmt"
	"strings"

	"simrun/nodes/kv/front"
	"simrun/nodes/resp"
)

// Do is front.Backend's. A monitor answers what clients ask Redis Sentinel, so that these find the primary through it.
func (m *monitor) Do(c *front.Call) {
	switch c.Name {
	case "ROLE":
		c.Reply(resp.AppendBulk(resp.AppendArray(resp.AppendBulk(resp.AppendArray(nil, 2), "sentinel"), 1), m.config.Cluster))
	case "SENTINEL":
		c.Reply(m.sentinel(c.Args[1:]))
	default:
		m.audience.do(c)
	}
}

// sentinel answers SENTINEL.
func (m *monitor) sentinel(args [][]byte) []byte {
	sub, named := strings.ToLower(string(args[0])), len(args) == 2
	known := named && string(args[1]) == m.config.Cluster && m.decree.epoch > 0
	switch sub {
	case "myid":
		if len(args) == 1 {
			return resp.AppendBulk(nil, longName(uint64(m.replica.ID())))
		}
	case "masters":
		if len(args) == 1 && m.decree.epoch == 0 {
			return resp.AppendArray(nil, 0)
		}
		if len(args) == 1 {
			return appendFields(resp.AppendArray(nil, 1), m.primaryFields())
		}
	case "get-master-addr-by-name":
		if named && !known {
			return []byte("*-1\r\n")
		}
		if named {
			host, port := where(m.decree.client)
			return resp.AppendBulk(resp.AppendBulk(resp.AppendArray(nil, 2), host), fmt.Sprint(port))
		}
	case "master", "replicas", "slaves", "sentinels":
		if named && !known {
			return failure("ERR No such master with that name")
		}
		if named && sub == "master" {
			return appendFields(nil, m.primaryFields())
		}
		if named {
			all := m.replicasFields()
			if sub == "sentinels" {
				all = m.othersFields()
			}
			out := resp.AppendArray(nil, len(all))
			for _, of := range all {
				out = appendFields(out, of)
			}
			return out
		}
	default:
		return failure(fmt.Sprintf("ERR unknown subcommand '%.128s' of SENTINEL", args[0]))
	}
	return failure("ERR wrong number of arguments for 'sentinel|" + sub + "' command")
}

// longName is a number as long as the names of servers of Redis are.
func longName(n uint64) string { return fmt.Sprintf("%040x", n) }

func appendFields(out []byte, fields []string) []byte {
	out = resp.AppendArray(out, len(fields))
	for _, f := range fields {
		out = resp.AppendBulk(out, f)
	}
	return out
}

// fields are what Sentinel says first of any server.
func fields(name, client, id, flags string) []string {
	host, port := where(client)
	return []string{"name", name, "ip", host, "port", fmt.Sprint(port), "runid", id, "flags", flags}
}

// primaryFields are what there is to say of the primary.
func (m *monitor) primaryFields() []string {
	d, flags := &m.decree, "master"
	if h := m.heard[d.primary]; h == nil || m.isSilent(h) {
		flags = "s_down,master"
	}
	others := len(m.replica.Standings()) - 1
	return append(fields(m.config.Cluster, d.client, longName(d.life), flags), "num-slaves", fmt.Sprint(len(m.replicasFields())),
		"num-other-sentinels", fmt.Sprint(others), "quorum", fmt.Sprint(others/2+1), "config-epoch", fmt.Sprint(d.epoch))
}

// replicasFields are what there is to say of those servers that were heard and are not the primary.
func (m *monitor) replicasFields() (all [][]string) {
	host, port := where(m.decree.client)
	for _, s := range m.servers {
		h := m.heard[s]
		if h == nil || s == m.decree.primary {
			continue
		}
		flags := "slave"
		if m.isSilent(h) {
			flags = "s_down,slave,disconnected"
		}
		all = append(all, append(fields(h.client, h.client, longName(h.life), flags), "master-host", host, "master-port", fmt.Sprint(port),
			"slave-repl-offset", fmt.Sprint(h.last.offset)))
	}
	return all
}

// othersFields are what there is to say of the other monitors.
func (m *monitor) othersFields() (all [][]string) {
	for _, other := range m.replica.Standings() {
		if other.ID == m.replica.ID() {
			continue
		}
		name := longName(uint64(other.ID))
		all = append(all, fields(name, other.Client, name, "sentinel"))
	}
	return all
}

// isSilent says whether a server was not heard for as long as a primary may be silent.
func (m *monitor) isSilent(h *hearing) bool { return m.env.Mark().Sub(h.at) >= m.config.Lease }

// switched tells who listens that another server is the primary.
func (m *monitor) switched(from, to string) {
	oldHost, oldPort := where(from)
	host, port := where(to)
	m.audience.publish("+switch-master", fmt.Sprintf("%s %s %d %s %d", m.config.Cluster, oldHost, oldPort, host, port))
}

// Info is front.Backend's.
func (m *monitor) Info() []front.Section {
	lines := []string{"epoch:" + fmt.Sprint(m.decree.epoch), "primary:" + m.decree.client, "state:" + m.String(), "raft:" + m.replica.String()}
	now := m.env.Mark()
	for _, s := range m.servers {
		if h := m.heard[s]; h != nil {
			lines = append(lines, fmt.Sprintf("server:%s client=%s log=%s whole=%v serves=%v heard_ms=%d", s, h.client, h.last, h.whole, h.serves,
				now.Sub(h.at).Milliseconds()))
		}
	}
	return []front.Section{{Name: "Sentinel", Lines: lines}}
}
