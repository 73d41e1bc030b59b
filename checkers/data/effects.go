package data

import (
	"errors"
	"fmt"
	"strings"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// EffectsOnce asks that of each message of some topics there is one effect in another, and no more: what a consumer writes that reads,
// computes and writes exactly once. An effect is a message whose value is its cause's, an arrow (→), and anything. What counts is what
// somebody polls of the other topic, so who polls it has to see committed messages only.
type EffectsOnce struct {
	Of       []string `yaml:"of" doc:"the topics of the causes"`
	Effects  string   `yaml:"effects" doc:"the topic of their effects"`
	CaughtUp bool     `yaml:"caught-up" doc:"at the end consumers polled until there was nothing more, so that each message that was acknowledged must have its effect"`
}

// Validate says what cannot be meant.
func (c *EffectsOnce) Validate() error {
	if len(c.Of) == 0 || c.Effects == "" {
		return errors.New("of, effects: say which topics have the causes and which the effects")
	}
	return nil
}

// effectPlace is where a message stands.
type effectPlace struct {
	partition string
	offset    int64
}

// effect is where the effect of a cause was first seen, and who saw it.
type effect struct {
	at effectPlace
	by *history.Operation
}

// Judge counts the effects of each cause.
func (c *EffectsOnce) Judge(e *evidence.Evidence) checkers.Judgement {
	causes, failed := c.causes(e)
	effects := map[string]effect{}
	for _, o := range e.Operations {
		if o.Kind != "poll" || o.Outcome != history.Ok {
			continue
		}
		records, err := history.RecordsOf(o.Output("records").Any())
		if err != nil {
			return unreadable(&checkers.BadOperation{Operation: o, Problem: err.Error()})
		}
		for _, r := range records {
			if topicOf(r.Partition) != c.Effects {
				continue
			}
			value, at := fmt.Sprint(r.Value), effectPlace{fmt.Sprint(r.Partition), r.Offset}
			cut := strings.LastIndex(value, "→")
			if cut < 0 {
				return unreadable(&checkers.BadOperation{Operation: o,
					Problem: fmt.Sprintf("%q is nobody's effect: it has no arrow", value)})
			}
			cause := value[:cut]
			first, again := effects[cause]
			switch {
			case !again:
				effects[cause] = effect{at, o}
			case first.at != at:
				return c.found(e, "doubled-effect", cause, fmt.Sprintf("%s had an effect at %d of %s and another at %d of %s", cause,
					first.at.offset, first.at.partition, at.offset, at.partition), len(causes), causes[cause], first.by, o)
			}
			if causes[cause] == nil {
				return c.found(e, "baseless-effect", cause,
					fmt.Sprintf("%s has an effect at %d of %s, but was never sent", cause, at.offset, at.partition),
					len(causes), failed[cause], o)
			}
		}
	}
	if len(effects) == 0 {
		return checkers.Vacuous.Because("nobody polled an effect")
	}
	if c.CaughtUp {
		for _, o := range e.Operations {
			for _, value := range c.sentBy(o) {
				if _, has := effects[value]; !has && o.Outcome == history.Ok {
					return c.found(e, "no-effect", value,
						fmt.Sprintf("%s was acknowledged, and nobody polled an effect of it", value), len(causes), o)
				}
			}
		}
	}
	return checkers.Holds.With("%s of %s", wording.Count(len(effects), "effect"), wording.Count(len(causes), "message"))
}

// causes are the messages that may have an effect, and those that certainly were not sent, by whoever sent them.
func (c *EffectsOnce) causes(e *evidence.Evidence) (sent, failed map[string]*history.Operation) {
	sent, failed = map[string]*history.Operation{}, map[string]*history.Operation{}
	for _, o := range e.Operations {
		for _, value := range c.sentBy(o) {
			if o.Outcome == history.Fail {
				failed[value] = o
			} else {
				sent[value] = o
			}
		}
	}
	return sent, failed
}

// sentBy are the values that an operation sends to topics of causes.
func (c *EffectsOnce) sentBy(o *history.Operation) (values []string) {
	isCause := func(partition any) bool {
		for _, topic := range c.Of {
			if topicOf(partition) == topic {
				return true
			}
		}
		return false
	}
	switch o.Kind {
	case "send":
		if p := o.Input("partition"); isCause(p.Any()) {
			values = append(values, o.Input("value").String())
		}
	case "txn":
		steps, err := history.StepsOf(o.Input("value"))
		if err != nil {
			return nil // a transaction on something else
		}
		for _, s := range steps {
			if s.F == "send" && isCause(s.Key) {
				values = append(values, fmt.Sprint(s.Value))
			}
		}
	}
	return values
}

// topicOf is the topic in a partition's name: orders of orders-0.
func topicOf(partition any) string {
	name, _ := partition.(string)
	if cut := strings.LastIndexByte(name, '-'); cut >= 0 {
		return name[:cut]
	}
	return ""
}

// found is the judgement of an effect that is wrong, shown by those operations of whoever knows of it.
func (c *EffectsOnce) found(e *evidence.Evidence, anomaly, object, reason string, causes int,
	witness ...*history.Operation) checkers.Judgement {
	j := checkers.Judgement{Verdict: checkers.Violated, Anomaly: anomaly, Object: object, Reason: reason,
		Figure: wording.Count(causes, "message")}
	for _, o := range witness {
		if o != nil {
			j.Witness = append(j.Witness, o.ID)
		}
	}
	j.TellWitness(e.History)
	return j
}
