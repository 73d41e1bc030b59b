package primary

import (
	"fmt"

	"simrun/nodes/kv/front"
	"simrun/nodes/resp"
)

// Do is front.Backend's.
func (m *monitor) Do(c *front.Call) {
	if c.Name == "ROLE" {
		c.Reply(resp.AppendArray(resp.AppendBulk(resp.AppendArray(nil, 2), "sentinel"), 0))
		return
	}
	sub := string(c.Args[1])
	switch {
	case equal(sub, "get-master-addr-by-name") && len(c.Args) == 3:
		host, port := where(m.decree.client)
		if m.decree.epoch == 0 || string(c.Args[2]) != m.config.Cluster {
			c.Reply([]byte("*-1\r\n"))
			return
		}
		c.Reply(resp.AppendBulk(resp.AppendBulk(resp.AppendArray(nil, 2), host), fmt.Sprint(port)))
	case equal(sub, "myid") && len(c.Args) == 2:
		c.Reply(resp.AppendBulk(nil, fmt.Sprintf("%040x", uint64(m.replica.ID()))))
	default:
		c.Error("ERR say SENTINEL GET-MASTER-ADDR-BY-NAME name or SENTINEL MYID")
	}
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
