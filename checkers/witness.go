package checkers

import (
	"fmt"
	"slices"
	"strings"

	"simrun/checkers/evidence"
	"simrun/nodes/history"
)

// MostWitnesses bounds what a judgement names: the first few show it.
const MostWitnesses = 8

// IDs is the witness that some operations make.
func IDs(ops []*history.Operation) (ids []uint64) {
	for _, o := range ops[:min(len(ops), MostWitnesses)] {
		ids = append(ids, o.ID)
	}
	return ids
}

// TellWitness tells when the operations of the witness were, and what they did.
func (j *Judgement) TellWitness(h *history.History) {
	for _, o := range h.Operations {
		if !slices.Contains(j.Witness, o.ID) {
			continue
		}
		end := "no answer"
		if o.Outcome == history.Ok || o.Outcome == history.Fail {
			end = o.Return.String()
			j.Window.To = max(j.Window.To, o.Return)
		}
		if len(j.Story) == 0 || o.Call < j.Window.From {
			j.Window.From = o.Call
		}
		j.Window.To = max(j.Window.To, o.Call)
		j.Story = append(j.Story, fmt.Sprintf("%s to %s: %s %s (operation %d)", o.Call, end, o.Host, Describe(o), o.ID))
	}
}

// Describe is an operation on a line: "read key=x -> ok value=3".
func Describe(o *history.Operation) string {
	var b strings.Builder
	b.WriteString(o.Kind)
	for _, a := range o.In {
		b.WriteString(" " + a.String())
	}
	b.WriteString(" -> " + o.Outcome.String())
	for _, a := range o.Out {
		b.WriteString(" " + a.String())
	}
	return b.String()
}

// Bitten adds the tally to a judgement's data, so that it stands next to every pass.
func Bitten(e *evidence.Evidence, j Judgement) Judgement {
	b := e.Bite()
	if j.Data == nil {
		j.Data = map[string]float64{}
	}
	j.Data["faults"], j.Data["effects"] = float64(b.Faults), float64(b.Effects)
	j.Data["deaths"], j.Data["power-off"], j.Data["unsynced"] = float64(b.Deaths), float64(b.PowerOff), float64(b.Unsynced)
	return j
}
