package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/cluster"
	"simrun/nodes/log/wire"
)

func sourceOf(config cluster.Config, name string) kmsg.ConfigSource {
	if value, said := config[name]; said && value != cluster.FindSetting(name).Default {
		return kmsg.ConfigSourceDynamicTopicConfig
	}
	return kmsg.ConfigSourceDefaultConfig
}

// onlyTopics is told of other resources.
const onlyTopics = "only topics are configured by this protocol"

// describeConfigs tells how topics are configured.
func (b *broker) describeConfigs(c *call, r *kmsg.DescribeConfigsRequest) {
	answer := r.ResponseKind().(*kmsg.DescribeConfigsResponse)
	for i := range r.Resources {
		asked := &r.Resources[i]
		told := kmsg.NewDescribeConfigsResponseResource()
		told.ResourceType, told.ResourceName = asked.ResourceType, asked.ResourceName
		t := b.state.Topic(asked.ResourceName)
		switch {
		case asked.ResourceType != kmsg.ConfigResourceTypeTopic:
			told.ErrorCode, told.ErrorMessage = int16(wire.InvalidRequest), kmsg.StringPtr(onlyTopics)
		case t == nil:
			told.ErrorCode = int16(wire.UnknownTopicOrPartition)
		default:
			for _, s := range cluster.Settings {
				if asked.ConfigNames != nil && !slices.Contains(asked.ConfigNames, s.Name) {
					continue
				}
				one := kmsg.NewDescribeConfigsResponseResourceConfig()
				one.Name, one.Value, one.Source = s.Name, kmsg.StringPtr(t.Config.Get(s.Name)), sourceOf(t.Config, s.Name)
				one.IsDefault = one.Source == kmsg.ConfigSourceDefaultConfig
				if r.IncludeDocumentation {
					one.Documentation = kmsg.StringPtr(s.Doc)
				}
				told.Configs = append(told.Configs, one)
			}
		}
		answer.Resources = append(answer.Resources, told)
	}
	c.reply(answer)
}

// defaults are the settings of a topic of which nobody says anything, as far as this broker is configured to other ones than the protocol's.
func (b *broker) defaults() cluster.Config { return b.config.topic(nil) }

// unset is the step by which a setting becomes what it is where nobody says anything.
func (b *broker) unset(name string) cluster.Step {
	if value, said := b.defaults()[name]; said {
		return cluster.Step{Setting: name, Do: cluster.Set, Value: value}
	}
	return cluster.Step{Setting: name, Do: cluster.Unset}
}

// alterConfigs gives topics the settings that are named, and to all others what they are by default.
func (b *broker) alterConfigs(c *call, r *kmsg.AlterConfigsRequest) {
	answer := r.ResponseKind().(*kmsg.AlterConfigsResponse)
	changes := make([]reconfiguration, len(r.Resources))
	for i := range r.Resources {
		asked := &r.Resources[i]
		change := &changes[i]
		change.kind, change.name = asked.ResourceType, asked.ResourceName
		for _, s := range cluster.Settings {
			change.steps = append(change.steps, b.unset(s.Name))
		}
		for _, one := range asked.Configs {
			change.add(one.Name, kmsg.IncrementalAlterConfigOpSet, one.Value)
		}
	}
	for i, result := range b.reconfigure(c, changes, r.ValidateOnly) {
		told := kmsg.NewAlterConfigsResponseResource()
		told.ResourceType, told.ResourceName = changes[i].kind, changes[i].name
		told.ErrorCode, told.ErrorMessage = codeAndWhy(result)
		answer.Resources = append(answer.Resources, told)
	}
	c.reply(answer)
}

// incrementalAlterConfigs changes the settings of topics that are named, and no others (KIP-339).
func (b *broker) incrementalAlterConfigs(c *call, r *kmsg.IncrementalAlterConfigsRequest) {
	answer := r.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	changes := make([]reconfiguration, len(r.Resources))
	for i := range r.Resources {
		asked := &r.Resources[i]
		change := &changes[i]
		change.kind, change.name = asked.ResourceType, asked.ResourceName
		for _, one := range asked.Configs {
			if one.Op == kmsg.IncrementalAlterConfigOpDelete {
				change.note(one.Name)
				change.steps = append(change.steps, b.unset(one.Name))
				continue
			}
			change.add(one.Name, one.Op, one.Value)
		}
	}
	for i, result := range b.reconfigure(c, changes, r.ValidateOnly) {
		told := kmsg.NewIncrementalAlterConfigsResponseResource()
		told.ResourceType, told.ResourceName = changes[i].kind, changes[i].name
		told.ErrorCode, told.ErrorMessage = codeAndWhy(result)
		answer.Resources = append(answer.Resources, told)
	}
	c.reply(answer)
}

// codeAndWhy is a result as answers have it.
func codeAndWhy(r cluster.Result) (code int16, why *string) {
	if r.Code != wire.None {
		why = kmsg.StringPtr(r.Why)
	}
	return int16(r.Code), why
}

// reconfiguration is what is asked for one topic.
type reconfiguration struct {
	kind  kmsg.ConfigResourceType
	name  string
	steps []cluster.Step
	named map[string]bool
	wrong string // why it cannot be meant
}

var changesOf = map[kmsg.IncrementalAlterConfigOp]cluster.Change{
	kmsg.IncrementalAlterConfigOpSet: cluster.Set, kmsg.IncrementalAlterConfigOpAppend: cluster.Append, kmsg.IncrementalAlterConfigOpSubtract: cluster.Subtract,
}

// add notes a step that takes a value.
func (r *reconfiguration) add(name string, op kmsg.IncrementalAlterConfigOp, value *string) {
	r.note(name)
	do, known := changesOf[op]
	switch {
	case !known:
		r.wrong = "what is to become of " + name + " is not known"
	case value == nil:
		r.wrong = name + " has no value"
	default:
		r.steps = append(r.steps, cluster.Step{Setting: name, Do: do, Value: *value})
	}
}

// note notes that a setting is named.
func (r *reconfiguration) note(name string) {
	if r.named[name] {
		r.wrong = name + ": " + errTwice.Error()
	}
	if r.named == nil {
		r.named = map[string]bool{}
	}
	r.named[name] = true
}

// reconfigure has the controllers change how topics are configured, each or not at all, and waits until this broker knows.
func (b *broker) reconfigure(c *call, changes []reconfiguration, check bool) []cluster.Result {
	results := make([]cluster.Result, len(changes))
	var commands []*cluster.Command
	var of []int
	seen := map[string]bool{}
	for i := range changes {
		change := &changes[i]
		switch {
		case change.kind != kmsg.ConfigResourceTypeTopic:
			results[i] = cluster.Result{Code: wire.InvalidRequest, Why: onlyTopics}
		case seen[change.name]:
			results[i] = cluster.Result{Code: wire.InvalidRequest, Why: errTwice.Error()}
		case internal(change.name):
			results[i] = cluster.Result{Code: wire.InvalidTopic, Why: "the topic is the brokers' own"}
		case change.wrong != "":
			results[i] = cluster.Result{Code: wire.InvalidRequest, Why: change.wrong}
		default:
			commands = append(commands, &cluster.Command{Configure: &cluster.Configure{Name: change.name, Steps: change.steps, Check: check}})
			of = append(of, i)
		}
		seen[change.name] = true
	}
	before := make([]*cluster.Topic, len(of))
	for n, i := range of {
		before[n] = b.state.Topic(changes[i].name)
	}
	c.pause(func() error {
		for n, result := range b.allSettled(commands, b.patience()) {
			if results[of[n]] = result; result.Code == wire.None && !check {
				b.until(b.patience(), func() bool { return b.state.Topic(changes[of[n]].name) != before[n] })
			}
		}
		return nil
	})
	return results
}
