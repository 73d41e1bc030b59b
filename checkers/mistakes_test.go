//go:build campaign

package checkers

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mistakes are plausible ones in the source of the algorithms: what stands there, and what somebody might have written.
var mistakes = []struct{ file, right, wrong string }{
	{"cycles/graph.go", "f.b.Edge(node, f.after[i+1], kind)", "f.b.Edge(node, f.after[i], kind)"},
	{"cycles/graph.go", "if i > 0 {\n\t\t\tf.b.Edge(node, f.before[i-1], kind)", "if i > 1 {\n\t\t\tf.b.Edge(node, f.before[i-1], kind)"},
	{"cycles/order.go", "(!touch || ended[0] >= i)", "!touch"},
	{"cycles/order.go", "(!touch || ended[0] >= i)", "ended[0] >= i"},
	{"cycles/components.go", "low[s] = min(low[s], index[t])", "_ = t"},
	{"cycles/components.go", "case onStack[t]:", "default:"},
	{"cycles/components.go", "return 1, state == 0", "return 1, true"},
	{"cycles/components.go", "case kind == 0:\n\t\treturn state, true", "case kind == 0:\n\t\treturn 0, true"},
	{"cycles/knot.go", "case h.k.hidden(t / width):", "case false:"},
	{"cycles/knot.go", "for h.k.hidden(s / width) {\n\t\t\tkind = h.by[s]", "for h.k.hidden(s / width) {\n\t\t\t_ = kind"},

	{"txn/circle.go", "b.Edge(r.txn, writer(n), rw)", "b.Edge(writer(n), r.txn, rw)"},
	{"txn/circle.go", "\t\t\trest.From(r.txn, rw)\n", ""},
	{"txn/circle.go", "rest.From(writer(n-1), ww)", "rest.From(writer(0), ww)"},
	{"txn/circle.go", "b.Edge(writer(i-1), writer(i), ww)", "b.Edge(writer(0), writer(i), ww)"},
	{"txn/circle.go", "b.Edge(writer(n-own-1), r.txn, wr)", "b.Edge(writer(n-1), r.txn, wr)"},
	{"txn/circle.go", "case own > 0: // its own", "case own > 9: // its own"},
	{"txn/circle.go", "b.Order(spans, realtime, false)", "b.Order(spans, realtime, true)"},
	{"txn/circle.go", "b.Order(spans[from:to], process, true)", "b.Order(spans[from:to], process, false)"},
	{"txn/circle.go", "if l := &x.lists[k]; !l.broken {", "if l := &x.lists[k]; !l.soiled {"},
	{"txn/index.go", "\t\tx.committed[l.makers[i].txn] = true\n", ""},
	{"txn/index.go", "return known && x.txns[a.txn].Possible()", "_ = a\n\treturn known"},
	{"txn/index.go", "l.broken = !l.fits(x)", "l.broken = false"},
	{"txn/index.go", "if read := l.saw(x, a); len(read) > len(l.order) {", "if read := l.saw(x, a); len(l.order) == 0 {"},
	{"txn/rule.go", "case n > 0 && l.last(x, read[:n]).txn == r.txn:", "case n < 0:"},
	{"txn/rule.go", "also && before < at", "also && before != at"},
	{"txn/rule.go", "version := len(l.saw(x, r))", "version := 0"},
	{"txn/rule.go", "if last.txn == r.txn {\n\t\t\t\tcontinue", "if false {\n\t\t\t\tcontinue"},
	{"txn/rule.go", "n := len(l.saw(x, r)) - own\n\t\t\tif found", "n := len(l.saw(x, r))\n\t\t\tif found"},
	{"txn/rule.go", "other && before != r.txn", "other"},
	{"txn/level.go", "{Kinds: ww | wr | rw, Apart: rw}", "{Kinds: ww | wr | rw}"},

	{"replicas/access.go", "a.Value == linear.Nil && !b.deletes:", "a.Value == linear.Nil:"},
	{"replicas/access.go", "case a.Kind == Read && !a.known(), !a.Possible():", "case a.Kind == Read && !a.known():"},
	{"replicas/session.go", "h.version < version || !a.writes() && h.version == version", "h.version <= version"},
	{"replicas/session.go", "h.version < version || !a.writes() && h.version == version", "h.version < version"},
	{"replicas/session.go", "mine[i].Return == mine[j].Call && i < j", "mine[i].Return == mine[j].Call"},
	{"replicas/session.go", "mine[i].Return == mine[j].Call && i < j", "false"},
	{"replicas/session.go", "version > h.version {", "true {"},
	{"replicas/access.go", "before.Value != a.Value || before.Version != a.Version", "before.Value != a.Value"},
	{"replicas/access.go", "a.deletes() || b.repeated[a.Value]:", "a.deletes():"},
	{"replicas/access.go", "if !b.repeated[a.Value] {", "if true {"},
	{"replicas/riddle.go", " || b.repeated[a.Value]", ""},
	{"replicas/staleness.go", "w == nil || b.repeated[a.Value]", "w == nil"},
	{"replicas/staleness.go", "one == nil {", "one == nil || true {"},
	{"replicas/resurrection.go", " || forked != nil", " || forked == w"},
	{"replicas/resurrection.go", " || b.repeated[a.Value]", ""},
	{"replicas/riddle.go", "case !a.Certain():\n\t\tcase a.writes():", "case a.writes():"},
	{"replicas/riddle.go", "case before.Value == a.Value && a.writes():", "case false:"},
	{"replicas/riddle.go", "\tr.facts(b)\n", ""},
	{"replicas/staleness.go", "answered[next].Return < a.Call", "answered[next].Return <= a.Call"},
	{"replicas/staleness.go", "if place > saw {", "if place >= saw {"},
	{"replicas/staleness.go", "return int64(w.End()), true", "return int64(w.Call), true"},
	{"replicas/staleness.go", "writes[i].place = int64(writes[i].Call)", "writes[i].place = int64(writes[i].Return)"},
	{"replicas/staleness.go", "first[i+1].Return < first[i].Return", "first[i+1].Return > first[i].Return"},
	{"replicas/staleness.go", "byVersion = byVersion && known", "byVersion = known"},
	{"replicas/staleness.go", "i += i & -i", "i += i"},
	{"replicas/resurrection.go", "|| a.Call < after", ""},
	{"replicas/resurrection.go", "d.Return < a.Call", "d.Return <= a.Call"},
	{"replicas/resurrection.go", "return d.all.past(int64(w.End()))", "return d.all.past(int64(w.Call))"},
	{"replicas/resurrection.go", "found := d.untold.past(int64(w.End()))", "found := d.all.past(int64(w.End()))"},
	{"replicas/resurrection.go", "if r.place > place {", "if r.place >= place {"},
	{"replicas/resurrection.go", "f != nil && w == nil", "f != nil && w != nil"},

	{"logs/place.go", "m.Told && o.Certain()", "m.Told"},
	{"logs/place.go", "case before.value != r.Value:", "case before.by != by && false:"},
	{"logs/place.go", "case m.at != at:", "case m.at.offset != at.offset:"},
	{"logs/place.go", "m.at.offset < p.highest", "m.at.offset <= p.highest"},
	{"logs/place.go", "b.Latest && m.at.offset < p.lowest", "b.Latest"},
	{"logs/place.go", "m.at.offset < latest[", "m.at.offset <= latest["},
	{"logs/place.go", "m.polled != nil || gone || !m.by.Certain()", "m.polled != nil || gone"},
	{"logs/place.go", "m.polled != nil || gone || !m.by.Certain()", "m.polled != nil || !m.by.Certain()"},
	{"logs/place.go", "m.Key == linear.Nil || !m.by.Possible()", "m.Key == linear.Nil"},
	{"logs/place.go", "by.Return < m.by.Call", "by.Return <= m.by.Call"},
	{"logs/place.go", "\tp.lowest = min(p.lowest, r.Offset)\n", ""},
	{"logs/place.go", "first.at.partition != m.at.partition", "first.by != m.by"},
	{"logs/order.go", " || o.Polls && o.Possible() && !o.ok()", ""},
	{"logs/order.go", "last.Return > o.Call", "last.Return >= o.Call"},
	{"logs/order.go", "if r.Offset <= before.offset {", "if r.Offset < before.offset {"},
	{"logs/order.go", "!known || o.Moved && before.by == o", "!known"},
	{"logs/order.go", "if o.Moved || o.Polls", "if o.Polls"},
	{"logs/order.go", "p.offsets[i] < to", "p.offsets[i] <= to"},
	{"logs/order.go", "m.shown != nil && o.Possible() &&", "m.shown != nil &&"},
	{"logs/order.go", "before == nil || before.at.offset < m.at.offset", "before == nil || before.by != m.by"},
	{"logs/order.go", "e.Return > o.Call || e.Return == o.Call && ended[0] >= i", "e.Return > o.Call || ended[0] == i"},
	{"logs/order.go", "e.Return > o.Call || e.Return == o.Call && ended[0] >= i", "e.Return >= o.Call || i < 0"},
}

// If this fails, somebody could make that mistake and no test of the algorithm would say so.
func TestMistakesAreCaught(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	for _, m := range mistakes {
		t.Run(m.file+": "+m.wrong, func(t *testing.T) {
			source, err := os.ReadFile(m.file)
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(source), m.right), "%q does not stand there once", m.right)
			dir := t.TempDir()
			wrong, overlay := filepath.Join(dir, "wrong.go"), filepath.Join(dir, "overlay.json")
			require.NoError(t, os.WriteFile(wrong, []byte(strings.Replace(string(source), m.right, m.wrong, 1)), 0o644))
			text, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(here, m.file): wrong}})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(overlay, text, 0o644))
			pkg := "./" + filepath.Dir(m.file)
			out, err := exec.Command("go", "test", "-vet=off", "-overlay", overlay, "-count=1", "-timeout=2m", pkg).CombinedOutput()
			require.Error(t, err, "nobody notices: %s", out)
			require.NotContains(t, string(out), "[build failed]", "it must be Go: %s", out)
		})
	}
}
