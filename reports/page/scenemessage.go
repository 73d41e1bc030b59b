package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"simrun/reports"
	"simrun/reports/recording"
)

// isGrave says that a message is where it went wrong.
func (g *staging) isGrave(m *recording.Message) bool {
	return slices.ContainsFunc(g.grave, func(l recording.Line) bool {
		return l.At == m.Sent && strings.HasPrefix(l.Text, m.From+" answers "+m.To+" with "+m.Name)
	})
}

func (g *staging) messages() {
	type drawn struct {
		m              *recording.Message
		x1, y1, x2, y2 float64
		class          string
	}
	var all []drawn
	for i, m := range g.Slice.Messages {
		d := drawn{m, g.x(m.Sent), g.lanes[m.From], g.x(m.At), g.lanes[m.To], "msg"}
		switch {
		case m.Lost != "":
			d.class = "msg lost"
			if m.At == m.Sent { // it never got far
				d.x2, d.y2 = d.x1+8, d.y1+(d.y2-d.y1)*0.4
			}
			g.Dots = append(g.Dots, dot{num(d.x2), num(d.y2), "lost", "lost: " + m.Lost, "×"})
		case g.isGrave(m):
			d.class = "msg grave"
		}
		id := fmt.Sprintf("m%d", i+1)
		g.Arrows = append(g.Arrows, arrow{num(d.x1), num(d.y1), num(d.x2), num(d.y2), d.class, titleOfMessage(m), id})
		g.scene.Messages = append(g.scene.Messages, tellMessage(m, id, d.class == "msg grave"))
		all = append(all, d)
	}
	slices.SortStableFunc(all, func(a, b drawn) int { return cmp.Compare(rankOf(a.class), rankOf(b.class)) })
	for _, d := range all {
		g.name(d.m, d.x1, d.y1, d.x2, d.y2, d.class)
	}
}

func rankOf(class string) int {
	if class == "msg" {
		return 1
	}
	return 0
}

// name writes a message's name beside its arrow: what is asked at the left of it, what is answered at the right.
func (g *staging) name(m *recording.Message, x1, y1, x2, y2 float64, class string) {
	var places []place
	for _, at := range []float64{0.5, 0.35, 0.65, 0.2, 0.8} {
		x, y := (x2-x1)*at, (y2-y1)*at+3.5
		left, right := place{x - 5, y, "end"}, place{x + 5, y, "start"}
		if !m.Asked {
			left, right = right, left
		}
		places = append(places, left, right)
	}
	label := m.Name
	for _, n := range g.Names {
		if strings.Contains(m.Text, n) && len(n) <= 14 {
			label += " " + n
			break
		}
	}
	textClass := "label"
	if class == "msg grave" {
		textClass = "label grave"
	}
	g.say(x1, y1, places, cut(label, 32), textClass, titleOfMessage(m))
}

func titleOfMessage(m *recording.Message) string {
	text := fmt.Sprintf("%s → %s: %s, sent %.6fs", m.From, m.To, m.Words(), m.Sent.Seconds())
	if m.Lost != "" {
		return text + ", lost: " + m.Lost
	}
	return fmt.Sprintf("%s, there %.6fs", text, m.At.Seconds())
}

// mostHex bounds the bytes that are shown of one message.
const mostHex = 160

func tellMessage(m *recording.Message, id string, grave bool) *told {
	t := &told{ID: id, Sent: fmt.Sprintf("%.6fs", m.Sent.Seconds()), At: fmt.Sprintf("%.6fs", m.At.Seconds()), From: m.From, To: m.To,
		Name: m.Name, Text: cut(m.Text, 300), Lost: m.Lost, Bytes: reports.Counted(len(m.Data), "byte"), Grave: grave}
	if n := len(m.Data); n > mostHex {
		t.More = fmt.Sprintf("… %d of %s", mostHex, reports.Count(n))
	}
	t.Hex = dump(m.Data[:min(len(m.Data), mostHex)])
	return t
}

// dump is bytes in rows of sixteen, in figures and as text.
func dump(data []byte) string {
	var b strings.Builder
	for at := 0; at < len(data); at += 16 {
		row := data[at:min(at+16, len(data))]
		fmt.Fprintf(&b, "%04x  ", at)
		for i := range 16 {
			if i < len(row) {
				fmt.Fprintf(&b, "%02x ", row[i])
			} else {
				b.WriteString("   ")
			}
		}
		b.WriteString(" ")
		for _, c := range row {
			if c < ' ' || c > '~' {
				c = '.'
			}
			b.WriteByte(c)
		}
		b.WriteString("\n")
	}
	return b.String()
}
